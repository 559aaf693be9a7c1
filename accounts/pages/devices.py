"""Where somebody is signed in, and the end of that."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.functional import cached_property

from accounts import changes
from accounts.browser import sign_in
from accounts.browser.sign_in import device_session, is_remembered
from accounts.pages.forms import CurrentPasswordForm
from accounts.pages.page import SignedInFormPage, SignedInPage
from tokens.models import DeviceSession, Kind, Reason
from tokens.sessions.lifecycle import revoke_sessions

RECENT = timedelta(minutes=10)


@dataclass(frozen=True)
class Shown:
    """A device as people see it."""

    session: DeviceSession
    here: bool

    @property
    def name(self) -> str:
        return self.session.device_name

    @property
    def kind(self) -> str:
        return "Browser" if self.session.kind == Kind.BROWSER else "App or program"


class DevicesPage(SignedInPage):
    """Every device that is signed in: this one first, then the newest sign-in."""

    template_name = "devices.html"

    def get(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        current = device_session(request)
        living = DeviceSession.objects.filter(user=self.user.pk).active()
        listed = [Shown(one, one == current) for one in living.order_by("-created_at", "-pk")]
        return self.show(devices=sorted(listed, key=lambda shown: not shown.here))


class EndPage(SignedInFormPage[CurrentPasswordForm]):
    """End devices, with the password unless it was typed here a moment ago.

    The buttons of the list bring no password: where one is needed they lead to the question.
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
        changes.verify_password(caller, form.cleaned_data["current_password"])
        remember = is_remembered(self.request)
        sign_in.sign_in(self.request, self.user, remember=remember)
        return self.end()

    @abstractmethod
    def end(self) -> HttpResponse:
        """End what is to be ended and lead back to the list."""

    def show(self, status: int = 200, **context: Any) -> HttpResponse:
        return super().show(status, is_recent=self.is_recent, **context)

    @property
    def is_recent(self) -> bool:
        """Whether the password was typed here within `RECENT` (ASVS 5.0 7.5.2)."""
        return timezone.now() - self.current.auth_time < RECENT

    @property
    def current(self) -> DeviceSession:
        """The session of this browser; who is signed in has one."""
        return cast("DeviceSession", device_session(self.request))


class EndOnePage(EndPage):
    """End the device that the address names, if it is this user's."""

    template_name = "device_end.html"

    @cached_property
    def device(self) -> Shown:
        living = DeviceSession.objects.filter(user=self.user.pk).active()
        session = get_object_or_404(living, sid=self.kwargs["sid"])
        return Shown(session, here=session == self.current)

    def act(self, form: CurrentPasswordForm) -> HttpResponse:
        self.device  # noqa: B018  (looked up before this browser's session is another)
        return super().act(form)

    def end(self) -> HttpResponse:
        if self.device.here:
            logout(self.request)
            return redirect("logout")
        revoke_sessions([self.user.pk], Reason.LOGOUT, sid=self.device.session.sid)
        messages.success(self.request, f"{self.device.name} is signed out.")
        return redirect("devices")

    def show(self, status: int = 200, **context: Any) -> HttpResponse:
        return super().show(status, device=self.device, **context)


class EndOthersPage(EndPage):
    """End every device but this one."""

    template_name = "devices_end.html"

    def end(self) -> HttpResponse:
        ended = revoke_sessions([self.user.pk], Reason.LOGOUT_ALL, keep=self.current.sid)
        messages.success(self.request, f"Signed out: {ended}. This device stays signed in.")
        return redirect("devices")
