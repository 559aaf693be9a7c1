"""The bodies of the account endpoints, and the account as its owner sees it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from rest_framework import serializers

from accounts.models import INVALID_EMAIL, User
from tokens.api.serializers import LineField, TextField
from tokens.models import Event
from tokens.models.users import MAX_LOGIN_LENGTH

HIDDEN = {"input_type": "password"}


class AddressField(TextField, serializers.EmailField):
    """An e-mail address."""

    default_error_messages: ClassVar = {"invalid": INVALID_EMAIL}


class AccountSerializer(serializers.ModelSerializer[User]):
    """Describes what `account_of` returns."""

    roles = serializers.SlugRelatedField[Any](
        source="groups", slug_field="name", many=True, read_only=True
    )

    class Meta:
        model = User
        fields = ["id", "username", "email", "first_name", "last_name", "roles", "date_joined"]


def account_of(user: User, roles: Sequence[str]) -> dict[str, Any]:
    """Return the account as its owner sees it, an AccountSerializer's fields. Executes no query.

    A ModelSerializer would build its fields anew for each request, and read the roles once more.
    """
    names = AccountSerializer.Meta.fields
    return {name: roles if name == "roles" else getattr(user, name) for name in names}


class UserInfoSerializer(serializers.Serializer[User]):
    """The standard claims of OpenID Connect Core 1.0, section 5.1. An empty claim is left out."""

    sub = serializers.UUIDField(source="pk")
    preferred_username = serializers.CharField(source="username")
    name = serializers.CharField(source="display_name")
    email = serializers.EmailField(required=False)
    email_verified = serializers.BooleanField(source="has_verified_email", required=False)

    def to_representation(self, user: User) -> dict[str, Any]:
        claims = super().to_representation(user)
        if not user.email:
            del claims["email"], claims["email_verified"]
        return claims


class EventSerializer(serializers.ModelSerializer[Event]):
    session = serializers.UUIDField(
        source="sid", allow_null=True, help_text="The `id` of the session in the list of sessions."
    )
    reason = serializers.CharField(
        allow_blank=True, help_text="Why a session or a token was revoked, or empty."
    )
    by_administrator = serializers.SerializerMethodField(
        help_text="Whether another user, such as an administrator, made the change."
    )

    class Meta:
        model = Event
        fields = [
            *("id", "kind", "created_at", "count", "reason", "about"),
            *("session", "device", "ip_address", "by_administrator"),
        ]
        read_only_fields = fields

    def get_by_administrator(self, event: Event) -> bool:
        return event.actor_id is not None

    def to_representation(self, event: Event) -> dict[str, Any]:
        shown = super().to_representation(event)
        if event.actor_id is not None:
            shown["ip_address"] = None  # It is the address of the administrator.
        return shown


class EventsSerializer(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True, help_text="The next page, or null.")
    results = EventSerializer(many=True)


class AccountChangeSerializer(serializers.Serializer[None]):
    first_name = LineField(required=False, allow_blank=True, max_length=150)
    last_name = LineField(required=False, allow_blank=True, max_length=150)
    email = AddressField(
        required=False,
        max_length=MAX_LOGIN_LENGTH,
        help_text="Takes effect when the link mailed to it is followed.",
    )
    current_password = TextField(
        required=False, trim_whitespace=False, style=HIDDEN, help_text="Needed with `email`."
    )


class CurrentPasswordSerializer(serializers.Serializer[None]):
    current_password = TextField(trim_whitespace=False, style=HIDDEN)


class PasswordSerializer(CurrentPasswordSerializer):
    new_password = TextField(trim_whitespace=False, style=HIDDEN)


class ResetSerializer(serializers.Serializer[None]):
    email = AddressField(max_length=MAX_LOGIN_LENGTH)


class ResetConfirmSerializer(serializers.Serializer[None]):
    uid = TextField(max_length=100, help_text="From the link in the mail.")
    token = TextField(max_length=100, help_text="From the link in the mail.")
    new_password = TextField(trim_whitespace=False, style=HIDDEN)


class EmailConfirmSerializer(serializers.Serializer[None]):
    token = TextField(max_length=2000, help_text="From the link in the mail.")
