"""Authenticate and protect plain Django views under /api/ like those of Django REST framework.

`request.user` is the user of the access token. A plain view answers signed-in users only, unless it
has Django's decorator `login_not_required`. See docs/protecting.md.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast
from urllib.parse import urlsplit

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.mixins import AccessMixin
from django.core import checks
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import resolve_url
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import (
    APIException,
    AuthenticationFailed,
    NotAuthenticated,
    PermissionDenied,
)
from rest_framework.request import Request
from rest_framework.settings import api_settings

from project.web.errors import RefusalMiddleware, exception_handler
from project.web.handler import has_middleware
from tokens.http import csrf
from tokens.http.authentication import AnonymousTokenUser
from tokens.http.errors import CsrfFailedError
from tokens.http.paths import API, API_PREFIXES


class PlainViewMiddleware:
    """Authenticate calls of the API by their access token, and refuse anonymous ones.

    The views of Django REST framework authenticate by themselves: they have `login_required` False.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.unavailable = RefusalMiddleware(get_response).process_exception

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(API):
            if request.path_info.startswith(API_PREFIXES):  # A page has the user of its browser.
                request.user, request.auser = AnonymousTokenUser(), partial(load_user, request)
            return self.get_response(request)
        request.user = cast("Any", SimpleLazyObject(partial(authenticate, request)))
        request.auser = partial(load_user, request)
        vars(request)["auth"] = None  # until `request.user` is used
        response = self.get_response(request)
        if response.status_code == 302 and leads_to_sign_in(response):
            signed_in = request.user.is_authenticated
            response = refuse(request, PermissionDenied() if signed_in else None)
        if "CSRF_COOKIE" in request.META:
            csrf.set_cookie(request, response)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        protected = getattr(view, "login_required", True)
        exempt = getattr(view, "csrf_exempt", False) and not protected
        if exempt or not request.path_info.startswith(API):
            return None
        try:
            csrf.prepare(request)  # for a form in the view's page
            if protected and not request.user.is_authenticated:
                return refuse(request)
            if not protected and "HTTP_AUTHORIZATION" not in request.META:
                csrf.require(request)
        except CsrfFailedError as error:
            return refuse(request, error)
        except Exception as error:
            # Django asks middleware about exceptions of views, and not about those of middleware.
            response = self.unavailable(request, error)
            if response is None:
                raise
            return response
        # A decorator for pages, such as csrf_protect, would look for the token of the pages.
        vars(request)["csrf_processing_done"] = True
        return None

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer 401 if the row of the user was needed, and the user is deleted or inactive."""
        if request.path_info.startswith(API) and isinstance(error, AuthenticationFailed):
            return refuse(request, error)
        return None


def authenticate(request: HttpRequest) -> Any:
    """Return the user whom Django REST framework's default authentication finds: no query.

    The user is an AnonymousTokenUser if the token is missing or refused; `refuse` distinguishes
    these. `request.auth` becomes the token, or None.
    """
    # An authentication class that reads the user would call this function again.
    request.user = AnonymousTokenUser()
    classes = cast("list[type[BaseAuthentication]]", api_settings.DEFAULT_AUTHENTICATION_CLASSES)
    authenticators = [make() for make in classes]
    try:
        return Request(request, authenticators=authenticators).user
    except APIException as refusal:
        vars(request)["_refused_credentials"] = refusal
        return request.user


async def load_user(request: HttpRequest) -> Any:
    """Return `request.user` with its row loaded, which asynchronous code cannot do later."""

    def load() -> Any:
        request.user.get_username()
        return request.user

    return await sync_to_async(load)()


def refuse(request: HttpRequest, error: APIException | None = None) -> HttpResponse:
    """Return the answer that Django REST framework would give, as JSON.

    Without an error it is the reason why the request is anonymous.
    """
    refused = vars(request).get("_refused_credentials")
    error = error or refused or NotAuthenticated()
    if error.status_code == 401:
        vars(error)["auth_header"] = "Bearer"
    response = exception_handler(error, {"request": Request(request)})
    assert response is not None  # noqa: S101  (it has an answer for every APIException)
    answer = JsonResponse(response.data, status=response.status_code)
    if "WWW-Authenticate" in response:
        answer["WWW-Authenticate"] = response["WWW-Authenticate"]
    return answer


def leads_to_sign_in(response: HttpResponse) -> bool:
    """Return whether a decorator such as `permission_required` has sent the caller to sign in."""
    target = urlsplit(response.headers.get("Location", "")).path
    return bool(target == resolve_url(settings.LOGIN_URL))


def check_plain_views(**kwargs: Any) -> list[checks.CheckMessage]:
    """Return a warning for each plain view under /api/ that answers anonymous requests by mistake.

    These are the views without a decorator or mixin of django.contrib.auth, if MIDDLEWARE has
    neither PlainViewMiddleware nor Django's LoginRequiredMiddleware.
    """
    if has_middleware(PlainViewMiddleware, LoginRequiredMiddleware):
        return []
    return [
        checks.Warning(
            f"Anonymous requests can call the view {name_of(view)} at /{route}.",
            hint=(
                'Add "project.web.plain_views.PlainViewMiddleware" to MIDDLEWARE, or mark the view'
                " with Django's decorator login_required or login_not_required."
            ),
            id="latchkey.W020",
        )
        for route, view in views(get_resolver())
        if f"/{route}".startswith(API) and not says_who_may_call(view)
    ]


def views(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the route, without a leading slash, and the view of each pattern."""
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern).removeprefix("^")
        if isinstance(pattern, URLPattern):
            yield route, pattern.callback
        else:
            yield from views(pattern, route)


def says_who_may_call(view: Any) -> bool:
    """Return whether the view is public on purpose, or has a check of Django's for its caller."""
    if not getattr(view, "login_required", True):
        return True  # by login_not_required, or it is a view of Django REST framework
    is_decorated = hasattr(view, "redirect_field_name")  # by login_required and its kind
    return is_decorated or issubclass(getattr(view, "view_class", object), AccessMixin)


def name_of(view: Any) -> str:
    return f"{view.__module__}.{getattr(view, '__qualname__', type(view).__qualname__)}"
