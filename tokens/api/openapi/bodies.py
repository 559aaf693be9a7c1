"""Serializers that describe the bodies of requests and responses in the OpenAPI document."""

from typing import Any, TypeAlias

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import (
    OpenApiRequest,
)
from rest_framework import serializers
from rest_framework.serializers import BaseSerializer

from tokens.api.openapi.examples import example

Body: TypeAlias = type[BaseSerializer[Any]] | BaseSerializer[Any]


class PairSerializer(serializers.Serializer[None]):
    """Both tokens of a device session, unless they are in cookies; lifetimes are in seconds."""

    access = serializers.CharField(
        required=False, help_text="JWT that opens what is the user's, for minutes."
    )
    refresh = serializers.CharField(
        required=False, help_text="JWT to be spent once, at `refresh/`, for days."
    )
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField(help_text="Life of the access token.")
    refresh_expires_in = serializers.IntegerField(help_text="Life of the refresh token, unspent.")
    session = serializers.UUIDField(help_text="Name of the device session, `sid` in both tokens.")
    generation = serializers.IntegerField(min_value=1, help_text="Number of the refresh token.")


class SpendSerializer(serializers.Serializer[None]):
    """A refresh token, unless it is in the cookie."""

    refresh = serializers.CharField(required=False)


class VerifySerializer(serializers.Serializer[None]):
    """An access token."""

    token = serializers.CharField()


class EndedSerializer(serializers.Serializer[None]):
    """How many sessions were living until now."""

    ended = serializers.IntegerField(min_value=0)


class RefusalSerializer(serializers.Serializer[None]):
    """Why not: a sentence for a person and a stable word for a program."""

    detail = serializers.CharField()
    code = serializers.CharField()


class FieldErrorsSerializer(serializers.Serializer[None]):
    """Sentences by the name of the field or header that is wrong."""


class FieldErrorsExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = FieldErrorsSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        sentences = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        return {"type": "object", "additionalProperties": sentences, "minProperties": 1}


def request_body(body: Body, name: str, value: Any) -> OpenApiRequest:
    """Return the body of a request, with one example."""
    return OpenApiRequest(body, examples=[example(name, value)])


NOTHING = {"type": "object", "additionalProperties": False}
