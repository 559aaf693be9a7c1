"""docs/events.md names every kind of event, and its webhook works, with retries."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from tests.accounts.conftest import post_office
from tests.conftest import API, Clock, row
from tests.support.site import ROOT
from tokens.models import EventKind
from tokens.signals import refresh_token_reused

DOCUMENT = (ROOT / "docs/events.md").read_text()


def test_every_kind_is_in_the_document_once() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \|", DOCUMENT, re.MULTILINE)
    assert rows == EventKind.values


class Webhook(HTTPServer):
    """A server that answers with these statuses, then with 204, and keeps what it receives."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses: list[int] = []
        self.received: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/latchkey"


class Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        if status == 204:
            self.server.received.append(json.loads(body))
        self.send_response(status)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Log nothing."""


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """Run the code of the document as a module, against a server of the test."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    names: dict[str, Any] = {"__name__": __name__}
    exec(compile(code, "docs/events.md", "exec"), names)  # noqa: S102  (our own document)
    monkeypatch.setitem(globals(), "send", names["send"])  # The worker imports the task.
    with Webhook() as server:
        names["URL"] = server.url
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
    refresh_token_reused.in_transaction.disconnect(names["on_reuse"])


def reuse(api: API, user: User, clock: Clock) -> dict[str, Any]:
    """Let a thief present a spent token; return what the webhook is told."""
    phone = api.login(user, "phone")
    api.rotated(phone["refresh"])
    clock.forward(minutes=1)
    assert api.refresh(phone["refresh"]).status_code == 401
    return {"kind": "token_reused", "sid": str(row(phone).sid), "address": "127.0.0.1"}


@pytest.mark.django_db(transaction=True)
def test_the_webhook_of_the_document_receives_a_reuse(
    api: API, alice: User, clock: Clock, webhook: Webhook
) -> None:
    told = reuse(api, alice, clock)
    assert webhook.received == []  # The request does not wait for the other server.
    post_office()
    assert webhook.received == [told]


@pytest.mark.django_db(transaction=True)
def test_the_webhook_is_called_again_after_failures(
    api: API, alice: User, clock: Clock, webhook: Webhook
) -> None:
    webhook.statuses = [500, 503]
    told = reuse(api, alice, clock)
    for minutes in (1, 5):
        post_office()
        assert webhook.received == []
        [waiting] = DBTaskResult.objects.filter(run_after__gt=timezone.now())[:1]
        assert waiting.run_after - timezone.now() == timedelta(minutes=minutes)
        clock.forward(minutes=minutes, seconds=1)
    post_office()
    assert webhook.received == [told]
    clock.forward(days=1)
    post_office()
    assert webhook.received == [told]


@pytest.mark.django_db(transaction=True)
def test_the_webhook_gives_up_after_the_last_retry(
    api: API, alice: User, clock: Clock, webhook: Webhook
) -> None:
    webhook.statuses = [500] * 10
    reuse(api, alice, clock)
    for _ in range(10):
        post_office()
        clock.forward(days=1)
    assert len(webhook.statuses) == 4  # one call and five retries
    assert not DBTaskResult.objects.ready().exists()


@pytest.mark.django_db(transaction=True)
def test_an_undone_change_calls_no_webhook(api: API, alice: User, webhook: Webhook) -> None:
    phone = row(api.login(alice))
    with transaction.atomic():
        about = {"session": phone, "ip_address": None, "generation": 1}
        refresh_token_reused.in_transaction.send(type(phone), **about)
        transaction.set_rollback(True)
    post_office()
    assert webhook.received == []
