"""Only pages of the origins in CORS_ORIGINS may call the API with a user's cookies."""

from functools import partial

import pytest
from django.core.checks import run_checks
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import Answer
from tests.project.env.reading import read
from tests.project.preloaded import Preloaded
from tests.support.browsing import App
from tests.support.site import ROOT
from tokens.models import DeviceSession

pytestmark = pytest.mark.django_db

APP = "https://app.example.org"
STRANGERS = [
    "https://evil.example",
    "https://app.example.org.evil.example",
    "https://sub.app.example.org",
    "https://app.example.org:8443",
    "http://app.example.org",
    "null",
    "*",
]


@pytest.fixture
def allowed(settings: Settings) -> None:
    """Allow the app's origin, as CORS_ORIGINS does. A test below compares both."""
    settings.CORS_ALLOWED_ORIGINS = [APP]
    settings.TOKENS = {**settings.TOKENS, "COOKIE_ORIGINS": (APP,)}
    middleware = [*settings.MIDDLEWARE]
    middleware.insert(7, "corsheaders.middleware.CorsMiddleware")
    settings.MIDDLEWARE = middleware


def preflight(path: str, origin: str) -> Answer:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return Client().options(path, headers=headers)


def test_the_setting_has_the_form_that_these_tests_use(
    interpreter: Preloaded, settings: Settings, allowed: None
) -> None:
    run = partial(interpreter.run, ROOT)
    shown = read(run, CORS_ORIGINS=f"{APP},https://two.example.org")
    assert shown["CORS_ALLOWED_ORIGINS"] == [APP, "https://two.example.org"]
    assert shown["TOKENS"]["COOKIE_ORIGINS"] == shown["CORS_ALLOWED_ORIGINS"]
    assert shown["CSRF_TRUSTED_ORIGINS"] == [settings.PUBLIC_URL]
    assert shown["MIDDLEWARE"] == settings.MIDDLEWARE
    assert "corsheaders.middleware.CorsMiddleware" not in read(run)["MIDDLEWARE"]


def test_a_named_origin_sends_and_reads_the_request_id(allowed: None) -> None:
    asked = {"Origin": APP, "X-Request-ID": "trace-0001"}
    answer = Client().get("/api/auth/csrf/", headers=asked)
    assert answer["X-Request-ID"] == "trace-0001"
    assert "X-Request-ID" in answer["access-control-expose-headers"].split(", ")
    assert "x-request-id" in preflight("/api/auth/login/", APP)["access-control-allow-headers"]


@pytest.mark.spec("ASVS 5.0", "3.4.2")
@pytest.mark.parametrize("origin", [APP, *STRANGERS])
def test_without_named_origins_no_other_origin_reads_answers(client: Client, origin: str) -> None:
    for answer in (
        client.get("/api/auth/csrf/", headers={"Origin": origin}),
        preflight("/api/auth/login/", origin),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.spec("ASVS 5.0", "3.4.2")
@pytest.mark.parametrize("origin", STRANGERS)
def test_an_unnamed_origin_reads_nothing(client: Client, allowed: None, origin: str) -> None:
    for answer in (
        client.get("/api/auth/csrf/", headers={"Origin": origin}),
        preflight("/api/auth/login/", origin),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "origin" in answer["Vary"]


@pytest.mark.spec("ASVS 5.0", "3.5.1", "3.5.2")
@pytest.mark.parametrize("origin", STRANGERS)
def test_an_unnamed_origin_changes_nothing(alice: User, allowed: None, origin: str) -> None:
    app = App()
    assert app.login(alice, Origin=origin).status_code == 403
    assert app.login(alice, Origin=APP).status_code == 200
    assert app.post("auth/logout/all/", Origin=origin).status_code == 403
    assert DeviceSession.objects.active().count() == 1


@pytest.mark.spec("ASVS 5.0", "3.4.2", "3.5.2")
def test_a_named_origin_signs_in_refreshes_and_signs_out(alice: User, allowed: None) -> None:
    first = preflight("/api/auth/login/", APP)
    assert first["access-control-allow-origin"] == APP
    assert first["access-control-allow-credentials"] == "true"
    assert first["X-Content-Type-Options"] == "nosniff"
    headers = {"content-type", "x-csrftoken", "idempotency-key", "authorization", "x-request-id"}
    assert {*first["access-control-allow-headers"].split(", ")} == headers
    methods = {"DELETE", "GET", "PATCH", "POST", "PUT"}  # A ModelViewSet of a developer has PUT.
    assert {*first["access-control-allow-methods"].split(", ")} == methods
    app = App()
    for answer in (
        app.login(alice, Origin=APP),
        app.get("account/me/", Origin=APP),
        app.post("auth/refresh/", Origin=APP),
        app.post("auth/logout/", Origin=APP),
    ):
        assert answer.status_code in (200, 204)
        assert answer["access-control-allow-origin"] == APP
        assert answer["access-control-allow-credentials"] == "true"
        assert "origin" in answer["Vary"]


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/healthz", "/static/docs.js"])
def test_no_other_origin_reads_the_pages(client: Client, allowed: None, path: str) -> None:
    answer = client.get(path, headers={"Origin": APP})
    answer.close()
    assert "access-control-allow-origin" not in answer


@pytest.mark.spec("ASVS 5.0", "3.5.3")
@pytest.mark.parametrize("path", ["login", "refresh", "logout", "logout/all", "logout/others"])
def test_a_get_request_changes_nothing(client: Client, path: str) -> None:
    assert client.get(f"/api/auth/{path}/").status_code in (401, 405)


@pytest.mark.spec("ASVS 5.0", "3.5.2")
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_form_of_another_origin_cannot_call_the_api(alice: User, kind: str) -> None:
    """Such a request needs no preflight, so it must not work."""
    client = Client()
    body = '{"username": "alice", "password": "seven wet otters", "transport": "cookie"}'
    answer = client.post("/api/auth/login/", body, content_type=kind)
    assert answer.status_code == 415
    assert not DeviceSession.objects.exists()


@pytest.mark.parametrize(
    ("origin", "found"),
    [
        ("*", "latchkey.E001"),
        ("https://*.example.org", "latchkey.E001"),
        ("app.example.org", "latchkey.E001"),
        ("https://app.example.org/", "latchkey.E001"),
        ("null", "latchkey.E001"),
        ("http://app.example.org", "latchkey.E002"),
        (APP, ""),
    ],
)
def test_an_invalid_origin_is_refused_at_start(settings: Settings, origin: str, found: str) -> None:
    settings.CORS_ORIGINS, settings.SECURE = [origin], True
    messages = run_checks()
    assert [message.id for message in messages if str(message.id).startswith("latchkey.E")] == (
        [found] if found else []
    )
