"""How an administrator lets somebody in: a mail with a link to choose a password."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.mail import Mail, queue
from accounts.models import User


@admin.action(description="Send an invitation to choose a password", permissions=["change"])
def send_invitation(
    modeladmin: admin.ModelAdmin[Any], request: HttpRequest, chosen: QuerySet[User]
) -> None:
    """Queue a mail for each active user who has an address, and say how many there were."""
    reachable = chosen.filter(is_active=True).exclude(email="")
    with transaction.atomic():
        invited = list(reachable.values_list("pk", flat=True))
        for pk in invited:
            queue(Mail.INVITATION, user=str(pk))
    left_out = chosen.count() - len(invited)
    modeladmin.message_user(request, f"Invitations on their way: {len(invited)}.")
    if left_out:
        sentence = f"Left out, inactive or without an e-mail address: {left_out}."
        modeladmin.message_user(request, sentence, messages.WARNING)
