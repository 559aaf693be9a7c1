"""The signing keys, as other processes and clients see them."""

from io import StringIO

import jwt
from django.core.management import call_command

from tests.conftest import API
from tokens.keys.keyring import keyring


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def published(api: API) -> list[str]:
    """Return the kids of the key set, as another process would serve it."""
    keyring.invalidate()
    return [key["kid"] for key in api.client.get("/.well-known/jwks.json").json()["keys"]]


def is_accepted(api: API, token: str) -> bool:
    keyring.invalidate()
    return bool(api.post("verify/", {"token": token}).status_code == 200)


def command(*words: str) -> str:
    printed = StringIO()
    call_command("rotatesigningkey", *words, stdout=printed)
    return printed.getvalue()
