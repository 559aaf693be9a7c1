"""Middleware of the pages: calls of the API pass them by."""

from functools import partial
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import middleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import middleware as message_middleware
from django.contrib.sessions import middleware as session_middleware
from django.http import HttpRequest, HttpResponse
from django.middleware import csrf
from django.utils.functional import SimpleLazyObject

from accounts.browser.sign_in import device_session
from accounts.models import User
from tokens.http.request_context import noted_session

API = "/api/"
API_PREFIXES = (API, "/.well-known/")  # are who calls there


class PagesOnly:
    """A middleware that leaves calls of the API alone: they carry what proves them, or cookies."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith(API_PREFIXES):
            return self.get_response(request)
        return cast("Any", super()).__call__(request)


class SessionMiddleware(PagesOnly, session_middleware.SessionMiddleware):
    """Django's, for pages, but cookies are deleted with the attributes that they were set with."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response = super().process_response(request, response)
        for cookie in response.cookies.values():
            if cookie["max-age"] == 0:  # Django leaves these two out, also of messages' cookie.
                cookie["secure"] = settings.SESSION_COOKIE_SECURE
                cookie["httponly"] = settings.SESSION_COOKIE_HTTPONLY
        return response


class CsrfViewMiddleware(PagesOnly, csrf.CsrfViewMiddleware):
    """Django's, for pages: the API has its own check (tokens/http/csrf.py)."""

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> Any:
        if request.path_info.startswith(API_PREFIXES):
            return None
        return super().process_view(request, view, args, kwargs)


class MessageMiddleware(PagesOnly, message_middleware.MessageMiddleware):
    """Django's, for pages."""


class AuthenticationMiddleware(PagesOnly, middleware.AuthenticationMiddleware):
    """Django's, for pages, but `request.user` is whoever the browser's device session belongs to.

    Nothing is asked before somebody looks, and then the row and its user are one query.
    """

    def process_request(self, request: HttpRequest) -> None:
        request.user = cast("User", SimpleLazyObject(partial(_user, request)))
        request.auser = partial(_auser, request)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Have nobody keep what was shown to who is signed in, and forget it at sign-out."""
        if noted_session(request) is not None:
            response.headers.setdefault("Cache-Control", "no-store")
        if request.__dict__.get("_signed_out"):
            response.headers["Clear-Site-Data"] = '"cache", "storage"'
        return response


def _user(request: HttpRequest) -> User | AnonymousUser:
    session = device_session(request)
    return cast("User | None", session and session.user) or AnonymousUser()


async def _auser(request: HttpRequest) -> User | AnonymousUser:
    return await sync_to_async(_user)(request)
