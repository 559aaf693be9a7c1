"""One signing key follows another, and each is published as long as its tokens are valid."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any, cast

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock
from tests.support.racing import race
from tests.tokens.keys.key_set import command, is_accepted, kid_of, published
from tokens.keys import lifecycle
from tokens.keys.keyring import keyring, load_keyring
from tokens.models import Event, EventKind, SigningKey

pytestmark = pytest.mark.django_db(transaction=True)

ANNOUNCED = timedelta(minutes=10)  # twice the cache time of the key set
LONGEST_INTERVAL = 60  # the most seconds that another process may cache its keyring


def test_the_first_use_creates_a_key_that_signs_immediately(api: API, alice: User) -> None:
    assert not SigningKey.objects.exists()
    token = api.login(alice)["access"]
    assert SigningKey.objects.get().kid == kid_of(token)
    assert is_accepted(api, token)


@pytest.mark.trap(42)
@pytest.mark.spec("ASVS 5.0", "2.3.4")
def test_many_first_callers_create_one_key() -> None:
    """Guards that `follows` is unique."""
    rings = race(*[load_keyring] * 6)
    assert {ring.signer.kid for ring in rings} == {SigningKey.objects.get().kid}


def test_simultaneous_processes_create_one_key() -> None:
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
def test_a_key_is_published_before_and_after_it_signs(api: API, alice: User, clock: Clock) -> None:
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
    # Twice the leeway between clocks, and the time until every process knows the new key.
    clock.forward(seconds=23 + LONGEST_INTERVAL)
    assert published(api) == [new]
    assert not is_accepted(api, last)
    pair = api.rotated(pair["refresh"])
    assert is_accepted(api, pair["access"])


def test_a_rotation_is_published_immediately() -> None:
    before = keyring.current()
    assert [key.kid for key in keyring.current().keys] == [before.signer.kid]
    rotated = lifecycle.rotate()
    assert [key.kid for key in keyring.current().keys] == [before.signer.kid, rotated.kid]


def test_while_a_key_waits_no_other_is_created(api: API, alice: User, clock: Clock) -> None:
    api.login(alice)
    waiting = lifecycle.rotate()
    clock.forward(minutes=5)
    assert lifecycle.rotate() == waiting
    clock.forward(minutes=5)
    assert lifecycle.rotate() != waiting


@pytest.mark.trap(42)
def test_two_simultaneous_rotations_create_one_key() -> None:
    """Guards that `follows` is unique."""
    load_keyring()
    made = race(*[lifecycle.rotate] * 6)
    assert len({key.kid for key in made}) == 1
    assert SigningKey.objects.count() == 2


def test_simultaneous_emergencies_leave_one_signing_key() -> None:
    old = load_keyring().signer.kid
    race(*[lifecycle.replace_all] * 3, *[lifecycle.rotate] * 3)
    ring = load_keyring()
    assert old not in {key.kid for key in ring.keys}
    assert ring.signer.kid in {key.kid for key in ring.keys}


def test_a_rotation_that_an_emergency_overtakes_returns_the_newest_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another process creates the key first, and an emergency removes it before it is read."""
    newest = load_keyring().signer

    def refuse(**columns: Any) -> None:
        raise IntegrityError

    monkeypatch.setattr(SigningKey.objects, "create", refuse)
    assert lifecycle.rotate().kid == newest.kid


def test_an_overtaken_emergency_leaves_no_waiting_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load_keyring()
    seen = lifecycle.all_rows()
    waiting = lifecycle.rotate()
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "all_rows", lambda: seen)  # as if it had read the keys before
        made = lifecycle.replace_all()
    assert made.follows == waiting.kid
    assert Event.objects.latest("pk").kind == EventKind.KEYS_REPLACED
    ring = load_keyring()
    assert [key.kid for key in ring.keys] == [ring.signer.kid] == [made.kid]


def test_overtaken_emergencies_keep_the_times_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes revoke all sessions, and each replaces the keys. One creates the new key."""
    load_keyring()
    seen = lifecycle.all_rows()
    first, second = timezone.now(), timezone.now() + timedelta(seconds=1)
    made = lifecycle.replace_all(all_revoked_at=[first])
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "all_rows", lambda: seen)  # as if it had read the keys before
        assert lifecycle.replace_all(all_revoked_at=[second]) == made
    assert load_keyring().all_revoked_at == {first, second}


def test_the_next_rotation_deletes_removed_keys(clock: Clock) -> None:
    first = load_keyring().signer.kid
    lifecycle.rotate()
    clock.forward(minutes=15)
    lifecycle.rotate()
    assert SigningKey.objects.filter(kid=first).exists()
    clock.forward(days=1)
    lifecycle.rotate()
    assert not SigningKey.objects.filter(kid=first).exists()


def test_an_emergency_invalidates_access_tokens_only(api: API, alice: User) -> None:
    pair = api.login(alice)
    lifecycle.rotate()
    replacing = lifecycle.replace_all().kid
    assert published(api) == [replacing]
    assert api.get("sessions/", bearer=pair["access"]).status_code == 401
    pair = api.rotated(pair["refresh"])
    assert kid_of(pair["access"]) == replacing
    assert is_accepted(api, pair["access"])


@pytest.mark.parametrize("age", [90, 0], ids=["by age", "only when told"])
def test_an_old_key_is_replaced_automatically(settings: Settings, clock: Clock, age: int) -> None:
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


def test_a_manually_deleted_newest_key_is_replaced(clock: Clock) -> None:
    load_keyring()
    waiting = lifecycle.rotate()
    SigningKey.objects.filter(pk=waiting.pk).delete()
    clock.forward(minutes=17)
    ring = load_keyring()
    assert [key.kid for key in ring.keys] == [ring.signer.kid]


def test_the_command_prints_when_the_key_signs(clock: Clock) -> None:
    first = command()
    assert first == f"ES256 key {SigningKey.objects.get()} is published and signs now.\n"
    begins = f"{timezone.now() + ANNOUNCED:%Y-%m-%d %H:%M:%S} UTC"
    second = command()
    assert second.endswith(f"is published and signs from {begins}.\n")
    assert command() == second
    assert command("--emergency").endswith("is published and signs now.\n")
    assert SigningKey.objects.count() == 1


def test_a_new_key_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    kid = load_keyring().signer.kid
    (record,) = (one for one in caplog.records if "signing_key_made" in one.getMessage())
    event = cast("dict[str, Any]", record.msg)
    assert (record.levelname, event["kid"], event["algorithm"]) == ("INFO", kid, "ES256")


REPLACEMENTS: dict[str, Callable[[], Any]] = {
    "the command": lambda: call_command("rotatesigningkey", "--emergency", stdout=StringIO()),
    "the revocation of all sessions": lambda: call_command("revoke", "--all", stdout=StringIO()),
    "a call": lifecycle.replace_all,
}


@pytest.mark.spec("ASVS 5.0", "16.3.1")
@pytest.mark.parametrize("replace", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_replacing_all_keys_is_logged_as_a_warning(
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
