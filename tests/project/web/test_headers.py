"""The security headers of every answer, which restrict pages and protect them."""

import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test import Client, RequestFactory

from accounts.models import User
from project.web.headers import INERT, HeadersMiddleware
from tests.conftest import API, PASSWORD
from tests.environment import STATE

pytestmark = pytest.mark.django_db

Run = Callable[..., subprocess.CompletedProcess[str]]

PAGES = ["/", "/api/docs/", "/admin/login/", "/nowhere/", "/accounts/password/choose/"]
OTHERS = ["/api/auth/csrf/", "/api/account/me/", "/api/schema/", "/healthz", "/api/nowhere/"]
FILES = ["/static/docs.js", "/static/admin/css/base.css"]


def policy(answer: Any) -> dict[str, str]:
    """Return the directives of the answer's content security policy."""
    parts = [part.partition(" ") for part in answer["Content-Security-Policy"].split("; ")]
    return {name: value for name, _, value in parts}


@pytest.mark.spec("ASVS 5.0", "3.4.4", "3.4.5", "3.4.8")
@pytest.mark.parametrize("path", [*PAGES, *OTHERS, *FILES])
def test_every_answer_has_the_security_headers(client: Client, path: str) -> None:
    answer = client.get(path)
    answer.close()
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["X-Frame-Options"] == "DENY"
    assert "camera=()" in answer["Permissions-Policy"]
    assert "charset" in answer["Content-Type"] or path in OTHERS


@pytest.mark.spec("ASVS 5.0", "3.4.3", "3.4.6")
@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_only_own_files_and_cannot_be_framed(client: Client, path: str) -> None:
    answer = client.get(path)
    said = policy(answer)
    for name in ("default-src", "object-src", "base-uri", "frame-ancestors"):
        assert said.pop(name) == "'none'"
    images = said.pop("img-src")
    assert images == ("'self' data:" if path == "/api/docs/" else "'self'")
    names = {"script-src", "style-src", "font-src", "connect-src", "form-action"}
    assert said == dict.fromkeys(names, "'self'")


@pytest.mark.spec("ASVS 5.0", "3.4.3", "3.4.6")
@pytest.mark.parametrize("path", [*OTHERS, *FILES])
def test_an_answer_that_is_not_a_page_runs_nothing(client: Client, path: str) -> None:
    answer = client.get(path)
    answer.close()
    assert answer["Content-Security-Policy"] == INERT


@pytest.mark.spec("ASVS 5.0", "3.4.6")
def test_files_and_json_cannot_be_framed(client: Client) -> None:
    wrong_host = client.get("/", headers={"Host": "elsewhere.example"})
    no_slash = client.get("/admin")
    assert (wrong_host.status_code, no_slash.status_code) == (400, 301)
    assert wrong_host["X-Frame-Options"] == no_slash["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", ["/api/auth/refresh/", "/api/auth/login/"])
def test_a_refusal_runs_nothing_either(client: Client, path: str) -> None:
    assert client.post(path)["Content-Security-Policy"] == INERT


@pytest.mark.parametrize(
    "path", ["/api/account/me/", "/api/auth/csrf/", "/oauth/token", "/api/docs/"]
)
def test_answers_of_the_api_have_the_headers_of_the_other_middleware(
    settings: Any, path: str
) -> None:
    """ProgramMiddleware only saves time: without it, the answer has the same headers."""

    def headers() -> str:
        answer = Client(headers={"X-Request-ID": "the-same-id"}).get(path)
        return re.sub(r"nonce-[^']*", "nonce", str(sorted(answer.headers.items())))

    quick = headers()
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Program" not in name]
    assert headers() == quick


def test_a_header_that_the_settings_leave_out_is_left_out(client: Client, settings: Any) -> None:
    settings.SECURE_REFERRER_POLICY = None
    settings.SECURE_CONTENT_TYPE_NOSNIFF = False
    answer = client.get("/api/account/me/")
    assert answer.status_code == 401
    assert not {"Referrer-Policy", "X-Content-Type-Options"} & answer.headers.keys()


@pytest.mark.spec("ASVS 5.0", "3.4.3")
def test_each_answer_has_a_new_script_nonce() -> None:
    template = engines["django"].from_string("<script nonce='{{ request.csp_nonce }}'></script>")

    def answer(request: HttpRequest) -> HttpResponse:
        return HttpResponse(template.render({}, request))

    nonces = set()
    for _ in range(2):
        response = HeadersMiddleware(answer)(RequestFactory().get("/"))
        assert isinstance(response, HttpResponse)
        (nonce,) = re.findall(r"nonce='(.{24})'", response.content.decode())
        assert policy(response)["script-src"] == f"'self' 'nonce-{nonce}'"
        assert policy(response)["style-src"] == f"'self' 'nonce-{nonce}'"
        nonces.add(nonce)
    assert len(nonces) == 2


@pytest.mark.spec("ASVS 5.0", "3.4.3")
def test_no_admin_page_has_inline_code(client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True, is_superuser=True)
    client.force_login(User.objects.get())
    pages = ["", "password_change/", "auth/group/add/"]
    for table in ("accounts/user", "tokens/devicesession", "tokens/blacklistedtoken"):
        pages += [f"{table}/", f"{table}/{alice.pk}/change/", f"{table}/add/"]
    texts = {page: client.get(f"/admin/{page}", follow=True).content.decode() for page in pages}
    for page, text in texts.items():
        scripts = re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*type=.application/json)[^>]*>", text)
        assert not scripts, page
        assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), page


@pytest.mark.spec("ASVS 5.0", "14.3.2")
def test_answers_for_signed_in_users_are_not_cached(client: Client, api: API, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    signed_in = client.post("/accounts/login/", {"username": "alice", "password": PASSWORD})
    assert "no-store" in signed_in["Cache-Control"]
    assert "no-store" in client.get("/admin/")["Cache-Control"]
    bearer = api.login(alice)["access"]
    assert api.get("sessions/", bearer=bearer)["Cache-Control"] == "no-store"
    client.cookies["access"] = (
        bearer  # A proxy does not know that the cookie identifies an account.
    )
    answer = client.get("/api/example/")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    client.cookies["access"] = "garbage"
    answer = client.get("/api/example/")
    assert (answer.status_code, answer["Cache-Control"]) == (401, "no-store")


@pytest.mark.spec("ASVS 5.0", "14.3.1")
def test_signing_out_clears_the_browsers_site_data(client: Client, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    client.force_login(alice)
    assert "Clear-Site-Data" not in client.get("/admin/")
    assert client.post("/admin/logout/")["Clear-Site-Data"] == '"cache", "storage"'
    assert "Clear-Site-Data" not in client.get("/")


ASK = """
import django, json
django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
from accounts.models import User
User.objects.create_superuser("alice", password="seven wet otters")
browser = Client(headers={"Host": "id.example.org", "X-Forwarded-Proto": "https"})
PREFLIGHT = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"}
answers = {
    "page": browser.get("/"),
    "plain": Client(headers={"Host": "id.example.org"}).get("/"),
    "csrf": browser.get("/api/auth/csrf/"),
    "sign-in": browser.post(
        "/accounts/login/",
        {"username": "alice", "password": "seven wet otters"},
        headers={"Origin": "https://id.example.org"},
    ),
    "api": browser.post(
        "/api/auth/login/",
        {"username": "alice", "password": "seven wet otters", "transport": "cookie"},
        content_type="application/json",
    ),
    "told": browser.post(
        "/accounts/devices/others/end/", headers={"Origin": "https://id.example.org"}
    ),
    "shown": browser.get("/accounts/devices/"),
    "sign-out": browser.post("/admin/logout/"),
    "preflight": browser.options("/api/auth/login/", headers=PREFLIGHT),
    "plain preflight": Client().options(
        "/api/auth/login/", headers={"Host": "id.example.org", **PREFLIGHT}
    ),
}
print(json.dumps({name: {
    "status": answer.status_code,
    "headers": dict(answer.headers),
    "cookies": {key: morsel.OutputString() for key, morsel in answer.cookies.items()},
} for name, answer in answers.items()}))
"""


@pytest.fixture(scope="module")
def public(run: Run) -> dict[str, Any]:
    """Answers of a site whose PUBLIC_URL is https://id.example.org."""
    database = f"sqlite:///{STATE / 'public.sqlite3'}"
    environment = {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "DATABASE_URL": database,
        "PUBLIC_URL": "https://id.example.org",
        "CORS_ORIGINS": "https://app.example.org",
        "LOG_LEVEL": "ERROR",
    }
    shown = run("-c", ASK, **environment)
    assert shown.returncode == 0, shown.stderr
    answers: dict[str, Any] = json.loads(shown.stdout.splitlines()[-1])
    return answers


@pytest.mark.spec("ASVS 5.0", "3.4.1")
def test_a_public_site_redirects_to_https(public: dict[str, Any]) -> None:
    lasting = public["page"]["headers"]["Strict-Transport-Security"]
    assert lasting == "max-age=31536000"
    plain = public["plain"]
    assert (plain["status"], plain["headers"]["Location"]) == (301, "https://id.example.org/")
    csp = public["page"]["headers"]["Content-Security-Policy"]
    assert "upgrade-insecure-requests" in csp


@pytest.mark.spec("ASVS 5.0", "3.4.1", "3.4.2", "3.4.4")
def test_a_preflight_answer_has_every_security_header(public: dict[str, Any]) -> None:
    """Guards the order of the middleware."""
    preflight = public["preflight"]
    headers = preflight["headers"]
    assert preflight["status"] == 200
    assert headers["access-control-allow-origin"] == "https://app.example.org"
    assert "POST" in headers["access-control-allow-methods"]
    missing = public["page"]["headers"].keys() - headers.keys()
    assert missing <= {"Cache-Control", "Content-Length", "Expires"}


@pytest.mark.spec("ASVS 5.0", "3.4.1")
def test_no_preflight_allows_a_request_over_http(public: dict[str, Any]) -> None:
    """A browser does not send the request after a preflight that is refused."""
    plain = public["plain preflight"]
    assert plain["status"] == 403
    assert "access-control-allow-origin" not in plain["headers"]


@pytest.mark.trap(63)
@pytest.mark.spec("ASVS 5.0", "3.3.1", "3.3.2", "3.3.3", "3.3.4", "3.3.5")
@pytest.mark.spec("RFC 6265bis", "4.1.2.5", "4.1.2.6", "4.1.2.7", "4.1.3.2", "5.6")
@pytest.mark.parametrize(
    ("answer", "kept", "same_site"),
    [
        ("csrf", {"__Host-api-csrftoken"}, "Strict"),
        ("sign-in", {"__Host-sessionid", "__Host-csrftoken"}, "Lax"),
        ("api", {"__Host-access", "__Host-refresh"}, "Strict"),
    ],
)
def test_every_cookie_of_a_public_site_is_secure(
    public: dict[str, Any], answer: str, kept: set[str], same_site: str
) -> None:
    cookies = public[answer]["cookies"]
    assert set(cookies) == kept
    for text in cookies.values():
        attributes = {part.partition("=")[0]: part.partition("=")[2] for part in text.split("; ")}
        assert {"Secure", "HttpOnly"} <= attributes.keys()
        assert (attributes["Path"], attributes["SameSite"]) == ("/", same_site)
        assert "Domain" not in attributes
        assert len(text) <= 4096


@pytest.mark.parametrize(
    ("name", "begun", "ended"),
    [("__Host-sessionid", "sign-in", "sign-out"), ("__Host-messages", "told", "shown")],
)
def test_page_cookies_are_deleted_as_they_were_set(
    public: dict[str, Any], name: str, begun: str, ended: str
) -> None:
    lasting = {"Max-Age=0", "expires=Thu, 01 Jan 1970 00:00:00 GMT"}
    kept, deleted = (public[answer]["cookies"][name].split("; ") for answer in (begun, ended))
    assert deleted[0] == f'{name}=""'
    assert {*deleted[1:]} == {*kept[1:]} | lasting
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {*deleted}
