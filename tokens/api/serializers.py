"""What the token endpoints are asked, and how a session is shown to its owner."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.fields import empty

from tokens.conf import conf
from tokens.errors import InvalidAudienceError, InvalidScopeError
from tokens.http.refresh import NO_TEXT
from tokens.jwt.grants import choose_audience, choose_scope
from tokens.models import DeviceSession
from tokens.models.lines import validate_one_line
from tokens.sessions.old_keys import MAX_KEY_LENGTH


class TextField(serializers.CharField):
    """A text. Django REST framework's own field takes a number too, for its digits."""

    default_error_messages = {"no_text": NO_TEXT}

    def run_validation(self, data: Any = empty) -> Any:
        if not (data is empty or data is None or isinstance(data, str)):
            self.fail("no_text")
        return super().run_validation(data)


class LineField(TextField):
    """A text of one line, so that it cannot add a paragraph where it is quoted, as in a mail."""

    default_validators = [validate_one_line]


class DeviceField(LineField):
    """The name of a device, which its owner chooses."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            allow_blank=True,
            default="",
            max_length=100,
            help_text="Shown in the list: one line.",
        )


class ExchangeSerializer(serializers.Serializer[None]):
    key = TextField(max_length=MAX_KEY_LENGTH, help_text="A key of the earlier app.")
    device = DeviceField()


class LoginSerializer(serializers.Serializer[None]):
    username = TextField(help_text="User name or e-mail address.")
    password = TextField(trim_whitespace=False, style={"input_type": "password"})
    device = DeviceField()
    scope = TextField(
        required=False,
        allow_null=True,
        default=None,
        max_length=1000,
        help_text="Scopes separated by spaces. Without it the session has all of them.",
    )
    audience = TextField(
        required=False,
        allow_null=True,
        default=None,
        max_length=1000,
        help_text="The service that the access tokens are for, if it is not the default.",
    )
    transport = serializers.ChoiceField(
        choices=["body", "cookie"],
        required=False,
        default="body",
        help_text="Where the tokens are: in the body, or in cookies that no script can read.",
        # Django REST framework's message repeats the value, which need not be encodable.
        error_messages={"invalid_choice": "Tokens are given in the body or in a cookie."},
    )

    def validate_scope(self, scope: str | None) -> str | None:
        """Return the scope if every name in it exists."""
        if scope is None:
            return None
        try:
            return choose_scope(conf().SCOPES, scope)
        except InvalidScopeError as error:
            raise serializers.ValidationError("There is no such scope.", "invalid_scope") from error

    def validate_audience(self, audience: str | None) -> str | None:
        """Return the audience if it exists."""
        if audience is None:
            return None
        try:
            return choose_audience(conf().audiences, audience)
        except InvalidAudienceError as error:
            raise serializers.ValidationError(
                "There is no such audience.", "invalid_target"
            ) from error


class SessionSerializer(serializers.ModelSerializer[DeviceSession]):
    id = serializers.UUIDField(source="sid", read_only=True)
    last_used_on = serializers.DateField(read_only=True)
    expires_at = serializers.DateTimeField(
        read_only=True,
        help_text="When the session expires at the latest. A session that is not used expires"
        " earlier, with its refresh token.",
    )
    current = serializers.SerializerMethodField()

    class Meta:
        model = DeviceSession
        fields = [
            "id",
            "kind",
            "device",
            "ip_address",
            "user_agent",
            "created_at",
            "last_used_on",
            "expires_at",
            "current",
        ]
        read_only_fields = fields

    def get_current(self, session: DeviceSession) -> bool:
        current: UUID = self.context["sid"]
        return session.sid == current
