"""The admin's actions on selected users: invite them, sign them out, deactivate them.

Each shows its numbers and names first, and does nothing until exactly these users are confirmed.
Accounts that the staff user may not manage are left out, and a message names them.
"""

import hashlib
from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.mail.letters import Mail
from accounts.mail.notices import notify_owner
from accounts.mail.queue import queue
from accounts.models import User
from tokens.admin import BigTableAdmin
from tokens.admin.authority import select_manageable
from tokens.admin.previews import MAX_NAMED, count_users, preview
from tokens.models import DeviceSession, Reason
from tokens.models.bidi import isolate
from tokens.sessions import lifecycle


@admin.action(description=_("Invite: send a link to choose a password"), permissions=["change"])
def send_invitation(
    modeladmin: BigTableAdmin, request: HttpRequest, chosen: QuerySet[User]
) -> HttpResponse | None:
    """Queue and log a mail for each active user with an e-mail address."""
    users = list(select_manageable(request, chosen))
    reachable = [user for user in users if user.is_active and user.email]
    omission = gettext("Left out, inactive or without an e-mail address: %(count)s.")
    left_out = omission % {"count": len(users) - len(reachable)}
    if reachable and not is_confirmed(request, reachable):
        numbers = [count_invitations(len(reachable))]
        if known := sum(user.has_usable_password() for user in reachable):
            numbers.append(count_passwords(known))
        numbers.append(left_out)
        return ask(modeladmin, request, gettext("Invite these users?"), reachable, numbers)
    if reachable:
        with transaction.atomic():
            for user in reachable:
                queue(Mail.INVITATION, user=str(user.pk))
            modeladmin.log_each(request, reachable, gettext("Sent an invitation."))
        sentence = gettext("Invitations on their way: %(count)s.") % {"count": len(reachable)}
        modeladmin.message_user(request, sentence)
    if len(reachable) < len(users):
        modeladmin.message_user(request, left_out, messages.WARNING)
    return None


@admin.action(description=_("Sign out: revoke every session"), permissions=["change"])
def revoke_sessions(
    modeladmin: BigTableAdmin, request: HttpRequest, chosen: QuerySet[User]
) -> HttpResponse | None:
    """Revoke every session of the users, and log it."""
    users = list(select_manageable(request, chosen))
    if not users:
        return None
    if not is_confirmed(request, users):
        numbers = [count_users(len(users)), count_sessions(users)]
        if request.user in users:
            numbers.append(gettext("You sign yourself out as well."))
        title = gettext("Sign these users out everywhere?")
        return ask(modeladmin, request, title, users, numbers)
    revoked = lifecycle.revoke_sessions([user.pk for user in users], Reason.ADMIN)
    modeladmin.log_each(request, users, gettext("Revoked every session."))
    messages.success(request, gettext("Sessions revoked: %(count)s.") % {"count": revoked})
    return None


@admin.action(description=_("Deactivate"), permissions=["change"])
def deactivate(
    modeladmin: BigTableAdmin, request: HttpRequest, chosen: QuerySet[User]
) -> HttpResponse | None:
    """Deactivate the users, which revokes their sessions, log it and notify them by mail."""
    users = [
        user
        for user in select_manageable(request, chosen)
        if user.is_active and user.pk != request.user.pk
    ]
    omission = gettext("Left out, inactive, yourself or not yours to manage: %(count)s.")
    left_out = omission % {"count": chosen.count() - len(users)}
    if not users:
        messages.warning(request, left_out)
        return None
    if not is_confirmed(request, users):
        numbers = [count_users(len(users)), count_sessions(users), left_out]
        return ask(modeladmin, request, gettext("Deactivate these users?"), users, numbers)
    for user in users:
        with notify_owner(user):
            user.is_active = False
            user.save(update_fields=["is_active"])
    modeladmin.log_each(request, users, gettext("Deactivated."))
    messages.success(request, gettext("Users deactivated: %(count)s.") % {"count": len(users)})
    return None


def is_confirmed(request: HttpRequest, users: list[User]) -> bool:
    """Return whether the request comes from a preview of exactly these users."""
    return request.POST.get("confirmed") == selection_id(users)


def selection_id(users: list[User]) -> str:
    """Return a short text that differs for another set of users."""
    ids = " ".join(sorted(str(user.pk) for user in users))
    return hashlib.sha256(ids.encode()).hexdigest()[:32]


def ask(
    modeladmin: BigTableAdmin,
    request: HttpRequest,
    title: str,
    users: list[User],
    numbers: list[str],
) -> HttpResponse:
    """Return the preview of an action on exactly these users."""
    return preview(
        modeladmin,
        request,
        title=title,
        numbers=numbers,
        names=[isolate(str(user)) for user in users[: MAX_NAMED + 1]],
        confirmation=selection_id(users),
    )


def count_sessions(users: list[User]) -> str:
    """Return a sentence with the number of active sessions of these users: one query."""
    ids: list[Any] = [user.pk for user in users]
    number = DeviceSession.objects.active().filter(user__in=ids).count()
    sentence = ngettext("%(count)s active session ends", "%(count)s active sessions end", number)
    return sentence % {"count": number}


def count_invitations(number: int) -> str:
    sentence = ngettext("%(count)s user gets a mail", "%(count)s users get a mail", number)
    return sentence % {"count": number}


def count_passwords(number: int) -> str:
    """Return a sentence about the invited users who have a password."""
    sentence = ngettext(
        "%(count)s of them has a password, and a new one signs every device out",
        "%(count)s of them have a password, and a new one signs every device out",
        number,
    )
    return sentence % {"count": number}
