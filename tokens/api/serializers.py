"""What the token endpoints are asked, and how a session is shown to its owner."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.fields import empty

from tokens.models import DeviceSession
from tokens.models.lines import validate_one_line

NO_TEXT = "This field must be a JSON string."


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


class LoginSerializer(serializers.Serializer[None]):
    username = TextField(help_text="User name or e-mail address.")
    password = TextField(trim_whitespace=False, style={"input_type": "password"})
    device = LineField(
        required=False,
        allow_blank=True,
        default="",
        max_length=100,
        help_text="Shown in the list: one line.",
    )
    transport = serializers.ChoiceField(
        choices=["body", "cookie"],
        required=False,
        default="body",
        help_text="Where the tokens are given: in the answer, or in cookies that no script reads.",
        # Django REST framework's message repeats the value, which need not be encodable.
        error_messages={"invalid_choice": "Tokens are given in the body or in a cookie."},
    )


class SessionSerializer(serializers.ModelSerializer[DeviceSession]):
    id = serializers.UUIDField(source="sid", read_only=True)
    last_used_on = serializers.DateField(read_only=True)
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
