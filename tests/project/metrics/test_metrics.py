"""/metrics counts what happens, for a program on this machine or with METRICS_TOKEN."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.test import Client
from django_tasks_db.models import DBTaskResult
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.mail.letters import Mail
from accounts.mail.notices import REMINDER
from accounts.mail.queue import deliver, queue
from accounts.models import User
from tests.conftest import API, Answer, Clock, allow
from tests.project.conftest import Outage
from tokens.models import DeviceSession, ServiceAccount
from tokens.revocation import snapshot
from tokens.service_accounts.accounts import create_secret

pytestmark = pytest.mark.django_db(transaction=True)
HERE = {"HTTP_HOST": "localhost:8000"}
TOKEN = "a secret of the operator"


def scrape(client: Client, **environ: Any) -> Answer:
    return client.get("/metrics", **{**HERE, **environ})


class Readings:
    """The values of a scrape, and how much each has changed since the one before."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.before: dict[Any, float] = {}

    def read(self) -> dict[Any, float]:
        answer = scrape(self.client)
        assert answer.status_code == 200
        return {
            (sample.name.removeprefix("latchkey_"), *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(answer.content.decode())
            for sample in family.samples
        }

    def start(self) -> None:
        self.before = self.read()

    def change(self, *name: str) -> float:
        return self.read().get(name, 0) - self.before.get(name, 0)


@pytest.fixture
def readings(client: Client) -> Readings:
    readings = Readings(client)
    readings.start()
    return readings


def test_a_request_is_counted_by_method_route_and_status(readings: Readings, api: API) -> None:
    for _ in range(3):
        api.post("refresh/", {"refresh": "garbage"})
    route = "/api/auth/refresh/"
    assert readings.change("requests_total", "POST", route, "401") == 3
    assert readings.change("request_seconds_count", route) == 3
    assert readings.change("request_seconds_bucket", "+Inf", route) == 3
    assert 0 < readings.change("request_seconds_sum", route) < 60
    assert readings.change("refused_tokens_total", "malformed") == 3


def test_a_client_chooses_no_label(readings: Readings, client: Client) -> None:
    for number in range(3):
        client.generic(f"BREW{number}", f"/nowhere/{number}/")
    assert readings.change("requests_total", "other", "", "404") == 3
    assert not any("BREW" in str(name) for name in readings.read())


def test_rotations_and_spent_tokens_are_counted(readings: Readings, api: API, alice: User) -> None:
    first = api.login(alice)["refresh"]
    second = api.rotated(first)["refresh"]
    assert api.rotated(first)["refresh"] == second
    assert api.refresh(first, key="k" * 16).status_code == 409
    api.rotated(second)
    assert api.refresh(first).status_code == 401
    assert readings.change("sign_ins_total", "token") == 1
    assert readings.change("rotations_total") == 2
    assert readings.change("spent_tokens_total", "sent again") == 1
    assert readings.change("spent_tokens_total", "contended") == 1
    assert readings.change("spent_tokens_total", "reused") == 1
    assert readings.change("refused_tokens_total", "reused") == 1
    assert readings.change("ended_sessions_total", "reuse") == 1


def test_a_token_ahead_of_the_database_is_counted(
    readings: Readings, api: API, alice: User
) -> None:
    pair = api.rotated(api.login(alice)["refresh"])
    DeviceSession.objects.update(generation=1)
    assert api.refresh(pair["refresh"]).status_code == 401
    assert readings.change("spent_tokens_total", "out of step") == 1


def test_a_failed_sign_in_is_counted(readings: Readings, alice: User) -> None:
    assert authenticate(None, username="alice", password="wrong") is None
    assert readings.change("failed_sign_ins_total") == 1


@pytest.mark.usefixtures("fresh_counters")
def test_a_try_that_redis_did_not_count_is_counted(
    readings: Readings, api: API, alice: User, settings: Settings, redis_url: str
) -> None:
    allow(settings, login_pair="9 per hour")
    settings.TOKENS = {**settings.TOKENS, "THROTTLE_STORAGE": redis_url}
    api.login(alice)
    assert readings.change("throttle_storage_failures_total") == 0
    settings.TOKENS = {**settings.TOKENS, "THROTTLE_STORAGE": "redis://127.0.0.1:1/0"}
    for _ in range(3):
        api.login(alice)
    assert readings.change("throttle_storage_failures_total") == 3


def test_the_state_of_the_site_is_shown(
    client: Client, api: API, alice: User, settings: Settings
) -> None:
    pair = api.login(alice)
    api.get("sessions/", bearer=pair["access"])
    api.post("logout/", {"refresh": pair["refresh"]})
    snapshot.revocations.current()
    found = Readings(client).read()
    assert found["database_up",] == 1
    assert 0 <= found["snapshot_age_seconds",] < 60
    assert (found["snapshot_entries",], found["snapshot_complete",]) == (1, 1)
    assert found["signing_keys",] == 1
    assert 0 <= found["signing_key_age_seconds",] < 60
    assert found["mails", "ready"] == 0
    assert found["oldest_mail_age_seconds",] == 0
    assert found["connections",] >= 1
    assert found["waiting_requests",] == 0


def test_a_mail_in_the_queue_is_shown(client: Client) -> None:
    queue(Mail.PASSWORD_RESET, user="5b0e9a55-1f6b-4d8c-8e0a-3d5c5f0f7a11")
    found = Readings(client).read()
    assert found["mails", "ready"] == 1
    assert 0 <= found["oldest_mail_age_seconds",] < 60


def test_a_reminder_waits_from_the_day_on_which_it_is_due(
    client: Client, alice: User, clock: Clock
) -> None:
    """Otherwise an alert on the age of the oldest mail would fire for months, or on that day."""
    orders = ServiceAccount.objects.create(name="orders")
    orders.owners.add(alice)
    create_secret(orders, lifetime=timedelta(days=365))
    DBTaskResult.objects.filter(task_path=deliver.module_path).delete()
    clock.forward(days=7)
    found = Readings(client).read()
    assert (found["mails", "ready"], found["oldest_mail_age_seconds",]) == (0, 0)
    clock.forward(days=365 - REMINDER.days - 7, seconds=20)
    found = Readings(client).read()
    assert found["mails", "ready"] == 1
    assert found["oldest_mail_age_seconds",] == 20


def test_a_scrape_works_without_the_database(client: Client, outage: Outage) -> None:
    with outage():
        found = Readings(client).read()
    assert found["database_up",] == 0
    assert ("signing_keys",) not in found
    assert found["requests_total", "GET", "/metrics", "200"] >= 0


def test_a_scrape_takes_three_queries(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    scrape(client)
    with django_assert_max_num_queries(3):
        scrape(client)


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "192.0.2.7"},
        {"HTTP_HOST": "rebound.example"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=127.0.0.1"},
        {"HTTP_X_REAL_IP": "127.0.0.1"},
        {"HTTP_VIA": "1.1 proxy"},
        {"HTTP_X_FORWARDED_PROTO": "https"},
        {"HTTP_X_FORWARDED_HOST": "localhost"},
        {"HTTP_CF_CONNECTING_IP": "127.0.0.1"},
    ],
    ids=lambda environ: next(iter(environ)),
)
def test_others_need_the_token(client: Client, settings: Settings, environ: dict[str, str]) -> None:
    assert scrape(client, **environ).status_code == 404
    settings.METRICS_TOKEN = TOKEN
    assert scrape(client).status_code == 401  # also on this machine
    for given in ("", "Bearer", "Bearer ", f"Basic {TOKEN}", "Bearer another", f"Bearer {TOKEN}é"):
        answer = scrape(client, **environ, HTTP_AUTHORIZATION=given)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer"), given
        assert answer.content == b""
    answer = scrape(client, **environ, HTTP_AUTHORIZATION=f"bearer {TOKEN}")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


def test_an_empty_token_opens_nothing(client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    answer = scrape(client, REMOTE_ADDR="192.0.2.7", HTTP_AUTHORIZATION="Bearer ")
    assert answer.status_code == 404


def test_the_answer_is_openmetrics_if_asked(client: Client) -> None:
    answer = scrape(client, HTTP_ACCEPT="application/openmetrics-text; version=1.0.0")
    assert answer["Content-Type"].startswith("application/openmetrics-text")
    assert answer.content.endswith(b"# EOF\n")


@pytest.mark.parametrize("version", ["abc", "1..0", '"1.0"', "-1", ""])
def test_a_strange_version_gets_the_usual_format(client: Client, version: str) -> None:
    answer = scrape(client, HTTP_ACCEPT=f"application/openmetrics-text;version={version}")
    assert answer.status_code == 200


def test_no_token_and_no_name_is_in_the_metrics(client: Client, api: API, alice: User) -> None:
    pair = api.rotated(api.login(alice)["refresh"])
    text = scrape(client).content.decode()
    for secret in (pair["access"], pair["refresh"], pair["session"], str(alice.pk), "alice"):
        assert secret not in text
