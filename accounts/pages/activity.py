"""The page of the user's recent security events."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.activity import recent_events
from accounts.pages.page import SignedInPage
from tokens.models import Event, EventKind, Reason

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

#: What happened, for people who know nothing about tokens. Events of other kinds have no user.
SENTENCES: "dict[str, _StrPromise]" = {
    EventKind.SIGN_IN: _("A device signed in."),
    EventKind.NEW_DEVICE: _("A new device signed in."),
    EventKind.SIGN_IN_FAILED: _("A sign-in with your user name or e-mail address failed."),
    EventKind.SESSION_ENDED: _("A device was signed out."),
    EventKind.TOKEN_REUSED: _("The sign-in of a device was used twice, and may have been copied."),
    EventKind.TOKEN_CONTENDED: _(
        "Two programs or windows used the sign-in of a device at the same moment."
    ),
    EventKind.TOKEN_OUT_OF_STEP: _(
        "A device has to sign in again, because the site lost its latest data."
    ),
    EventKind.TOKEN_BLACKLISTED: _("The access of an app to your account was interrupted."),
    EventKind.PASSWORD_CHANGED: _("Your password was changed."),
    EventKind.EMAIL_CHANGED: _("Your e-mail address was changed."),
    EventKind.NAME_CHANGED: _("Your user name, first name or last name was changed."),
    EventKind.ROLES_CHANGED: _("Your rights on this site were changed."),
    EventKind.DEACTIVATED: _("Your account was deactivated."),
    EventKind.ACTIVATED: _("Your account was activated again."),
    EventKind.ADMIN_ACTION: _("Your account was changed."),
}
#: The sentences about the end of a session that has one of these reasons.
SIGNED_OUT: "dict[str, _StrPromise]" = {
    Reason.LOGOUT_ALL: _("A device was signed out, together with other devices."),
    Reason.CREDENTIALS_CHANGED: _(
        "A device was signed out, because your password or user name was changed."
    ),
    Reason.REUSE: _("A device was signed out, because its sign-in may have been copied."),
    Reason.DEACTIVATED: _("A device was signed out, because your account was deactivated."),
    Reason.EVICTED: _("A device was signed out, because too many devices were signed in."),
}
#: Events that the user should look at, because another person may have caused them.
ALARMING = (EventKind.NEW_DEVICE, EventKind.SIGN_IN_FAILED, EventKind.TOKEN_REUSED)
#: What to do, where the introduction of the page is not enough.
ADVICE: "dict[str, _StrPromise]" = {
    EventKind.NEW_DEVICE: _("If it was not you, change your password and sign out this device."),
    EventKind.SIGN_IN_FAILED: _(
        "If it was not you, another person may be guessing your password. Use a long one that you"
        " use on no other site."
    ),
    EventKind.TOKEN_REUSED: _(
        "The device was signed out to be safe. If you trust it, sign in on it again. If you do not"
        " know it or the IP address, change your password."
    ),
    EventKind.TOKEN_CONTENDED: _("If this happens often, sign out the device."),
}


@dataclass(frozen=True)
class ListedEvent:
    """An event as the page shows it."""

    event: Event

    @property
    def sentence(self) -> str:
        kind, reason = self.event.kind, self.event.reason
        ended = SIGNED_OUT.get(reason) if kind == EventKind.SESSION_ENDED else None
        return str(ended or SENTENCES.get(kind) or self.event)

    @property
    def advice(self) -> str:
        return str(ADVICE.get(self.event.kind, ""))

    @property
    def is_alarming(self) -> bool:
        return self.event.kind in ALARMING

    @property
    def by_administrator(self) -> bool:
        return self.event.actor_id is not None or self.event.reason == Reason.ADMIN


class ActivityPage(SignedInPage):
    """List the user's events, the newest first, with a link to older ones."""

    template_name = "activity.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        before = request.GET.get("before", "")
        try:
            events, older = recent_events(self.user, before)
        except ValueError as error:
            raise BadRequest("There is no such page.") from error
        return self.show(entries=[*map(ListedEvent, events)], older=older, before=before)
