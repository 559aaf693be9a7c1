"""Every request is one log line with its id, user and route; JSON for programs."""

import json
import logging
import re
import subprocess
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import path

from accounts.models import User
from project import urls as site_urls
from project.web import logs
from tests.conftest import API
from tests.project.conftest import Outage
from tests.tokens.oauth.conftest import OAuth, create_service
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession

pytestmark = pytest.mark.django_db(transaction=True)

Run = Callable[..., subprocess.CompletedProcess[str]]


class Written:
    """The lines that the site's handler writes to standard error."""

    def __init__(self, form: str) -> None:
        self.stream = StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.setFormatter(logs.Formatter(form))

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
def test_a_request_is_logged_as_one_line(api: API, alice: User, written: Written) -> None:
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


def test_the_lines_of_a_request_share_its_id(api: API, alice: User, written: Written) -> None:
    keyring.current()  # whose making is a line too
    api.login(alice)
    api.login(alice)
    ids = [event["request_id"] for event in written.events() if "request_id" in event]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_the_reason_of_a_refusal_is_only_in_the_log(
    api: API, alice: User, written: Written
) -> None:
    phone = api.login(alice)
    api.post("logout/", {"refresh": phone["refresh"]})
    written.lines()
    assert "ended" not in api.refresh(phone["refresh"]).content.decode()
    (event,) = written.events()
    assert (event["status"], event["reason"]) == (401, "session revoked")


@pytest.mark.parametrize(
    "given", ["12345678", "a-trace.of_Another-2", "0" * 128], ids=["short", "usual", "long"]
)
def test_the_id_that_a_client_gives_is_logged_and_returned(
    client: Client, written: Written, given: str
) -> None:
    answer = client.get("/", headers={"X-Request-ID": given})
    assert answer["X-Request-ID"] == written.events()[0]["request_id"] == given


@pytest.mark.spec("ASVS 5.0", "16.4.1")
@pytest.mark.parametrize(
    "given",
    [
        *("", "1234567", "0" * 129, "two words", "a\nb234567", "12345678\n", "\x1b[31mred"),
        *('{"event": "x"}', "<script>alert(1)", "١٢٣٤٥٦٧٨", "a,b,c,d,e,f"),
    ],
    ids=ascii,
)
def test_an_id_that_could_inject_something_is_replaced(
    client: Client, written: Written, given: str
) -> None:
    answer = client.get("/", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer["X-Request-ID"])
    assert written.events()[0]["request_id"] == answer["X-Request-ID"]


def broken(request: HttpRequest) -> HttpResponse:
    raise ValueError


def streamed(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        logging.getLogger("latchkey").info("streaming")
        yield "part"

    return StreamingHttpResponse(parts())


urlpatterns = [path("broken/", broken), path("streamed/", streamed), *site_urls.urlpatterns]

#: A request, with what it sends, and the status of the answer.
ANSWERS: dict[str, tuple[str, str, dict[str, Any], int]] = {
    "a page": ("get", "/", {}, 200),
    "a file": ("get", "/static/layout.css", {}, 200),
    "a probe": ("get", "/readyz", {}, 200),
    "a redirect": ("get", "/admin", {}, 301),
    "no such page": ("get", "/nowhere", {}, 404),
    "no such call": ("get", "/api/nowhere/", {}, 404),
    "another method": ("put", "/api/auth/login/", {}, 405),
    "anonymous": ("get", "/api/auth/sessions/", {}, 401),
    "a form": ("post", "/api/auth/login/", {"data": {"username": "a"}}, 415),
    "another host": ("get", "/", {"headers": {"Host": "elsewhere.example"}}, 400),
    "a large body": (
        "post",
        "/api/auth/login/",
        {"data": "x" * 70_000, "content_type": "application/json"},
        413,
    ),
    "a failure": ("get", "/broken/", {}, 500),
}


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(("method", "path", "sent", "status"), ANSWERS.values(), ids=ANSWERS)
def test_every_answer_has_the_id_of_its_request(
    method: str, path: str, sent: dict[str, Any], status: int
) -> None:
    client = Client(raise_request_exception=False)
    headers = {"X-Request-ID": "trace-0001", **sent.pop("headers", {})}
    answer = getattr(client, method)(path, headers=headers, **sent)
    answer.close()
    assert (answer.status_code, answer["X-Request-ID"]) == (status, "trace-0001")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_probe_is_logged_at_debug(
    client: Client, written: Written, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    client.get(path)
    assert written.lines() == []
    with caplog.at_level("DEBUG"):
        client.get(path)
    (event,) = (event for event in written.events() if event["event"] == "request")
    assert (event["level"], event["route"], event["status"]) == ("debug", path, 200)


def test_a_probe_that_fails_is_an_error(client: Client, written: Written, outage: Outage) -> None:
    with outage():
        assert client.get("/readyz").status_code == 503
    reason, answer = (
        event for event in written.events() if not event["logger"].startswith("psycopg")
    )
    assert (answer["event"], answer["level"], answer["status"]) == ("request", "error", 503)
    assert (reason["event"], reason["level"]) == ("database_unavailable", "error")
    assert reason["reason"]
    assert "exception" not in reason
    assert reason["request_id"] == answer["request_id"]


@pytest.mark.urls(__name__)
def test_a_failure_and_its_request_have_the_same_id(written: Written) -> None:
    Client(raise_request_exception=False).get("/broken/")
    failure, answer = written.events()
    assert failure["logger"] == "django.request"
    assert "ValueError" in failure["exception"]
    assert (answer["event"], answer["status"]) == ("request", 500)
    for name in ("request_id", "address"):
        assert failure[name] == answer[name]


def test_the_route_is_logged_and_not_the_path(client: Client, written: Written) -> None:
    client.get("/api/auth/sessions/a-secret-in-the-path/?token=another-secret")
    client.get("/a-secret-in-the-path")
    lines = written.lines()
    assert "secret" not in "".join(lines)
    assert [json.loads(line)["route"] for line in lines] == ["/api/auth/sessions/<str:sid>/", None]


def test_the_route_is_logged_also_for_a_path_that_is_not_ascii(written: Written) -> None:
    """Guards `without_secrets`: Django escapes the path in its own lines."""
    Client(enforce_csrf_checks=True).post("/admin/auth/group/a-secr%C3%A9t/change/")
    lines = written.lines()
    assert "secr" not in "".join(lines)
    route = "/admin/auth/group/<path:object_id>/change/"
    assert [json.loads(line)["event"].rpartition(": ")[2] for line in lines] == [route, "request"]


@pytest.mark.urls(__name__)
def test_the_lines_of_a_streamed_answer_share_its_id(written: Written) -> None:
    answer = Client().get("/streamed/")
    written.lines()
    assert b"".join(answer) == b"part"
    (event,) = written.events()
    assert (event["event"], event["request_id"]) == ("streaming", answer["X-Request-ID"])


def test_the_log_names_the_user_without_loading_a_session(
    client: Client, alice: User, written: Written
) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    client.force_login(alice)
    client.get("/admin/")
    client.get("/nowhere")
    staff, anonymous = (event for event in written.events() if event["event"] == "request")
    assert (staff["user"], staff["sid"]) == (str(alice.pk), str(DeviceSession.objects.get().sid))
    assert "user" not in anonymous


def test_a_failure_is_one_line_without_its_path(written: Written) -> None:
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
def test_the_format_for_people_has_a_plain_traceback(client: Client, written: Written) -> None:
    client.get("/api/auth/csrf/")
    (line,) = written.lines()
    assert "/api/auth/csrf/" in line
    assert not line.startswith("{")


@pytest.mark.parametrize(
    ("name", "value"), [("LOG_FORMAT", "yaml"), ("LOG_LEVEL", "LOUD")], ids=["format", "level"]
)
def test_a_misspelt_choice_is_reported(run: Run, name: str, value: str) -> None:
    stopped = run("-c", "import project.settings", **{name: value})
    assert stopped.returncode == 1
    assert f"ImproperlyConfigured: {name} is one of" in stopped.stderr.splitlines()[-1]


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
def test_the_format_depends_on_the_terminal(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    assert logs.default_format() == ("console" if terminal else "json")


def test_a_request_of_a_service_account_names_the_client(written: Written) -> None:
    service = create_service(scope="introspect")
    form = {"token": "x", "grant_type": "client_credentials", **service.credentials}
    for name in ("token", "introspect"):
        OAuth().post(name, form)
        *_, event = written.events()
        assert (event["route"], event["client"]) == (f"/oauth/{name}", service.client_id)
        OAuth().post(name, {**form, "client_secret": "wrong"})
        *_, event = written.events()
        assert (event["status"], "client" in event) == (401, False)
