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
    """The tokens of a device session, which are left out if they are in cookies."""

    access = serializers.CharField(
        required=False, help_text="JWT that authenticates requests, for minutes."
    )
    refresh = serializers.CharField(required=False, help_text="JWT that gets the next pair, once.")
    token_type = serializers.ChoiceField(choices=["Bearer"])
    expires_in = serializers.IntegerField(help_text="Lifetime of the access token in seconds.")
    refresh_expires_in = serializers.IntegerField(
        help_text="Lifetime of the refresh token in seconds."
    )
    session = serializers.UUIDField(
        help_text="Id of the device session: the claim `sid` of both tokens."
    )
    generation = serializers.IntegerField(
        min_value=1, help_text="Number of the refresh token in its session."
    )


class SpendSerializer(serializers.Serializer[None]):
    """A refresh token, unless it is in the cookie."""

    refresh = serializers.CharField(required=False)


class RefreshSerializer(SpendSerializer):
    """A refresh token, unless it is in the cookie, and optionally the fields that name it."""

    session = serializers.UUIDField(
        required=False,
        help_text="Optional. A token of another session is answered 409 `token_differs`.",
    )
    generation = serializers.IntegerField(
        required=False,
        help_text="Optional. A token of another generation is answered 409 `token_differs`.",
    )


class VerifySerializer(serializers.Serializer[None]):
    """An access token."""

    token = serializers.CharField()


class EndedSerializer(serializers.Serializer[None]):
    """How many sessions the request revoked."""

    ended = serializers.IntegerField(min_value=0)


class RefusalSerializer(serializers.Serializer[None]):
    """The reason of a refusal: a sentence for people and a stable word for programs."""

    detail = serializers.CharField()
    code = serializers.CharField()


class ConflictSerializer(RefusalSerializer):
    """A refusal. With `token_differs` it names the refresh token that came."""

    session = serializers.UUIDField(required=False)
    generation = serializers.IntegerField(required=False, min_value=1)


class FieldErrorsSerializer(serializers.Serializer[None]):
    """The sentences about each wrong field or header, by its name."""


class FieldErrorsExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # not annotated
    target_class = FieldErrorsSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        sentences = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        return {"type": "object", "additionalProperties": sentences, "minProperties": 1}


def request_body(body: Body, name: str, value: Any) -> OpenApiRequest:
    """Return the body of a request, with one example."""
    return OpenApiRequest(body, examples=[example(name, value)])


def text_object(name: str) -> dict[str, Any]:
    """Return the schema of an object with one text."""
    return {"type": "object", "properties": {name: {"type": "string"}}, "required": [name]}


NOTHING = {"type": "object", "additionalProperties": False}
