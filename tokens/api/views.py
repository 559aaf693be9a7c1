"""The token endpoints: each parses, calls one function and answers."""

from typing import Any, cast
from uuid import UUID

from django.contrib.auth import authenticate
from django.contrib.auth.models import AbstractUser
from django.db import transaction
from django.http import HttpResponse
from django.middleware.csrf import get_token
from rest_framework.exceptions import AuthenticationFailed, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError

from tokens.api.errors import to_api_exception
from tokens.api.openapi import operations
from tokens.api.serializers import LoginSerializer, SessionSerializer
from tokens.errors import TokenDomainError
from tokens.http import cookies, csrf
from tokens.http.authentication import (
    DatabaseAuthentication,
    require_audience,
    verify_current,
)
from tokens.http.client_address import client_address
from tokens.http.devices import device_of
from tokens.http.errors import RolesChangedError
from tokens.http.permissions import IsPerson
from tokens.http.refresh import NO_TEXT, idempotency_key, named_token, refresh
from tokens.http.request_context import state_of
from tokens.http.throttles import count, count_sign_in
from tokens.jwt.claims import AccessToken, Pair, RefreshToken
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import Limits, open_session, revoke_sessions, sign_out
from tokens.sessions.networks import client_network


class ListedMethodsView(APIView):
    """A view that answers 405 to methods that it lacks, before it authenticates the request."""

    http_method_names = ["get", "head", "post", "patch", "delete"]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method not in self.allowed_methods:
            self.http_method_not_allowed(request)
        super().initial(request, *args, **kwargs)


class TokenView(ListedMethodsView):
    """A view without authentication, whose responses must not be cached.

    It never runs inside a transaction of the request, which a refusal would roll back together
    with the revocation.
    """

    authentication_classes: Any = []
    permission_classes: Any = []

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        return transaction.non_atomic_requests(super().as_view(**initkwargs))

    def perform_authentication(self, request: Request) -> None:
        """Leave it to the permissions, which a view without authentication does not have."""

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def handle_exception(self, exc: Exception) -> Response:
        """Answer an error of the domain as the API does."""
        if not isinstance(exc, TokenDomainError):
            return super().handle_exception(exc)
        answer = to_api_exception(exc)
        answer.__cause__ = exc  # The log names the reason.
        return super().handle_exception(answer)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response


class SignedInView(TokenView):
    """The same for requests with an access token. The row of its session must be valid."""

    authentication_classes: Any = [DatabaseAuthentication]
    permission_classes: Any = [IsPerson]

    @property
    def user(self) -> AbstractUser:
        return cast("AbstractUser", self.request.user)

    @property
    def token(self) -> AccessToken:
        return cast("AccessToken", self.request.auth)

    @property
    def sid(self) -> UUID:
        return self.token.sid


class LoginView(TokenView):
    """Sign in with a password, and return the first pair of a new device session."""

    @operations.login
    def post(self, request: Request) -> HttpResponse:
        asked = validate_body(LoginSerializer, request)
        by_cookie = asked["transport"] == "cookie"
        if by_cookie:
            csrf.require(request._request)
        device = device_of(request, asked["device"])
        count_sign_in(asked["username"], device.ip_address)
        user = authenticate(
            request._request, username=asked["username"], password=asked["password"]
        )
        limits = Limits(scope=asked["scope"], audience=asked["audience"])
        pair = None if user is None else open_session(user, device, limits)
        if pair is None:
            raise AuthenticationFailed(
                "No active account was found with these credentials.", "no_active_account"
            )
        return sign_in_by_cookie(request, pair) if by_cookie else Response(pair.as_json())


class RefreshView(TokenView):
    """Spend a refresh token, and return the pair that follows it."""

    @operations.refresh
    def post(self, request: Request) -> HttpResponse:
        raw, by_cookie = read_refresh_token(request)
        pair = refresh(
            raw or read_token(request, "refresh"),
            retry_key=idempotency_key(request),
            ip_address=client_address(request),
            named=named_token(request.data),
        )
        state_of(request._request).session = pair.session  # for the log
        return cookies.token_response(pair) if by_cookie else cookies.json_response(pair.as_json())


class LogoutView(TokenView):
    """Revoke the session of a refresh token; always 204. A browser deletes its cookies."""

    @operations.logout
    def post(self, request: Request) -> Response:
        raw, by_cookie = read_refresh_token(request)
        sign_out(raw)
        response = Response(status=204)
        if by_cookie:
            cookies.delete_cookies(response)
        return response


class LogoutAllView(SignedInView):
    """Revoke every session of this user, including the present one."""

    @operations.logout_all
    def post(self, request: Request) -> Response:
        response = Response({"ended": revoke_sessions([self.user.pk], Reason.LOGOUT_ALL)})
        if cookies.authenticated_by_cookie(request):
            cookies.delete_cookies(response)
        return response


class LogoutOthersView(SignedInView):
    """Revoke every session of this user except the present one."""

    @operations.logout_others
    def post(self, request: Request) -> Response:
        ended = revoke_sessions([self.user.pk], Reason.LOGOUT_ALL, keep=self.sid)
        return Response({"ended": ended})


class VerifyView(TokenView):
    """Say whether an access token would be accepted now."""

    @operations.verify
    def post(self, request: Request) -> Response:
        count("verify", client_network(client_address(request)))
        try:
            _, token = verify_current(read_token(request, "token"))
        except RolesChangedError as error:
            raise InvalidToken from error
        require_audience(token)
        return Response({})


class CsrfView(TokenView):
    """Return a CSRF token for the API, and set the cookie that belongs to it."""

    @operations.csrf
    def get(self, request: Request) -> Response:
        csrf.prepare(request._request)
        response = Response({"csrfToken": get_token(request._request)})
        csrf.set_cookie(request._request, response)
        return response


class SessionsView(SignedInView):
    """List this user's active sessions, the newest sign-in first."""

    @operations.list_sessions
    def get(self, request: Request) -> Response:
        active = DeviceSession.objects.filter(user=self.user.pk).active()
        newest_first = active.order_by("-created_at", "-pk")
        return Response(SessionSerializer(newest_first, many=True, context={"sid": self.sid}).data)


class SessionView(SignedInView):
    """Revoke one of this user's sessions. A repeated call changes nothing.

    If it is the session of the request's cookies, the response deletes them.
    """

    @operations.end_session
    def delete(self, request: Request, sid: str) -> Response:
        try:
            session = UUID(sid)
        except ValueError as error:
            raise NotFound from error
        ended = revoke_sessions([self.user.pk], Reason.LOGOUT, sid=session)
        if not ended and not DeviceSession.objects.filter(user=self.user.pk, sid=session).exists():
            raise NotFound
        response = Response(status=204)
        if session == self.sid and cookies.authenticated_by_cookie(request):
            cookies.delete_cookies(response)
        return response


def validate_body(serializer_class: type[Serializer[None]], request: Request) -> dict[str, Any]:
    """Return the validated body, or raise ValidationError."""
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def read_token(request: Request, name: str) -> str:
    """Return the token that the body has under this name, or raise ValidationError.

    A serializer would give the same answers, but take longer than the rest of the view.
    """
    body = request.data
    if not isinstance(body, dict | None):
        raise ValidationError({"non_field_errors": ["The body must be a JSON object."]})
    token = body.get(name) if body else None
    if token is None or token == "":
        raise ValidationError({name: ["This field is required."]})
    if not isinstance(token, str):
        raise ValidationError({name: [NO_TEXT]})
    return token


def read_refresh_token(request: Request) -> tuple[str, bool]:
    """Return the refresh token of the body or the cookie, and whether the cookie contained it.

    The cookie's token is empty if the browser has lost that cookie. Raises ValidationError if the
    request has no token, or one in the body and a valid one in the cookie. Raises CsrfFailedError
    if the cookie's token comes without a CSRF token.
    """
    cookie, body = cookies.read_token(request, "refresh"), request.data
    if cookies.uses_cookies(request) and isinstance(body, dict) and "refresh" not in body:
        csrf.require(request._request)
        return cookie, True
    raw = read_token(request, "refresh")
    if cookie and is_refresh_token(cookie):
        raise ValidationError({"refresh": ["There is one in the cookie too: send only one."]})
    return raw, False


def is_refresh_token(raw: str) -> bool:
    """Return whether this site signed this refresh token, spent or not, and it has not expired."""
    try:
        RefreshToken(raw)
    except TokenError:
        return False
    return True


def sign_in_by_cookie(request: Request, pair: Pair) -> HttpResponse:
    """Return the first pair in cookies, and revoke the session that the browser had before.

    If the access token does not fit into a cookie, the new session is revoked instead.
    """
    response = cookies.token_response(pair)
    if response.status_code == 200:
        sign_out(cookies.read_token(request, "refresh"))
    else:
        sign_out(str(pair.refresh))
        response.cookies.clear()
    return response
