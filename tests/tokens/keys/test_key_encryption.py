"""Private keys are stored encrypted, and a changed secret key loses no access token."""

from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.management import call_command
from django.db import connection
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API
from tests.tokens.keys.key_set import is_accepted, kid_of, published
from tokens.keys import lifecycle
from tokens.keys.encryption import _parse_key
from tokens.keys.keyring import keyring, load_keyring
from tokens.models import SigningKey

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.spec("ASVS 5.0", "13.3.1")
def test_private_keys_are_stored_encrypted(api: API, alice: User) -> None:
    api.login(alice)
    row, private = SigningKey.objects.get(), keyring.current().signer.private
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    number = private.private_numbers().private_value.to_bytes(32)
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert number not in bytes(row.private_key)
    assert der[:16] not in bytes(row.private_key)
    assert set(row.public_jwk) == {"kty", "crv", "x", "y"}


@pytest.mark.parametrize("command", ["purgetokens", "rotatesigningkey"])
def test_a_new_secret_key_keeps_the_signing_key(
    api: API, alice: User, settings: Settings, command: str
) -> None:
    token = api.login(alice)["access"]
    before = bytes(SigningKey.objects.get().private_key)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-key-" + "n" * 40
    keyring.invalidate()
    assert kid_of(api.login(alice)["access"]) == kid_of(token)
    assert (
        bytes(SigningKey.objects.get().private_key) == before
    )  # other processes may still run without it
    call_command(command)
    assert bytes(SigningKey.objects.get(kid=kid_of(token)).private_key) != before
    settings.SECRET_KEY_FALLBACKS = []
    keyring.invalidate()
    assert kid_of(api.login(alice)["access"]) == kid_of(token)


@pytest.mark.parametrize(
    "secret_key", ["", "another-secret-key-" + "n" * 40], ids=["the newest", "a lost one"]
)
def test_only_a_key_of_a_fallback_is_reencrypted(settings: Settings, secret_key: str) -> None:
    """The key is encrypted with the newest secret key already, or with one that is lost."""
    load_keyring()
    before = bytes(SigningKey.objects.get().private_key)
    settings.SECRET_KEY = secret_key or settings.SECRET_KEY
    lifecycle.reencrypt()
    assert bytes(SigningKey.objects.get().private_key) == before


def test_a_key_reencrypted_by_another_process_is_kept(
    settings: Settings,
) -> None:
    """Guards `private_key=data` in lifecycle.reencrypt: it overwrites only the value it read."""
    made = SigningKey.objects.get(kid=load_keyring().signer.kid)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-key-" + "n" * 40

    overtaken: list[str] = []

    def overtake(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith("UPDATE") and not overtaken:
            overtaken.append(sql)
            SigningKey.objects.filter(pk=made.pk).update(private_key=b"encrypted elsewhere")
        return execute(sql, *args)

    with connection.execute_wrapper(overtake):
        lifecycle.reencrypt()
    made.refresh_from_db()
    assert overtaken
    assert bytes(made.private_key) == b"encrypted elsewhere"


def test_different_secret_keys_keep_each_others_keys(
    settings: Settings,
) -> None:
    """One process is restarted with only the new secret key, because the old one was stolen."""
    old, new = settings.SECRET_KEY, "another-secret-key-" + "n" * 40
    first = load_keyring().signer.kid
    kids = set()
    for _ in range(5):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = new, []
        kids.add(load_keyring().signer.kid)
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = old, [new]
        load_keyring()
    assert len(kids) == 1
    assert SigningKey.objects.count() == 2
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = old, []
    assert (
        load_keyring().signer.kid == first
    )  # a process with only the old key cannot decrypt the new one


def test_a_lost_secret_key_invalidates_no_access_token(
    api: API, alice: User, settings: Settings
) -> None:
    token = api.login(alice)["access"]
    settings.SECRET_KEY = "another-secret-key-" + "n" * 40
    keyring.invalidate()
    new = api.login(alice)["access"]
    assert kid_of(new) != kid_of(token)
    assert is_accepted(api, new)
    assert published(api) == [kid_of(token), kid_of(new)]
    keyring.invalidate()
    lifecycle.rotate()
    assert len(published(api)) == 3


def test_a_key_that_cannot_be_decrypted_is_logged_as_an_error(
    caplog: pytest.LogCaptureFixture, settings: Settings
) -> None:
    kid = load_keyring().signer.kid
    assert "signing_key_unreadable" not in caplog.text
    settings.SECRET_KEY = "another-secret-key-" + "n" * 40
    load_keyring()
    (record,) = (one for one in caplog.records if "signing_key_unreadable" in one.getMessage())
    event = cast("dict[str, Any]", record.msg)
    assert (record.levelname, event["kid"]) == ("ERROR", kid)


@pytest.mark.trap(40)
def test_a_key_is_parsed_only_once() -> None:
    first = load_keyring().signer
    parsed = _parse_key.cache_info().misses
    assert load_keyring().signer is first
    assert _parse_key.cache_info().misses == parsed


def test_no_repr_contains_a_private_key() -> None:
    assert "private" not in repr(load_keyring())
