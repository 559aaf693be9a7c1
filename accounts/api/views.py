"""The account endpoints: each parses, calls one function and answers."""

from typing import cast

from django.http import JsonResponse
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import changes
from accounts.api import openapi, serializers
from accounts.models import User
from tokens.api.views import SignedInView, TokenView, validate_body
from tokens.http import cookies
from tokens.http.client_address import client_address, client_network
from tokens.http.throttles import count


class AccountView(SignedInView):
    """A view that changes the account of the caller."""

    @property
    def caller(self) -> changes.Caller:
        address = client_address(self.request)
        return changes.Caller(user=cast("User", self.user), sid=self.sid, ip_address=address)


class MeView(AccountView):
    """One's own account."""

    @openapi.show
    def get(self, request: Request) -> Response:
        return Response(serializers.AccountSerializer(cast("User", self.user)).data)

    @openapi.change
    def patch(self, request: Request) -> Response:
        names = validate_body(serializers.AccountChangeSerializer, request)
        user, current = cast("User", self.user), names.pop("current_password", "")
        email = names.pop("email", user.email)
        changes.change_account(self.caller, names, email=email, current=current)
        return Response(serializers.AccountSerializer(user).data)

    @openapi.delete
    def delete(self, request: Request) -> Response:
        asked = validate_body(serializers.CurrentPasswordSerializer, request)
        changes.delete_account(self.caller, current=asked["current_password"])
        response = Response(status=204)
        if cookies.authenticated_by_cookie(request):
            cookies.delete_cookies(response)
        return response


class EmailConfirmView(TokenView):
    """Make the address that a link was mailed to the account's."""

    @openapi.confirm_email
    def post(self, request: Request) -> Response:
        count("link", client_network(client_address(request)))
        changes.confirm_email(validate_body(serializers.EmailConfirmSerializer, request)["token"])
        return Response(status=204)


class PasswordView(AccountView):
    """Change one's password: a new pair for this device, an end for every other."""

    @openapi.change_password
    def post(self, request: Request) -> Response | JsonResponse:
        asked = validate_body(serializers.PasswordSerializer, request)
        by_cookie = cookies.authenticated_by_cookie(request)
        pair = changes.change_password(
            self.caller,
            by_cookie=by_cookie,
            current=asked["current_password"],
            new=asked["new_password"],
        )
        return cookies.token_response(pair) if by_cookie else Response(pair.as_json())


class ResetView(TokenView):
    """Ask for a link to choose a new password; always 202."""

    @openapi.reset
    def post(self, request: Request) -> Response:
        address = validate_body(serializers.ResetSerializer, request)["email"]
        changes.ask_for_password_link(address, client_network(client_address(request)))
        return Response({"detail": "If there is such an account, a mail is on its way."}, 202)


class ResetConfirmView(TokenView):
    """Choose a new password with what the link has; every session is ended."""

    @openapi.confirm_reset
    def post(self, request: Request) -> Response:
        asked = validate_body(serializers.ResetConfirmSerializer, request)
        count("link", client_network(client_address(request)))
        changes.choose_password(asked["uid"], asked["token"], asked["new_password"])
        return Response(status=204)
