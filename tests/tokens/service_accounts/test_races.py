"""Callers that use, rotate and disable secrets simultaneously."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier, Event

import pytest
from django.db import connection
from django.test import Client

from tests.conftest import Listen
from tests.support.racing import queue, race
from tests.tokens.oauth.conftest import Service
from tokens import signals
from tokens.errors import InvalidClientError, TokenRefusedError
from tokens.jwt.claims import AccessToken
from tokens.models import DeviceSession, Kind, ServiceAccount
from tokens.service_accounts.accounts import (
    authenticate,
    create_secret,
    disable_secret,
    issue,
    record_use,
)
from tokens.sessions.access import verify_by_row

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="SQLite has no row locks to wait for."
)


def first_use(secret: str, together: Barrier) -> str:
    """Authenticate as a client does, and return the session of the token."""
    try:
        together.wait(timeout=30)
        client = authenticate(secret)
        token = issue(client)
        record_use(client.secret)
        return str(token["sid"])
    finally:
        connection.close()


def test_twenty_first_uses_have_one_session_and_are_reported_once(
    service: Service, heard: Listen
) -> None:
    used = heard(signals.service_secret_used)
    together = Barrier(20)
    with ThreadPoolExecutor(20) as pool:
        sessions = pool.map(partial(first_use, together=together), [service.secret] * 20)
    assert {*sessions} == {str(service.row.session.sid)}
    assert DeviceSession.objects.filter(kind=Kind.SERVICE).count() == 1
    assert [call["secret"].pk for call in used] == [service.row.pk]


class Program:
    """A program that requests tokens all the time, with the secret that it is configured with."""

    def __init__(self, service: Service) -> None:
        self.service, self.secret = service, service.secret
        self.stopped, self.statuses = Event(), list[int]()

    def run(self) -> None:
        client = Client()
        try:
            while not self.stopped.is_set():
                secret = self.secret
                form = f"grant_type=client_credentials&client_secret={secret}"
                form += f"&client_id={self.service.client_id}"
                kind = "application/x-www-form-urlencoded"
                self.statuses.append(client.post("/oauth/token", form, kind).status_code)
        finally:
            connection.close()


@pytest.fixture
def programs(service: Service) -> Iterator[list[Program]]:
    programs = [Program(service) for _ in range(4)]
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(program.run) for program in programs]
        yield programs
        for program in programs:
            program.stopped.set()
        for future in running:
            future.result()


def requests_more(programs: list[Program], number: int) -> None:
    """Wait until every program has made so many more requests."""
    wanted = {id(program): len(program.statuses) + number for program in programs}
    for program in programs:
        while len(program.statuses) < wanted[id(program)]:
            program.stopped.wait(0.01)


@pytest.mark.trap(73)
def test_rotating_a_secret_under_load_loses_no_request(
    service: Service, programs: list[Program]
) -> None:
    for _ in range(3):
        old = programs[0].secret
        _, new = create_secret(service.account, lifetime=timedelta(days=30))
        requests_more(programs, 3)
        for program in programs:
            program.secret = new
        requests_more(programs, 2)  # the one under way, with the old secret, and another
        assert disable_secret(old)
        requests_more(programs, 3)
    assert {status for program in programs for status in program.statuses} == {200}


def disable(account: ServiceAccount) -> None:
    account.is_active = False
    account.save()


def issued(secret: str) -> str:
    """Return a token, or nothing if the secret is refused."""
    try:
        return str(issue(authenticate(secret)))
    except InvalidClientError:
        return ""


@pytest.mark.trap(74)
def test_disabling_an_account_while_tokens_are_issued_leaves_no_valid_token(
    service: Service,
) -> None:
    before = issued(service.secret)
    tokens = race(*[partial(issued, service.secret)] * 10, partial(disable, service.account))
    for token in filter(None, [before, *tokens]):
        with pytest.raises(TokenRefusedError, match="session revoked"):
            verify_by_row(token)
    assert issued(service.secret) == ""


@postgresql
def test_a_secret_that_is_created_while_its_account_is_disabled_is_disabled(
    service: Service,
) -> None:
    """Guards `select_for_update` in `create_secret`."""
    account = ServiceAccount.objects.get(pk=service.account.pk)
    with queue() as line_up:
        disable(account)
        created = line_up(partial(create_secret, service.account, lifetime=timedelta(days=1)))
    row, secret = created.result()
    assert issued(secret) == ""
    assert DeviceSession.objects.get(pk=row.session_id).revoked_at is not None


@postgresql
def test_a_secret_that_is_created_while_the_scope_changes_has_the_new_scope(
    service: Service,
) -> None:
    """Guards `select_for_update` in `create_secret`."""
    account = ServiceAccount.objects.get(pk=service.account.pk)
    with queue() as line_up:
        account.scope = "stock"
        account.save()
        created = line_up(partial(create_secret, service.account, lifetime=timedelta(days=1)))
    _, secret = created.result()
    assert AccessToken(issued(secret)).scopes == {"stock"}


@postgresql
def test_a_scope_that_changes_while_a_secret_is_created_reaches_it(service: Service) -> None:
    """The change waits for the lock of `create_secret`, and then finds the new session."""

    def change() -> None:
        account = ServiceAccount.objects.get(pk=service.account.pk)
        account.scope = "stock"
        account.save()

    with queue() as line_up:
        _, secret = create_secret(service.account, lifetime=timedelta(days=1))
        changed = line_up(change)
    changed.result()
    assert AccessToken(issued(secret)).scopes == {"stock"}
