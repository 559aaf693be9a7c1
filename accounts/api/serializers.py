"""What the account endpoints are asked, and how an account is shown to its owner."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from tokens.api.serializers import LineField, TextField
from tokens.models.users import MAX_LOGIN_LENGTH

HIDDEN = {"input_type": "password"}


class AddressField(TextField, serializers.EmailField):
    """An e-mail address."""


class AccountSerializer(serializers.ModelSerializer[User]):
    roles = serializers.SlugRelatedField[Any](
        source="groups", slug_field="name", many=True, read_only=True
    )

    class Meta:
        model = User
        fields = ["id", "username", "email", "first_name", "last_name", "roles", "date_joined"]


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
