"""Checks of the roles that a token gives."""

from typing import Any, TypeAlias

from django.contrib.auth.models import Group
from django.test import Client

from tests.conftest import Answer
from tokens.jwt.claims import AccessToken

Pair: TypeAlias = dict[str, Any]


def read(pair: Pair) -> Answer:
    headers = {"Authorization": f"Bearer {pair['access']}"}
    return Client().get("/api/example/", headers=headers)


def roles_in(token: str) -> set[str]:
    return set(AccessToken(token).roles)


def rename(group: Group, name: str) -> None:
    group.name = name
    group.save()
