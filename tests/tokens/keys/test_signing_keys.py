"""The keys of access tokens: how one follows another, and what becomes of what they signed."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, cast

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock, row
from tests.support.racing import race
from tokens.jwt.claims import AccessToken
from tokens.keys import jwk as keys_jwk
from tokens.keys import lifecycle
from tokens.keys.encryption import _parse_key
from tokens.keys.keyring import keyring, load_keyring
from tokens.models import SigningKey

pytestmark = pytest.mark.django_db(transaction=True)

ANNOUNCED = timedelta(minutes=10)  # twice as long as others may keep the key set


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


def test_the_first_key_is_made_at_first_use_and_signs_at_once(api: API, alice: User) -> None:
    assert not SigningKey.objects.exists()
    token = api.login(alice)["access"]
    assert SigningKey.objects.get().kid == kid_of(token)
    assert is_accepted(api, token)


@pytest.mark.trap(42)
@pytest.mark.spec("ASVS 5.0", "2.3.4")
def test_many_first_callers_make_one_key() -> None:
    """Guards that `follows` is unique."""
    rings = race(*[load_keyring] * 6)
    assert {ring.signer.kid for ring in rings} == {SigningKey.objects.get().kid}


def test_processes_that_start_at_once_make_one_key() -> None:
    program = (
        "import django; django.setup(); from django.db import connection;"
        "connection.settings_dict['NAME'] = {!r};"
        "from tokens.keys.keyring import load_keyring; print(load_keyring().signer.kid)"
    ).format(str(connection.settings_dict["NAME"]))
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "project.settings", "LOG_LEVEL": "ERROR"}
    command = [sys.executable, "-c", program]
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(3)]
    printed = {process.communicate(timeout=60)[0].decode().strip() for process in running}
    assert printed == {SigningKey.objects.get().kid}


@pytest.mark.trap(37)
@pytest.mark.spec("ASVS 5.0", "13.3.4")
def test_a_key_is_published_before_it_signs_and_until_its_last_token_is_dead(
    api: API, alice: User, clock: Clock, settings: Settings
) -> None:
    pair = api.login(alice)
    old = kid_of(pair["access"])
    new = lifecycle.rotate().kid
    assert published(api) == [old, new]

    clock.forward(seconds=ANNOUNCED.total_seconds() - 1)
    pair = api.rotated(pair["refresh"])
    assert kid_of(pair["access"]) == old

    last = pair["access"]
    clock.forward(seconds=1)
    keyring.invalidate()
    pair = api.rotated(pair["refresh"])
    assert kid_of(pair["access"]) == new
    assert published(api) == [old, new]

    clock.forward(seconds=298)
    assert is_accepted(api, last)
    # As far as clocks may be apart, twice; and as long as a process may not know of the new key.
    clock.forward(seconds=23 + settings.TOKENS["SNAPSHOT_INTERVAL"].total_seconds())
    assert published(api) == [new]
    assert not is_accepted(api, last)
    pair = api.rotated(pair["refresh"])
    assert is_accepted(api, pair["access"])


@pytest.mark.trap(37)
def test_a_key_is_published_until_the_last_moment_in_which_a_token_of_it_may_pass(
    api: API, alice: User, clock: Clock, settings: Settings
) -> None:
    """Signed where the next key is not heard of yet, by a clock that is fast by the leeway."""
    pair, interval = api.login(alice), settings.TOKENS["SNAPSHOT_INTERVAL"].total_seconds()
    signer = keyring.current().signer
    new = lifecycle.rotate().kid
    clock.forward(seconds=ANNOUNCED.total_seconds() + interval - 1 + 10)
    last = str(AccessToken.mint(row(pair), [], signer))
    clock.forward(seconds=-10)
    clock.forward(seconds=10 + 300 + 10 - 1)
    assert is_accepted(api, last)
    assert published(api) == [signer.kid, new]
    clock.forward(seconds=2)
    assert published(api) == [new]


def test_while_a_key_waits_no_other_is_made(api: API, alice: User, clock: Clock) -> None:
    api.login(alice)
    waiting = lifecycle.rotate()
    clock.forward(minutes=5)
    assert lifecycle.rotate() == waiting
    clock.forward(minutes=5)
    assert lifecycle.rotate() != waiting


@pytest.mark.trap(42)
def test_two_rotations_at_once_make_one_key() -> None:
    """Guards that `follows` is unique."""
    load_keyring()
    made = race(*[lifecycle.rotate] * 6)
    assert len({key.kid for key in made}) == 1
    assert SigningKey.objects.count() == 2


def test_two_emergencies_and_a_rotation_at_once_leave_one_new_key_that_signs() -> None:
    old = load_keyring().signer.kid
    race(*[lifecycle.replace_all] * 3, *[lifecycle.rotate] * 3)
    ring = load_keyring()
    assert old not in {key.kid for key in ring.keys}
    assert ring.signer.kid in {key.kid for key in ring.keys}


def test_an_emergency_that_a_rotation_has_overtaken_leaves_no_key_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load_keyring()
    seen = lifecycle.all_rows()
    waiting = lifecycle.rotate()
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "all_rows", lambda: seen)  # as if it had looked before
        made = lifecycle.replace_all()
    assert made.follows == waiting.kid
    ring = load_keyring()
    assert [key.kid for key in ring.keys] == [ring.signer.kid] == [made.kid]


def test_keys_that_are_gone_are_deleted_with_the_next_rotation(clock: Clock) -> None:
    first = load_keyring().signer.kid
    lifecycle.rotate()
    clock.forward(minutes=15)
    lifecycle.rotate()
    assert SigningKey.objects.filter(kid=first).exists()
    clock.forward(minutes=17)
    lifecycle.rotate()
    assert not SigningKey.objects.filter(kid=first).exists()


def test_an_emergency_ends_every_access_token_and_no_session(api: API, alice: User) -> None:
    pair = api.login(alice)
    lifecycle.rotate()
    replacing = lifecycle.replace_all().kid
    assert published(api) == [replacing]
    assert api.get("sessions/", bearer=pair["access"]).status_code == 401
    pair = api.rotated(pair["refresh"])
    assert kid_of(pair["access"]) == replacing
    assert is_accepted(api, pair["access"])


@pytest.mark.parametrize("age", [90, 0], ids=["by age", "only when told"])
def test_a_key_of_age_is_followed_unasked(settings: Settings, clock: Clock, age: int) -> None:
    settings.TOKENS = {**settings.TOKENS, "SIGNING_KEY_AGE": timedelta(days=age)}
    first = load_keyring()
    clock.forward(days=89)
    assert len(load_keyring().keys) == 1
    clock.forward(days=1)
    second = load_keyring()
    assert len(second.keys) == (2 if age else 1)
    assert second.signer.kid == first.signer.kid
    clock.forward(minutes=10)
    assert (load_keyring().signer.kid == first.signer.kid) is (age == 0)


@pytest.mark.spec("RFC 9068", "2.1", "5")
@pytest.mark.spec("ASVS 5.0", "11.2.3")
@pytest.mark.parametrize(
    ("algorithm", "kind", "strength"),
    [
        ("ES256", ec.EllipticCurvePublicKey, 256),
        ("RS256", rsa.RSAPublicKey, 3072),
        ("EdDSA", ed25519.Ed25519PublicKey, None),
    ],
)
def test_each_algorithm_signs_what_is_accepted(
    api: API,
    alice: User,
    settings: Settings,
    *,
    algorithm: str,
    kind: type,
    strength: int | None,
) -> None:
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ALGORITHM": algorithm}
    token = api.login(alice)["access"]
    public = keyring.current().signer.public
    assert isinstance(public, kind)
    assert getattr(public, "key_size", None) == strength
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    assert is_accepted(api, token)
    assert not is_accepted(api, token[:-8] + ("AAAAAAAA" if token[-8:] != "A" * 8 else "B" * 8))


def test_another_algorithm_takes_over_as_any_next_key_does(
    api: API, alice: User, settings: Settings, clock: Clock
) -> None:
    pair = api.login(alice)
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ALGORITHM": "EdDSA"}
    keyring.invalidate()
    keys = api.client.get("/.well-known/jwks.json").json()["keys"]
    assert [key["alg"] for key in keys] == ["ES256", "EdDSA"]
    assert is_accepted(api, pair["access"])
    clock.forward(minutes=10)
    keyring.invalidate()
    pair = api.rotated(pair["refresh"])
    assert jwt.get_unverified_header(pair["access"])["alg"] == "EdDSA"
    assert is_accepted(api, pair["access"])


@pytest.mark.spec("RFC 7638", "3.1")
@pytest.mark.parametrize(
    ("jwk", "thumbprint"),
    [
        pytest.param(
            {
                "kty": "RSA",
                "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxu"
                "hDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf"
                "0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91"
                "CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-"
                "csFCur-kEgU8awapJzKnqDKgw",
                "e": "AQAB",
                "alg": "RS256",
                "kid": "2011-04-29",
            },
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
            id="RFC 7638, section 3.1",
        ),
        pytest.param(
            {
                "kty": "EC",
                "crv": "P-256",
                "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
                "use": "enc",
                "kid": "1",
            },
            "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",
            id="the key of RFC 7517, appendix A.1",
        ),
        pytest.param(
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            },
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            id="RFC 8037, appendix A.3",
        ),
    ],
)
def test_the_kid_is_the_thumbprint_of_the_public_key(jwk: dict[str, str], thumbprint: str) -> None:
    assert keys_jwk.thumbprint(jwk) == thumbprint


@pytest.mark.spec("ASVS 5.0", "13.3.1")
def test_a_private_key_is_in_no_column_as_it_is(api: API, alice: User) -> None:
    api.login(alice)
    row, private = SigningKey.objects.get(), keyring.current().signer.private
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    number = private.private_numbers().private_value.to_bytes(32)
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    assert number not in bytes(row.private_key)
    assert der[:16] not in bytes(row.private_key)
    assert set(row.public_jwk) == {"kty", "crv", "x", "y"}


@pytest.mark.parametrize("command", ["purgetokens", "rotatesigningkey"])
def test_a_changed_secret_key_goes_on_signing_with_the_same_key_until_that_is_encrypted_anew(
    api: API, alice: User, settings: Settings, command: str
) -> None:
    token = api.login(alice)["access"]
    before = bytes(SigningKey.objects.get().private_key)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-key-" + "n" * 40
    keyring.invalidate()
    assert kid_of(api.login(alice)["access"]) == kid_of(token)
    assert bytes(SigningKey.objects.get().private_key) == before  # others may still run without
    call_command(command)
    assert bytes(SigningKey.objects.get(kid=kid_of(token)).private_key) != before
    settings.SECRET_KEY_FALLBACKS = []
    keyring.invalidate()
    assert kid_of(api.login(alice)["access"]) == kid_of(token)


def test_a_key_that_another_process_has_encrypted_anew_is_not_overwritten(
    settings: Settings,
) -> None:
    """Guards `private_key=data` in signingkeys.reencrypt: it writes over what it has read."""
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


def test_processes_with_different_secret_keys_leave_each_others_keys_alone(
    settings: Settings,
) -> None:
    """One is restarted with the new secret key alone, since the old one was stolen."""
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
    assert load_keyring().signer.kid == first  # who has the old one alone reads nothing new


def test_a_secret_key_that_is_lost_costs_a_new_key_and_no_access_token(
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


@pytest.mark.trap(40)
def test_a_key_is_parsed_once_however_often_it_is_read() -> None:
    first = load_keyring().signer
    parsed = _parse_key.cache_info().misses
    assert load_keyring().signer is first
    assert _parse_key.cache_info().misses == parsed


def test_looking_at_the_settings_makes_no_key() -> None:
    call_command("check")
    assert not SigningKey.objects.exists()


def test_a_key_kept_in_a_file_is_taken_over_and_the_file_is_gone(tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "access-key.pem"
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    lifecycle.import_key_file(file)
    signer = load_keyring().signer
    assert signer.public.public_numbers() == private.public_key().public_numbers()
    assert not file.exists()
    lifecycle.import_key_file(file)
    assert SigningKey.objects.count() == 1


def test_a_key_in_a_file_that_comes_too_late_signs_nothing(tmp_path: Path) -> None:
    signer = load_keyring().signer
    private = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "access-key.pem"
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    lifecycle.import_key_file(file)
    assert load_keyring().keys == (signer,)
    assert not file.exists()


def test_a_file_that_is_no_key_is_named_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "access-key.pem"
    file.write_text("")
    with pytest.raises(ImproperlyConfigured, match=r"access-key\.pem is no key"):
        lifecycle.import_key_file(file)
    assert file.exists()


def test_a_newest_key_that_somebody_has_deleted_by_hand_is_made_good(clock: Clock) -> None:
    load_keyring()
    waiting = lifecycle.rotate()
    SigningKey.objects.filter(pk=waiting.pk).delete()
    clock.forward(minutes=17)
    ring = load_keyring()
    assert [key.kid for key in ring.keys] == [ring.signer.kid]


def test_the_command_says_which_key_signs_from_when(clock: Clock) -> None:
    first = command()
    assert first == f"ES256 key {SigningKey.objects.get()} is published and signs now.\n"
    begins = f"{timezone.now() + ANNOUNCED:%Y-%m-%d %H:%M:%S} UTC"
    second = command()
    assert second.endswith(f"is published and signs from {begins} on.\n")
    assert command() == second
    assert command("--emergency").endswith("is published and signs now.\n")
    assert SigningKey.objects.count() == 1


REPLACEMENTS: dict[str, Callable[[], Any]] = {
    "the command": lambda: call_command("rotatesigningkey", "--emergency", stdout=StringIO()),
    "the end of all sessions": lambda: call_command("revoke", "--all", stdout=StringIO()),
    "a call": lifecycle.replace_all,
}


@pytest.mark.spec("ASVS 5.0", "16.3.1")
@pytest.mark.parametrize("replace", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_a_replacement_of_all_keys_is_a_warning_in_the_log(
    caplog: pytest.LogCaptureFixture, replace: Callable[[], Any]
) -> None:
    load_keyring()
    lifecycle.rotate()
    assert "signing_keys_replaced" not in caplog.text
    caplog.clear()
    replace()
    (record,) = (one for one in caplog.records if "signing_keys_replaced" in one.getMessage())
    event = cast("dict[str, Any]", record.msg)
    assert (record.levelname, event["event"]) == ("WARNING", "signing_keys_replaced")
    assert (event["kid"], event["replaced"]) == (SigningKey.objects.get().kid, 2)


def test_nothing_secret_of_a_key_is_in_a_representation() -> None:
    assert "private" not in repr(load_keyring())
