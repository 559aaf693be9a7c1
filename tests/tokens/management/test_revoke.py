"""`revoke` revokes the sessions of one user or of all users, and prints their number."""

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
from tests.tokens.oauth.conftest import OAuth, Service
from tokens import signals
from tokens.http.authentication import verify_cached
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import revoke_all_sessions

pytestmark = pytest.mark.django_db(transaction=True)


postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite has no simultaneous writers"
)


def revoke(*words: str) -> str:
    """Run the command and return what it printed."""
    printed = StringIO()
    call_command("revoke", *words, stdout=printed)
    return printed.getvalue()


@pytest.mark.parametrize("name", ["alice", "alice@example.org", "Alice@Example.ORG", "id"])
def test_a_user_is_found_by_name_email_or_id(api: API, alice: User, bob: User, name: str) -> None:
    phone, laptop, other = api.login(alice), api.login(alice), api.login(bob)
    word = str(alice.pk) if name == "id" else name
    assert revoke(word) == "Revoked 2 active sessions of alice.\n"
    for pair in (phone, laptop):
        assert row(pair).revoked_reason == "admin"
        assert api.refresh(pair["refresh"]).status_code == 401
        assert api.get("sessions/", bearer=pair["access"]).status_code == 401
    api.rotated(other["refresh"])


@pytest.mark.parametrize("reason", Reason.values)
def test_the_reason_is_stored(api: API, alice: User, reason: str) -> None:
    phone = api.login(alice)
    revoke("alice", "--reason", reason)
    assert row(phone).revoked_reason == reason


def test_inactive_sessions_are_not_counted_or_changed(api: API, alice: User) -> None:
    phone, laptop, _ = (api.login(alice) for _ in range(3))
    api.post("logout/", {"refresh": phone["refresh"]})
    DeviceSession.objects.filter(sid=laptop["session"]).update(expires_at=timezone.now())
    assert revoke("alice") == "Revoked 1 active sessions of alice.\n"
    assert revoke("alice") == "Revoked 0 active sessions of alice.\n"
    assert row(phone).revoked_reason == "logout"


@pytest.mark.spec("ASVS 5.0", "7.4.5")
def test_revoking_all_reports_each_session_once(
    api: API, alice: User, bob: User, heard: Listen
) -> None:
    pairs = [api.login(alice), api.login(alice), api.login(bob)]
    told = heard(signals.session_ended)
    assert revoke("--all", "--reason=logout_all") == "Revoked 3 active sessions.\n"
    assert revoke("--all") == "Revoked 0 active sessions.\n"
    assert {str(call["session"].sid) for call in told} == {pair["session"] for pair in pairs}
    assert len(told) == 3
    assert {row(pair).revoked_reason for pair in pairs} == {"logout_all"}


def test_revoking_all_in_slices_keeps_new_sign_ins(api: API, alice: User, bob: User) -> None:
    for _ in range(5):
        api.login(alice)
    slices = revoke_all_sessions(Reason.ADMIN, size=2)
    assert next(slices) == 2
    newcomer = api.login(bob)
    assert list(slices) == [2, 1]
    assert row(newcomer).revoked_at is None


def test_the_secrets_of_service_accounts_stay_valid(
    alice: User, oauth: OAuth, service: Service
) -> None:
    """Disable the account or its secrets instead. Its outstanding access tokens are refused."""
    issued = oauth.issued(service, grant_type="client_credentials")
    revoke("--all")
    with pytest.raises(InvalidToken):
        verify_cached(str(issued))
    verify_cached(str(oauth.issued(service, grant_type="client_credentials")))


def revoke_all_after(kind: str) -> Callable[..., Any]:
    """Return an execute wrapper that runs `revoke --all` in another thread after one statement."""
    done: list[str] = []

    def after(execute: Any, sql: str, *args: Any) -> Any:
        result = execute(sql, *args)
        if sql.lstrip().startswith(kind) and not done:
            done.append(sql)
            race(partial(revoke, "--all"))
        return result

    return after


def signs_in(alice: User, first: Outcome) -> Outcome:
    """Sign in. After the commit of the session, all sessions are revoked."""

    def revoke_all(**kwargs: Any) -> None:
        race(partial(revoke, "--all"))

    signals.session_started.connect(revoke_all)
    try:
        return sign_in(alice)
    finally:
        signals.session_started.disconnect(revoke_all)


def refreshes(alice: User, first: Outcome) -> Outcome:
    with connection.execute_wrapper(revoke_all_after("UPDATE")):
        return refresh(first.refresh)


def retries(alice: User, first: Outcome) -> Outcome:
    refresh(first.refresh)
    with connection.execute_wrapper(revoke_all_after("SELECT")):
        return refresh(first.refresh)


@pytest.mark.spec("ASVS 5.0", "7.4.5")
@pytest.mark.parametrize("act", [signs_in, pytest.param(refreshes, marks=postgresql), retries])
def test_a_token_signed_while_all_are_revoked_is_refused(
    alice: User, act: Callable[[User, Outcome], Outcome]
) -> None:
    """Guards that the signing key is read before the row: the old key has been replaced."""
    outcome = act(alice, sign_in(alice))
    assert outcome.status == 200
    assert DeviceSession.objects.active().count() == 0
    with pytest.raises(InvalidToken):
        verify_cached(outcome.access)


def test_revoking_without_sessions_is_not_an_error(db: None) -> None:
    assert revoke("--all") == "Revoked 0 active sessions.\n"


@pytest.mark.parametrize(
    "name",
    ["", "nobody", "alice@example.com", "a" * 100_000, "@", "ali\0ce", str(timedelta(1)), "1"],
    ids=["nothing", "unknown", "another address", "very long", "an @", "null", "words", "a number"],
)
def test_an_unknown_user_is_refused(api: API, alice: User, name: str) -> None:
    User.objects.create(username="dave", password=HASHED)  # has no address
    phone = api.login(alice)
    with pytest.raises(CommandError, match="There is no user with the user name"):
        revoke(name)
    assert row(phone).revoked_at is None


def test_an_ambiguous_user_is_refused(api: API, alice: User) -> None:
    eve = User.objects.create(username=str(alice.pk), password=HASHED)
    phone = api.login(alice)
    with pytest.raises(CommandError, match="Several users match"):
        revoke(str(alice.pk))
    assert row(phone).revoked_at is None
    assert revoke(str(eve.pk)) == f"Revoked 0 active sessions of {alice.pk}.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "required"),
        (["alice", "--all"], "not allowed with"),
        (["alice", "--reason", "whim"], "invalid choice: 'whim'"),
        (["alice", "bob"], "unrecognized arguments"),
    ],
    ids=["no user", "one and all", "no such reason", "two"],
)
def test_invalid_arguments_are_refused_and_revoke_nothing(
    api: API, alice: User, words: list[str], sentence: str
) -> None:
    phone = api.login(alice)
    with pytest.raises(CommandError, match=sentence):
        revoke(*words)
    assert row(phone).revoked_at is None
