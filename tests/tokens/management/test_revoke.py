"""`revoke` ends the sessions of whom it names, or of everybody, and says how many."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from rest_framework_simplejwt.exceptions import InvalidToken

from accounts.models import User
from tests.conftest import API, HASHED, Listen, row
from tests.support.racing import Outcome, race, refresh, sign_in
from tokens import signals
from tokens.http.authentication import verify_cached
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import revoke_all_sessions

pytestmark = pytest.mark.django_db(transaction=True)


postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite lets nobody write beside a writer"
)


def revoke(*words: str) -> str:
    """Run the command and return what it printed."""
    printed = StringIO()
    call_command("revoke", *words, stdout=printed)
    return printed.getvalue()


@pytest.mark.parametrize("name", ["alice", "alice@example.org", "Alice@Example.ORG", "id"])
def test_a_user_is_named_by_name_address_or_id(api: API, alice: User, bob: User, name: str) -> None:
    phone, laptop, other = api.login(alice), api.login(alice), api.login(bob)
    word = str(alice.pk) if name == "id" else name
    assert revoke(word) == "Ended 2 living sessions of alice.\n"
    for pair in (phone, laptop):
        assert row(pair).revoked_reason == "admin"
        assert api.refresh(pair["refresh"]).status_code == 401
        assert api.get("sessions/", bearer=pair["access"]).status_code == 401
    api.rotated(other["refresh"])


@pytest.mark.parametrize("reason", Reason.values)
def test_the_reason_is_kept(api: API, alice: User, reason: str) -> None:
    phone = api.login(alice)
    revoke("alice", "--reason", reason)
    assert row(phone).revoked_reason == reason


def test_what_had_ended_or_run_out_is_not_counted_and_keeps_its_reason(
    api: API, alice: User
) -> None:
    phone, laptop, _ = (api.login(alice) for _ in range(3))
    api.post("logout/", {"refresh": phone["refresh"]})
    DeviceSession.objects.filter(sid=laptop["session"]).update(expires_at=timezone.now())
    assert revoke("alice") == "Ended 1 living sessions of alice.\n"
    assert revoke("alice") == "Ended 0 living sessions of alice.\n"
    assert row(phone).revoked_reason == "logout"


@pytest.mark.spec("ASVS 5.0", "7.4.5")
def test_everybody_is_ended_and_each_ending_is_told_once(
    api: API, alice: User, bob: User, heard: Listen
) -> None:
    pairs = [api.login(alice), api.login(alice), api.login(bob)]
    told = heard(signals.session_ended)
    assert revoke("--all", "--reason=logout_all") == "Ended 3 living sessions.\n"
    assert revoke("--all") == "Ended 0 living sessions.\n"
    assert {str(call["session"].sid) for call in told} == {pair["session"] for pair in pairs}
    assert len(told) == 3
    assert {row(pair).revoked_reason for pair in pairs} == {"logout_all"}


def test_everybody_is_ended_in_slices_but_who_signs_in_meanwhile(
    api: API, alice: User, bob: User
) -> None:
    for _ in range(5):
        api.login(alice)
    slices = revoke_all_sessions(Reason.ADMIN, size=2)
    assert next(slices) == 2
    newcomer = api.login(bob)
    assert list(slices) == [2, 1]
    assert row(newcomer).revoked_at is None


def revoke_everybody_after(kind: str) -> Callable[..., Any]:
    """Return an execute wrapper that runs `revoke --all` elsewhere after one such statement."""
    done: list[str] = []

    def after(execute: Any, sql: str, *args: Any) -> Any:
        result = execute(sql, *args)
        if sql.lstrip().startswith(kind) and not done:
            done.append(sql)
            race(partial(revoke, "--all"))
        return result

    return after


def signs_in(alice: User, first: Outcome) -> Outcome:
    """Sign in; the session is committed, and then everybody is revoked."""

    def revoke_everybody(**kwargs: Any) -> None:
        race(partial(revoke, "--all"))

    signals.session_started.connect(revoke_everybody)
    try:
        return sign_in(alice)
    finally:
        signals.session_started.disconnect(revoke_everybody)


def refreshes(alice: User, first: Outcome) -> Outcome:
    with connection.execute_wrapper(revoke_everybody_after("UPDATE")):
        return refresh(first.refresh)


def retries(alice: User, first: Outcome) -> Outcome:
    refresh(first.refresh)
    with connection.execute_wrapper(revoke_everybody_after("SELECT")):
        return refresh(first.refresh)


@pytest.mark.spec("ASVS 5.0", "7.4.5")
@pytest.mark.parametrize("act", [signs_in, pytest.param(refreshes, marks=postgresql), retries])
def test_a_token_signed_while_everybody_is_revoked_is_refused(
    alice: User, act: Callable[[User, Outcome], Outcome]
) -> None:
    """Guards that the signing key is read before the row: the old key has been replaced."""
    outcome = act(alice, sign_in(alice))
    assert outcome.status == 200
    assert DeviceSession.objects.active().count() == 0
    with pytest.raises(InvalidToken):
        verify_cached(outcome.access)


def test_nobody_to_end_is_no_mistake(db: None) -> None:
    assert revoke("--all") == "Ended 0 living sessions.\n"


@pytest.mark.parametrize(
    "name",
    ["", "nobody", "alice@example.com", "a" * 100_000, "@", "ali\0ce", str(timedelta(1)), "1"],
    ids=["nothing", "nobody", "another address", "very long", "an @", "null", "words", "a number"],
)
def test_a_name_of_nobody_is_refused(api: API, alice: User, name: str) -> None:
    User.objects.create(username="dave", password=HASHED)  # has no address
    phone = api.login(alice)
    with pytest.raises(CommandError, match="There is no user with this"):
        revoke(name)
    assert row(phone).revoked_at is None


def test_a_name_of_two_users_is_refused(api: API, alice: User) -> None:
    eve = User.objects.create(username=str(alice.pk), password=HASHED)
    phone = api.login(alice)
    with pytest.raises(CommandError, match="several users"):
        revoke(str(alice.pk))
    assert row(phone).revoked_at is None
    assert revoke(str(eve.pk)) == f"Ended 0 living sessions of {alice.pk}.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "required"),
        (["alice", "--all"], "not allowed with"),
        (["alice", "--reason", "whim"], "invalid choice: 'whim'"),
        (["alice", "bob"], "unrecognized arguments"),
    ],
    ids=["nobody named", "one and all", "no such reason", "two"],
)
def test_nonsense_is_refused_and_ends_nothing(
    api: API, alice: User, words: list[str], sentence: str
) -> None:
    phone = api.login(alice)
    with pytest.raises(CommandError, match=sentence):
        revoke(*words)
    assert row(phone).revoked_at is None
