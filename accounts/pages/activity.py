"""The page of the user's recent security events."""

from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

from accounts.activity import recent_events
from accounts.pages.page import SignedInPage
from tokens.models import EventKind

#: Events that the user should look at, because another person may have caused them.
ALARMING = (EventKind.NEW_DEVICE, EventKind.SIGN_IN_FAILED, EventKind.TOKEN_REUSED)


class ActivityPage(SignedInPage):
    """List the user's events, the newest first, with a link to older ones."""

    template_name = "activity.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        before = request.GET.get("before", "")
        try:
            events, older = recent_events(self.user, before)
        except ValueError as error:
            raise BadRequest("There is no such page.") from error
        return self.show(events=events, older=older, before=before, alarming=ALARMING)
