"""The middleware of the pages. It ignores calls of the API."""

from functools import partial
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import middleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import middleware as message_middleware
from django.contrib.sessions import middleware as session_middleware
from django.http import HttpRequest, HttpResponse
from django.middleware import csrf
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _

from accounts.browser.sign_in import device_session
from accounts.models import User
from tokens.http.paths import API_PREFIXES
from tokens.http.request_context import state_of


class PagesOnly:
    """A middleware that ignores calls of the API, which carry a token of their own."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(API_PREFIXES):
            return self.get_response(request)
        return cast("Any", super()).__call__(request)


class SessionMiddleware(PagesOnly, session_middleware.SessionMiddleware):
    """Django's, for pages, but it deletes cookies with the attributes that they were set with."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response = super().process_response(request, response)
        for cookie in response.cookies.values():
            if cookie["max-age"] == 0:  # Django omits both, also in the cookie of messages.
                cookie["secure"] = settings.SESSION_COOKIE_SECURE
                cookie["httponly"] = settings.SESSION_COOKIE_HTTPONLY
        return response


class CsrfViewMiddleware(PagesOnly, csrf.CsrfViewMiddleware):
    """Django's, for pages. The API has another check (tokens/http/csrf.py)."""

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> Any:
        if request.path_info.startswith(API_PREFIXES):
            return None
        return super().process_view(request, view, args, kwargs)


class MessageMiddleware(PagesOnly, message_middleware.MessageMiddleware):
    """Django's, for pages. It says on the sign-in page that a form was not saved.

    A session can end while a page with a form is open, for example in another tab.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.method == "POST" and must_sign_in(request, response):
            sentence = _(
                "You are signed out, so the form was not saved. Sign in and send it again."
            )
            messages.warning(request, sentence)
        return super().process_response(request, response)


def must_sign_in(request: HttpRequest, response: HttpResponse) -> bool:
    """Return whether the view requires a signed-in user, and the request has none."""
    # This is the URL of the sign-in page of the site, and of that of the admin.
    if "/login/?next=" not in response.headers.get("Location", ""):
        return False
    return not (request.user.is_authenticated or state_of(request).signed_out)


class AuthenticationMiddleware(PagesOnly, middleware.AuthenticationMiddleware):
    """Django's, for pages, but `request.user` is the user of the browser's device session.

    The first use of `request.user` reads the session and its user in one query.
    """

    def process_request(self, request: HttpRequest) -> None:
        request.user = cast("User", SimpleLazyObject(partial(_user, request)))
        request.auser = partial(_auser, request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Forbid caches to store pages of a signed-in user, and clear the browser at sign-out."""
        state = state_of(request)
        if state.session is not None:
            response.headers.setdefault("Cache-Control", "no-store")
        if state.signed_out:
            response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response


def _user(request: HttpRequest) -> User | AnonymousUser:
    session = device_session(request)
    return cast("User | None", session and session.user) or AnonymousUser()


async def _auser(request: HttpRequest) -> User | AnonymousUser:
    return await sync_to_async(_user)(request)
