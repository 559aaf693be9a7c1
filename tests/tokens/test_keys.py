"""Keys: subkeys of the secret key, its change, and the key of access tokens."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, PASSWORD, Clock, row
from tokens import keys
from tokens.claims import AccessToken, RefreshToken
from tokens.models import DeviceSession

KEY = "a secret of the phone, 1"
NEW_SECRET = "another-secret-key-" + "n" * 40


def change_secret_key(settings: Settings, *, keep: bool) -> None:
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY] if keep else []
    settings.SECRET_KEY = NEW_SECRET


@pytest.mark.spec("ASVS 5.0", "13.3.4")
@pytest.mark.django_db(transaction=True)
def test_a_changed_secret_key_signs_nobody_out(
    api: API, alice: User, settings: Settings, clock: Clock
) -> None:
    pair = api.login(alice)
    change_secret_key(settings, keep=True)
    second = api.rotated(pair["refresh"])
    clock.forward(minutes=1)
    settings.SECRET_KEY_FALLBACKS = []  # the session has moved to the new key by then
    assert api.rotated(second["refresh"])["generation"] == 3
    assert row(pair).revoked_at is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", [KEY, ""], ids=["by retry key", "by grace"])
def test_a_retransmission_gives_the_same_bytes_across_a_changed_secret_key(
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
def test_tags_move_to_the_newest_secret_key_only_if_they_still_stand(
    api: API, alice: User, settings: Settings
) -> None:
    pair = api.login(alice)
    before = bytes(row(pair).credential_tag)
    change_secret_key(settings, keep=True)
    api.rotated(pair["refresh"])
    after = bytes(row(pair).credential_tag)
    assert after != before
    newest = keys.newest_subkeys()
    assert after == keys.credential_tag(newest, alice.password, alice.username)


@pytest.mark.django_db(transaction=True)
def test_a_password_change_is_seen_across_a_changed_secret_key(
    api: API, alice: User, settings: Settings
) -> None:
    pair = api.login(alice)
    change_secret_key(settings, keep=True)
    User.objects.bulk_update([User(pk=alice.pk, password="!")], ["password"])
    assert api.refresh(pair["refresh"]).status_code == 401
    assert row(pair).revoked_reason == "credentials_changed"


def test_no_two_uses_share_a_subkey() -> None:
    subkeys = keys.newest_subkeys()
    used = [subkeys.signature, subkeys.successor, subkeys.retry, subkeys.credentials]
    assert len(set(used)) == 4
    assert {len(key) for key in used} == {32}


def test_where_one_part_of_a_message_ends_counts() -> None:
    assert keys.mac(b"k", "ab", "c") != keys.mac(b"k", "a", "bc")


def test_nothing_secret_is_in_a_representation() -> None:
    assert keys.newest_subkeys().signature.hex() not in repr(keys.newest_subkeys())
    assert "signature" not in repr(keys.newest_subkeys())


@pytest.mark.spec("RFC 7638", "3")
def test_the_kid_is_the_thumbprint_of_the_public_key() -> None:
    """The key is that of RFC 7517, appendix A.1."""
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "use": "enc",
        "kid": "1",
    }
    assert keys.thumbprint(jwk) == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"


def test_the_key_of_access_tokens_is_made_once_and_for_its_owner_only(
    tmp_path: Path, settings: Settings
) -> None:
    path = tmp_path / "state" / "key.pem"
    settings.TOKENS = {**settings.TOKENS, "ACCESS_KEY": "", "ACCESS_KEY_FILE": path}
    made = keys.signing_key()
    assert keys.signing_key().kid == made.kid
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["key.pem"]


@pytest.mark.trap(56)
def test_processes_that_make_the_key_at_once_get_the_same(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib, django; django.setup(); from tokens.keys import _kept;"
        "print(hash(_kept(pathlib.Path(sys.argv[1]))))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "key.pem")]
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "0",
        "DJANGO_SETTINGS_MODULE": "project.settings",
    }
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(4)]
    printed = {process.communicate(timeout=60)[0] for process in running}
    assert len(printed) == 1
    assert printed != {b""}


def test_a_key_from_the_settings_is_used(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    settings.TOKENS = {**settings.TOKENS, "ACCESS_KEY": "", "ACCESS_KEY_FILE": path}
    made = keys.signing_key()
    elsewhere = tmp_path / "nowhere.pem"
    settings.TOKENS = {
        **settings.TOKENS,
        "ACCESS_KEY": path.read_text(),
        "ACCESS_KEY_FILE": elsewhere,
    }
    assert keys.signing_key().kid == made.kid
    assert not elsewhere.exists()


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    "key",
    [
        "garbage",
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(rsa.generate_private_key(65537, 2048)),
    ],
    ids=["garbage", "another curve", "another kind"],
)
def test_a_key_that_cannot_be_used_is_named_as_the_fault(settings: Settings, key: str) -> None:
    settings.TOKENS = {**settings.TOKENS, "ACCESS_KEY": key}
    with pytest.raises(ImproperlyConfigured, match="access tokens"):
        keys.signing_key()


def test_a_key_that_lies_there_is_read(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem(ec.generate_private_key(ec.SECP256R1())))
    settings.TOKENS = {**settings.TOKENS, "ACCESS_KEY": "", "ACCESS_KEY_FILE": path}
    before = path.read_text()
    assert keys.signing_key().private.key_size == 256
    assert path.read_text() == before


@pytest.mark.trap(25)
@pytest.mark.spec("ASVS 5.0", "7.2.3", "11.5.1")
@pytest.mark.django_db(transaction=True)
def test_no_token_and_nothing_to_make_one_of_is_stored(api: API, alice: User) -> None:
    """Not the token, nor its jti, nor the Idempotency-Key, in any column of any row."""
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
