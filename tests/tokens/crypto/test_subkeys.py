"""The subkeys of the secret key, and its change."""

import ast
import re
from collections.abc import Iterator
from uuid import UUID

import pytest
from django.conf import settings as site
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, PASSWORD, Clock, row
from tests.support.racing import refresh, sign_in
from tokens.crypto.subkeys import credential_tag, mac, newest_subkeys
from tokens.jwt.claims import AccessToken, RefreshToken
from tokens.models import DeviceSession
from tokens.sessions import standing, statements

KEY = "a secret of the phone, 1"
NEW_SECRET = "another-secret-key-" + "n" * 40
OLD_HASH = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000)


def change_secret_key(settings: Settings, *, keep: bool) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY] if keep else []
    settings.SECRET_KEY = NEW_SECRET


@pytest.mark.spec("ASVS 5.0", "13.3.4")
@pytest.mark.django_db(transaction=True)
def test_a_changed_secret_key_keeps_every_session(
    api: API, alice: User, settings: Settings, clock: Clock
) -> None:
    pair = api.login(alice)
    change_secret_key(settings, keep=True)
    second = api.rotated(pair["refresh"])
    clock.forward(minutes=1)
    settings.SECRET_KEY_FALLBACKS = []  # the session has moved to the new key
    assert api.rotated(second["refresh"])["generation"] == 3
    assert row(pair).revoked_at is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", [KEY, ""], ids=["by retry key", "by grace"])
def test_a_retry_gets_the_same_token_after_a_key_change(
    api: API, alice: User, settings: Settings, key: str
) -> None:
    first = api.login(alice)
    second = api.rotated(first["refresh"], key=key)
    change_secret_key(settings, keep=True)
    assert api.rotated(first["refresh"], key=key)["refresh"] == second["refresh"]
    third = api.rotated(second["refresh"], key=key)
    assert api.rotated(second["refresh"], key=key)["refresh"] == third["refresh"]


@pytest.mark.django_db(transaction=True)
def test_a_dropped_secret_key_refuses_its_tokens_without_a_query(
    api: API, alice: User, settings: Settings
) -> None:
    pair = api.login(alice)
    change_secret_key(settings, keep=False)
    assert api.refresh(pair["refresh"]).status_code == 401
    assert row(pair).revoked_at is None


@pytest.mark.django_db(transaction=True)
def test_only_matching_tags_move_to_the_new_secret_key(
    api: API, alice: User, settings: Settings
) -> None:
    pair = api.login(alice)
    before = bytes(row(pair).credential_tag)
    change_secret_key(settings, keep=True)
    api.rotated(pair["refresh"])
    after = bytes(row(pair).credential_tag)
    assert after != before
    newest = newest_subkeys()
    assert after == credential_tag(newest, alice.password, alice.username)


@pytest.mark.trap(14)
@pytest.mark.django_db(transaction=True)
def test_moving_a_tag_keeps_a_simultaneous_hash_upgrade(alice: User, settings: Settings) -> None:
    """Guards the tag in the WHERE of standing.renew_tag."""
    User.objects.filter(pk=alice.pk).update(password=OLD_HASH)
    alice.refresh_from_db()
    phone = sign_in(alice)
    change_secret_key(settings, keep=True)
    state = statements.read(UUID(phone.session))
    assert state is not None
    assert standing.refusal_reason(state.session, state.user) is None
    assert alice.check_password(PASSWORD)
    standing.renew_tag(state.session, state.user)
    assert refresh(phone.refresh).status == 200


@pytest.mark.django_db(transaction=True)
def test_a_password_change_is_detected_after_a_key_change(
    api: API, alice: User, settings: Settings
) -> None:
    pair = api.login(alice)
    change_secret_key(settings, keep=True)
    User.objects.bulk_update([User(pk=alice.pk, password="!")], ["password"])
    assert api.refresh(pair["refresh"]).status_code == 401
    assert row(pair).revoked_reason == "credentials_changed"


def test_no_two_uses_share_a_subkey() -> None:
    subkeys = newest_subkeys()
    used = [
        *(subkeys.signature, subkeys.successor, subkeys.retry),
        *(subkeys.credentials, subkeys.signing_keys),
    ]
    assert len(set(used)) == 5
    assert {len(key) for key in used} == {32}


def test_parts_of_a_message_cannot_be_shifted() -> None:
    assert mac(b"k", "ab", "c") != mac(b"k", "a", "bc")


def test_no_repr_contains_a_subkey() -> None:
    assert newest_subkeys().signature.hex() not in repr(newest_subkeys())
    assert "signature" not in repr(newest_subkeys())


@pytest.mark.trap(25)
@pytest.mark.spec("ASVS 5.0", "7.2.3", "11.5.1")
@pytest.mark.django_db(transaction=True)
def test_neither_tokens_nor_their_secrets_are_stored(api: API, alice: User) -> None:
    """No column contains the token, its `jti` or the Idempotency-Key."""
    first = api.login(alice)
    second = api.rotated(first["refresh"], key=KEY)
    stored = repr(
        [list(map(bytes_or_text, values)) for values in DeviceSession.objects.values_list()]
    )
    secrets = [KEY, PASSWORD, *(token for pair in (first, second) for token in tokens_in(pair))]
    for secret in secrets:
        assert secret not in stored
        assert secret.encode().hex() not in stored


def bytes_or_text(value: object) -> str:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)


def tokens_in(pair: dict[str, str]) -> list[str]:
    return [
        pair["access"],
        pair["refresh"],
        AccessToken(pair["access"]).jti,
        RefreshToken(pair["refresh"]).jti,
    ]


#: The values that the time of a comparison must not reveal.
SECRET = re.compile(r"hash|tag$|secret|digest|signature|nonce|mark$|password$")


def compared_at_once(tree: ast.AST) -> Iterator[str]:
    """Return the comparisons of a secret that end at the first difference."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left, [ast.Eq() | ast.NotEq() | ast.In()], [right]):
                if any(SECRET.search(last_name(side)) for side in (left, right)):
                    yield ast.unparse(node)


def last_name(side: ast.AST) -> str:
    match side:
        case ast.Call(func=called):
            return last_name(called)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return str(name)
    return ""


@pytest.mark.spec("ASVS 5.0", "11.2.4")
def test_secrets_are_compared_in_constant_time() -> None:
    files = [file for app in ("tokens", "accounts") for file in (site.BASE_DIR / app).rglob("*.py")]
    found = {text for file in files for text in compared_at_once(ast.parse(file.read_text()))}
    assert found == set()
    assert [*compared_at_once(ast.parse("row.secret_hash == shown"))]
