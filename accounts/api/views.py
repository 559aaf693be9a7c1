"""The account endpoints: each view parses, counts the try, calls one function and answers."""

from typing import Any, cast

from django.http import HttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import changes, throttles
from accounts.activity import recent_events
from accounts.api import openapi, serializers
from accounts.api.errors import AccountErrorsView
from accounts.models import User
from tokens.api.views import SignedInView, TokenView, validate_body
from tokens.http import cookies
from tokens.http.client_address import client_address
from tokens.sessions.networks import client_network


class AccountView(AccountErrorsView, SignedInView):
    """A view of the account of the caller."""

    @property
    def caller(self) -> changes.Caller:
        address = client_address(self.request)
        return changes.Caller(user=cast("User", self.user), sid=self.sid, ip_address=address)


class LinkView(AccountErrorsView, TokenView):
    """A view for callers who are not signed in."""

    @property
    def client_network(self) -> str:
        return client_network(client_address(self.request))


class MeView(AccountView):
    """Show, change or delete the account of the caller."""

    @property
    def account(self) -> dict[str, Any]:
        """The account with the roles of the access token, which has the roles of the row."""
        return serializers.account_of(cast("User", self.user), self.token["roles"])

    @openapi.show
    def get(self, request: Request) -> Response:
        return Response(self.account)

    @openapi.change
    def patch(self, request: Request) -> Response:
        names = validate_body(serializers.AccountChangeSerializer, request)
        user, current = cast("User", self.user), names.pop("current_password", "")
        email = names.pop("email", user.email)
        if email != user.email:
            self.permit_email_change(email, current)
        if names:
            throttles.count_name_change(self.caller)
        changes.change_account(user, names, email=email)
        return Response(self.account)

    def permit_email_change(self, email: str, current: str) -> None:
        """Verify the current password and count the mail, or raise an error."""
        if not current:
            raise ValidationError({"current_password": ["This field is required."]})
        throttles.count_current_password(self.caller)
        changes.verify_password(self.caller.user, current)
        throttles.count_email_change(self.caller, email)

    @openapi.delete
    def delete(self, request: Request) -> Response:
        asked = validate_body(serializers.CurrentPasswordSerializer, request)
        throttles.count_current_password(self.caller)
        changes.delete_account(self.caller.user, current=asked["current_password"])
        response = Response(status=204)
        if cookies.authenticated_by_cookie(request):
            cookies.delete_cookies(response)
        return response


class UserInfoView(AccountView):
    """Show the caller as OpenID Connect clients expect (OpenID Connect Core 1.0, section 5.3)."""

    @openapi.user_info
    def get(self, request: Request) -> Response:
        return Response(serializers.UserInfoSerializer(cast("User", self.user)).data)


class EventsView(AccountView):
    """List the security events of the caller, the newest first, 50 on each page."""

    @openapi.list_events
    def get(self, request: Request) -> Response:
        try:
            events, older = recent_events(
                cast("User", self.user), request.query_params.get("before", "")
            )
        except ValueError as error:
            raise ValidationError({"before": ["This is not the id of an event."]}) from error
        following = older and request.build_absolute_uri(f"{request.path}?before={older}")
        listed = {"next": following, "results": events}
        return Response(serializers.EventsSerializer(listed).data)


class EmailConfirmView(LinkView):
    """Give the account the e-mail address that a link was mailed to."""

    @openapi.confirm_email
    def post(self, request: Request) -> Response:
        throttles.count_link(self.client_network)
        changes.confirm_email(validate_body(serializers.EmailConfirmSerializer, request)["token"])
        return Response(status=204)


class PasswordView(AccountView):
    """Change the password, revoke every session, and start a new one for this device."""

    @openapi.change_password
    def post(self, request: Request) -> HttpResponse:
        asked = validate_body(serializers.PasswordSerializer, request)
        current, new = asked["current_password"], asked["new_password"]
        by_cookie = cookies.authenticated_by_cookie(request)
        throttles.count_current_password(self.caller)
        check = cookies.require_cookie_size if by_cookie else None
        pair = changes.change_password(self.caller, current=current, new=new, check=check)
        return cookies.token_response(pair) if by_cookie else Response(pair.as_json())


class ResetView(LinkView):
    """Mail a link to choose a password, if the e-mail address has an account."""

    @openapi.reset
    def post(self, request: Request) -> Response:
        email = validate_body(serializers.ResetSerializer, request)["email"]
        throttles.count_password_link(email, self.client_network)
        changes.ask_for_password_link(email)
        return Response({"detail": "If there is such an account, a mail is on its way."}, 202)


class ResetConfirmView(LinkView):
    """Choose a password by the link in a mail. Every session is revoked."""

    @openapi.confirm_reset
    def post(self, request: Request) -> Response:
        asked = validate_body(serializers.ResetConfirmSerializer, request)
        throttles.count_link(self.client_network)
        changes.choose_password(asked["uid"], asked["token"], asked["new_password"])
        return Response(status=204)
