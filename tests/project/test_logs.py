"""Every request is one line, with its id, its user and its route; JSON for programs."""

import json
import logging
import re
import subprocess
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.test import Client, RequestFactory

from accounts.models import User
from project import logs
from tests.conftest import API
from tokens import snapshot
from tokens.models import DeviceSession

pytestmark = pytest.mark.django_db(transaction=True)

Run = Callable[..., subprocess.CompletedProcess[str]]


class Written:
    """What the site's handler writes to standard error."""

    def __init__(self, form: str) -> None:
        self.stream = StringIO()
        self.handler = logging.StreamHandler(self.stream)
        config = logs.configuration(form, "INFO")["formatters"]["line"]
        self.handler.setFormatter(config.pop("()")(**config))

    def lines(self) -> list[str]:
        text = self.stream.getvalue()
        self.stream.truncate(0)
        self.stream.seek(0)
        return text.splitlines()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]


@pytest.fixture
def written(request: pytest.FixtureRequest) -> Iterator[Written]:
    written = Written(getattr(request, "param", "json"))
    logging.getLogger().addHandler(written.handler)
    yield written
    logging.getLogger().removeHandler(written.handler)


@pytest.mark.spec("ASVS 5.0", "16.2.1")
def test_a_request_is_one_line_with_its_user_session_route_and_duration(
    api: API, alice: User, written: Written
) -> None:
    phone = api.login(alice)
    written.lines()
    api.get("sessions/", bearer=phone["access"])
    api.rotated(phone["refresh"])
    for event, (method, route) in zip(
        written.events(),
        [("GET", "/api/auth/sessions/"), ("POST", "/api/auth/refresh/")],
        strict=True,
    ):
        assert re.fullmatch(r"[0-9a-f]{32}", event.pop("request_id"))
        assert 0 <= event.pop("milliseconds") < 10_000
        assert event.pop("timestamp").endswith("Z")
        assert event == {
            "event": "request",
            "level": "info",
            "logger": "latchkey.requests",
            "method": method,
            "route": route,
            "status": 200,
            "user": str(alice.pk),
            "sid": phone["session"],
            "address": "127.0.0.1",
        }


def test_the_lines_of_a_request_share_its_id_and_those_of_two_do_not(
    api: API, alice: User, written: Written
) -> None:
    snapshot.ring.current()  # whose making is a line too
    api.login(alice)
    api.login(alice)
    ids = [event["request_id"] for event in written.events() if "request_id" in event]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_why_a_refresh_was_refused_is_told_to_us_alone(
    api: API, alice: User, written: Written
) -> None:
    phone = api.login(alice)
    api.post("logout/", {"refresh": phone["refresh"]})
    written.lines()
    assert "ended" not in api.refresh(phone["refresh"]).content.decode()
    (event,) = written.events()
    assert (event["status"], event["reason"]) == (401, "session ended")


def test_the_id_of_a_request_is_not_taken_from_its_sender(client: Client, written: Written) -> None:
    client.get("/healthz", headers={"X-Request-ID": "forged"})
    assert written.events()[0]["request_id"] != "forged"


def test_a_path_is_not_logged_but_its_route(client: Client, written: Written) -> None:
    client.get("/api/auth/sessions/a-secret-in-the-path/?token=another-secret")
    client.get("/a-secret-in-the-path")
    lines = written.lines()
    assert "secret" not in "".join(lines)
    assert [json.loads(line)["route"] for line in lines] == ["/api/auth/sessions/<str:sid>/", None]


def test_a_signed_in_browser_is_named_and_an_unused_session_is_not_loaded(
    client: Client, alice: User, written: Written
) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    client.force_login(alice)
    client.get("/admin/")
    client.get("/healthz")
    staff, nobody = (event for event in written.events() if event["event"] == "request")
    assert (staff["user"], staff["sid"]) == (str(alice.pk), str(DeviceSession.objects.get().sid))
    assert "user" not in nobody


def test_a_failure_is_one_line_with_its_traceback_and_without_its_path(written: Written) -> None:
    request = RequestFactory().get("/a-secret-in-the-path")
    request.resolver_match = None
    try:
        int("broken")
    except ValueError:
        logging.getLogger("django.request").exception(
            "Internal Server Error: %s", request.path, extra={"request": request}
        )
    (line,) = written.lines()
    assert "ValueError: invalid literal" in json.loads(line)["exception"]
    assert json.loads(line)["event"] == "Internal Server Error: None"
    assert "secret" not in line


@pytest.mark.parametrize("written", ["console"], indirect=True)
def test_people_are_shown_a_line_and_a_plain_traceback(client: Client, written: Written) -> None:
    client.get("/healthz")
    (line,) = written.lines()
    assert "/healthz" in line
    assert not line.startswith("{")


@pytest.mark.parametrize(
    ("name", "value"), [("LOG_FORMAT", "yaml"), ("LOG_LEVEL", "LOUD")], ids=["format", "level"]
)
def test_a_misspelt_choice_is_named(run: Run, name: str, value: str) -> None:
    stopped = run("-c", "import project.settings", **{name: value})
    assert stopped.returncode == 1
    assert f"ImproperlyConfigured: {name} is one of" in stopped.stderr.splitlines()[-1]


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_the_format_suits_whoever_reads(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    assert logs.default_format() == ("console" if terminal else "json")
