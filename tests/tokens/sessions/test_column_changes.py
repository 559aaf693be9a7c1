"""A migration changes columns while a server runs: its sessions are refreshed and revoked."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import NotSupportedError, connection, transaction
from django.test import Client

from accounts.models import User
from tests.conftest import API, Listen
from tests.support.racing import Outcome, race, refresh, sign_in
from tokens import signals
from tokens.models import DeviceSession
from tokens.sessions.access import verify_by_row
from tokens.sessions.lifecycle import sign_out

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL keeps plans"),
]

OFTEN = 5  # more executions than prepare_threshold in project/settings.py


def migrate(statement: str) -> None:
    """Execute the statement on another connection, as a migration does."""

    def execute() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    race(execute)


@contextmanager
def changed(table: str, column: str, new: str, old: str) -> Iterator[None]:
    """Change the type of the column until the block ends."""
    migrate(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {new}")
    try:
        yield
    finally:
        migrate(f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {old}")


def prepared() -> list[str]:
    """Return the statements that this connection has prepared."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement.strip() for (statement,) in cursor.fetchall()]


def is_prepared(kind: str) -> bool:
    return any(statement.startswith(kind) for statement in prepared())


def row_of(answer: Outcome) -> DeviceSession:
    return DeviceSession.objects.get(sid=answer.session)


COLUMNS = {
    "of the session": ("tokens_devicesession", "roles_version", "integer", "bigint"),
    "of the user": ("accounts_user", "password", "varchar(200)", "varchar(128)"),
}


@pytest.mark.trap(96)
@pytest.mark.parametrize("column", COLUMNS.values(), ids=COLUMNS)
def test_a_refresh_survives_a_change_of_a_column_type(
    alice: User, column: tuple[str, str, str, str]
) -> None:
    """Guards the second execution in prepared.fetch_one: one refresh advances the row once."""
    last = sign_in(alice)
    for _ in range(OFTEN):
        last = refresh(last.refresh)
    assert is_prepared("UPDATE")
    with changed(*column):
        for _ in range(OFTEN):
            last, before = refresh(last.refresh), last
            assert last.status == 200
            assert last.generation == before.generation + 1 == row_of(last).generation
        assert is_prepared("UPDATE")
    assert refresh(last.refresh).status == 200


@pytest.mark.trap(96)
def test_a_replay_survives_a_change_of_a_column_type(alice: User) -> None:
    """Guards the same for the statement that reads a session."""
    first = sign_in(alice)
    second = refresh(first.refresh)
    for _ in range(OFTEN):
        refresh(first.refresh)
    assert is_prepared("SELECT")
    with changed("tokens_devicesession", "device", "varchar(200)", "varchar(100)"):
        assert refresh(first.refresh).refresh == second.refresh
    assert refresh(first.refresh).refresh == second.refresh


@pytest.mark.trap(96)
def test_a_statement_that_fails_again_has_written_nothing(alice: User) -> None:
    """Guards that a statement is executed at most twice, and that a failed one spends no token."""
    first = sign_in(alice)
    migrate(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE feature_not_supported; END $$;"
        "CREATE TRIGGER refuse AFTER UPDATE ON tokens_devicesession"
        " FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
    try:
        with pytest.raises(NotSupportedError):
            refresh(first.refresh)
    finally:
        migrate("DROP FUNCTION refuse CASCADE")
    assert row_of(first).generation == 1
    assert refresh(first.refresh).generation == 2


@pytest.mark.trap(96)
def test_a_signed_in_request_survives_a_change_of_a_column_type(api: API, alice: User) -> None:
    """Guards the same for the statement that reads a session and its user."""
    access = api.login(alice)["access"]
    for _ in range(OFTEN):
        assert api.get("sessions/", bearer=access).status_code == 200
    assert is_prepared("SELECT")
    with changed("accounts_user", "first_name", "varchar(200)", "varchar(150)"):
        with transaction.atomic():  # where a refused plan would abort the transaction
            assert verify_by_row(access)[0].user == alice
        assert api.get("sessions/", bearer=access).status_code == 200
    assert api.get("sessions/", bearer=access).status_code == 200


def test_only_our_own_statements_are_prepared(api: API, alice: User) -> None:
    """Guards that no other query needs a second execution after a migration."""
    for _ in range(OFTEN):
        pair = api.rotated(api.login(alice)["refresh"])
        api.get("sessions/", bearer=pair["access"])
        api.post("verify/", {"token": pair["access"]})
        api.post("logout/", {"refresh": pair["refresh"]})
    assert is_prepared("UPDATE")
    assert not [sql for sql in prepared() if '"."' in sql]  # as Django quotes every name


def test_a_column_of_a_newer_version_is_ignored(alice: User, heard: Listen) -> None:
    """Guards `RETURNING *` in DeviceSessionQuerySet.revoke: an older server ignores the column."""
    ended = heard(signals.session_ended)
    phone, laptop = sign_in(alice), sign_in(alice)
    for _ in range(OFTEN):
        phone = refresh(phone.refresh)
    migrate("ALTER TABLE tokens_devicesession ADD COLUMN note varchar(20)")
    try:
        phone = refresh(phone.refresh)
        assert API(Client()).get("sessions/", bearer=phone.access).status_code == 200
        sign_out(phone.refresh)
        tablet = sign_in(alice)
    finally:
        migrate("ALTER TABLE tokens_devicesession DROP COLUMN note")
    sign_out(tablet.refresh)
    assert [call["session"].revoked_reason for call in ended] == ["logout", "logout"]
    assert refresh(phone.refresh).status == refresh(tablet.refresh).status == 401
    assert refresh(laptop.refresh).status == 200
