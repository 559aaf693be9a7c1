"""The list of the user's devices, and the pages that sign devices out."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth import logout
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from accounts import changes, throttles
from accounts.browser import sign_in
from accounts.browser.sign_in import device_session, is_remembered
from accounts.pages.forms import CurrentPasswordForm
from accounts.pages.page import SignedInFormPage, SignedInPage
from tokens.models import DeviceSession, Kind, Reason
from tokens.models.user_agents import names_browser
from tokens.sessions.lifecycle import revoke_sessions
from tokens.sessions.networks import client_network

RECENT = timedelta(minutes=10)
PER_PAGE = 20  # entries of the list


@dataclass(frozen=True)
class ListedDevice:
    """A device session as the pages show it; `here` marks the session of this browser."""

    session: DeviceSession
    here: bool
    #: Older sessions that look the same: the list shows them below this one.
    similar: list["ListedDevice"] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.session.device_name

    @property
    def kind(self) -> str:
        """The kind of client. A browser can also use the API, with tokens in cookies."""
        session = self.session
        is_browser = session.kind == Kind.BROWSER or names_browser(session.user_agent)
        return _("Browser") if is_browser else _("App or program")

    @property
    def looks(self) -> tuple[bool, str, str, str]:
        """What two sessions have in common that the list shows as one entry."""
        return self.here, self.name, self.kind, client_network(self.session.ip_address)


def group_similar(devices: Iterable[ListedDevice]) -> list[ListedDevice]:
    """Return the first device of each kind that looks different, with the others in `similar`."""
    groups: dict[tuple[bool, str, str, str], ListedDevice] = {}
    for device in devices:
        first = groups.setdefault(device.looks, device)
        if first is not device:
            first.similar.append(device)
    return list(groups.values())


class DevicesPage(SignedInPage):
    """List the active device sessions: this browser first, then the newest sign-in first.

    Sessions that look the same are one entry, and a page has PER_PAGE entries.
    """

    template_name = "devices.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        current = device_session(request)
        active = DeviceSession.objects.filter(user=self.user.pk).active()
        newest_first = active.order_by("-created_at", "-pk")
        listed = [ListedDevice(session, session == current) for session in newest_first]
        groups = group_similar(sorted(listed, key=lambda device: not device.here))
        page = Paginator(groups, PER_PAGE).get_page(request.GET.get("page"))
        return self.show(devices=page.object_list, page=page, others=len(listed) > 1)


class EndPage(SignedInFormPage[CurrentPasswordForm]):
    """Sign devices out; ask for the password unless the user typed it within `RECENT`.

    The buttons of the list send no password. If it is needed, they open the form that asks for it.
    """

    form_class = CurrentPasswordForm

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if self.is_recent:
            return self.end()
        if "current_password" not in request.POST:
            return self.get(request)
        return super().post(request)

    def act(self, form: CurrentPasswordForm) -> HttpResponse:
        caller = sign_in.caller(self.request)
        throttles.count_current_password(caller)
        changes.verify_password(caller.user, form.cleaned_data["current_password"])
        remember = is_remembered(self.request)
        sign_in.sign_in(self.request, self.user, remember=remember)
        return self.end()

    @abstractmethod
    def end(self) -> HttpResponse:
        """Revoke the sessions and redirect to the list."""

    def show(self, status: int = 200, **context: Any) -> HttpResponse:
        context = {"is_recent": self.is_recent, "list_url": self.list_url, **context}
        return super().show(status, **context)

    @property
    def list_url(self) -> str:
        """Return the URL of the list, at the page that the visitor came from."""
        page = self.request.GET.get("page")
        return reverse("devices", query={"page": page} if page else None)

    @property
    def is_recent(self) -> bool:
        """Return whether the password was typed here within `RECENT` (ASVS 5.0 7.5.2)."""
        return timezone.now() - self.current.auth_time < RECENT

    @property
    def current(self) -> DeviceSession:
        """Return the device session of this browser, which every signed-in browser has."""
        return cast("DeviceSession", device_session(self.request))


class EndOnePage(EndPage):
    """Sign out the device whose `sid` is in the URL, if it is this user's."""

    template_name = "device_end.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.redirect_if_ended() or super().get(request, **kwargs)

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        return self.redirect_if_ended() or super().post(request, **kwargs)

    @cached_property
    def device(self) -> ListedDevice:
        session = get_object_or_404(DeviceSession, user=self.user.pk, sid=self.kwargs["sid"])
        return ListedDevice(session, here=session == self.current)

    def redirect_if_ended(self) -> HttpResponse | None:
        """Redirect to the list if the device was signed out before, for example in another tab."""
        if self.device.session.is_active:
            return None
        sentence = _("%(device)s was signed out before.")
        messages.info(self.request, sentence % {"device": self.device.name})
        return redirect(self.list_url)

    def end(self) -> HttpResponse:
        if self.device.here:
            logout(self.request)
            return redirect("logout")
        revoke_sessions([self.user.pk], Reason.LOGOUT, sid=self.device.session.sid)
        messages.success(
            self.request, _("%(device)s is signed out.") % {"device": self.device.name}
        )
        return redirect(self.list_url)

    def show(self, status: int = 200, **context: Any) -> HttpResponse:
        return super().show(status, device=self.device, **context)


class EndOthersPage(EndPage):
    """Sign out every device except this one."""

    template_name = "devices_end.html"

    def end(self) -> HttpResponse:
        ended = revoke_sessions([self.user.pk], Reason.LOGOUT_ALL, keep=self.current.sid)
        sentence = _("Signed out: %(count)s. This device stays signed in.")
        messages.success(self.request, sentence % {"count": ended})
        return redirect(self.list_url)
