"""How an administrator lets somebody in: a mail with a link to choose a password."""

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.mail.letters import Mail
from accounts.mail.queue import queue
from accounts.models import User
from tokens.admin import BigTableAdmin
from tokens.admin.authority import select_manageable


@admin.action(description="Send an invitation to choose a password", permissions=["change"])
def send_invitation(
    modeladmin: BigTableAdmin, request: HttpRequest, chosen: QuerySet[User]
) -> None:
    """Queue and log a mail for each active user with an address, and report the number.

    Accounts that the staff user may not manage are left out and named.
    """
    allowed = select_manageable(request, chosen)
    reachable = allowed.filter(is_active=True).exclude(email="")
    with transaction.atomic():
        invited = list(reachable)
        for user in invited:
            queue(Mail.INVITATION, user=str(user.pk))
        modeladmin.log_each(request, invited, "Sent an invitation.")
    left_out = allowed.count() - len(invited)
    if invited:
        modeladmin.message_user(request, f"Invitations on their way: {len(invited)}.")
    if left_out:
        sentence = f"Left out, inactive or without an e-mail address: {left_out}."
        modeladmin.message_user(request, sentence, messages.WARNING)
