"""Errors are answered with JSON for programs, and with a page for people."""

import json
import logging

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts.models import User
from project.web import errors
from tests.conftest import API, PASSWORD, Answer

pytestmark = pytest.mark.django_db

POSTED = ["login", "refresh", "logout", "logout/all", "logout/others", "verify"]
SIGNED_IN = {
    "logout all": ("post", "/api/auth/logout/all/"),
    "logout others": ("post", "/api/auth/logout/others/"),
    "sessions": ("get", "/api/auth/sessions/"),
    "one session": ("delete", "/api/auth/sessions/6f1c5d1e-0000-4000-8000-000000000000/"),
}


def send(method: str, path: str, token: str = "", body: object = None) -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    content = b"" if body is None else json.dumps(body).encode()
    return Client().generic(method.upper(), path, content, "application/json", headers=headers)


@pytest.mark.trap(58)
@pytest.mark.parametrize("debug", [False, True], ids=["production", "DEBUG"])
@pytest.mark.parametrize("path", POSTED)
def test_a_post_without_its_slash_is_never_redirected(
    settings: Settings, path: str, *, debug: bool
) -> None:
    settings.DEBUG = debug
    body = {"username": "alice", "password": PASSWORD}
    answer = send("post", f"/api/auth/{path}", body=body)
    assert answer.status_code == 404
    assert "Location" not in answer
    assert answer.json() == {
        "detail": "There is nothing at this address."
        f" Addresses end with a slash: /api/auth/{path}/",
        "code": "not_found",
    }


def test_a_get_without_its_slash_is_redirected(client: Client) -> None:
    answer = client.get("/api/auth/sessions")
    assert (answer.status_code, answer["Location"]) == (301, "/api/auth/sessions/")


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_no_other_method_is_redirected(method: str) -> None:
    assert send(method, "/api/auth/sessions").status_code == 404


def test_an_unknown_url_is_json_for_programs(client: Client) -> None:
    answer = client.get("/api/nowhere/")
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    expected = {"detail": "There is nothing at this address.", "code": "not_found"}
    assert answer.json() == expected


def test_an_unknown_url_is_a_page_for_people(client: Client) -> None:
    answer = client.get("/nowhere/<script>/")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")
    assert "There is nothing at this address." in answer.content.decode()


def test_the_page_escapes_the_url(client: Client) -> None:
    answer = client.get("/nowhere/<script>alert(1)</script>")
    assert answer.status_code == 404
    assert "<script>" not in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("login", {"username", "password"}),
        ("refresh", {"refresh"}),
        ("logout", {"refresh"}),
        ("verify", {"token"}),
    ],
    ids=["login", "refresh", "logout", "verify"],
)
def test_a_missing_field_is_reported(path: str, fields: set[str]) -> None:
    bodies: tuple[object, ...] = ({}, None)
    for body in bodies:
        answer = send("post", f"/api/auth/{path}/", body=body)
        assert answer.status_code == 400
        assert answer.json() == {field: ["This field is required."] for field in fields}
        assert answer["Cache-Control"] == "no-store"


def test_a_short_idempotency_key_is_reported(api: API, alice: User) -> None:
    answer = api.refresh(api.login(alice)["refresh"], key="short")
    assert answer.status_code == 400
    assert set(answer.json()) == {"Idempotency-Key"}


@pytest.mark.spec("RFC 6750", "3", "3.1")
@pytest.mark.parametrize(("method", "path"), SIGNED_IN.values(), ids=SIGNED_IN)
def test_the_challenge_has_no_error_without_a_token(method: str, path: str) -> None:
    answer = send(method, path)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json()["code"] == "not_authenticated"
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.spec("RFC 6750", "3", "3.1")
@pytest.mark.parametrize("token", ["a.b.c", "x", "é", "a b"])
@pytest.mark.parametrize(("method", "path"), SIGNED_IN.values(), ids=SIGNED_IN)
def test_the_challenge_says_invalid_token_for_a_refused_one(
    method: str, path: str, token: str
) -> None:
    answer = send(method, path, token)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert answer.json()["code"] == "token_not_valid"
    assert answer["Cache-Control"] == "no-store"


INVALID = ('Bearer error="invalid_token"', "token_not_valid")


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize(
    ("header", "refusal"),
    [
        ("", ("Bearer", "not_authenticated")),
        (" \t", ("Bearer", "not_authenticated")),
        ("Bearer", INVALID),
        ("Bearer ", INVALID),
    ],
    ids=["empty", "blank", "no token", "a blank token"],
)
@pytest.mark.parametrize(("method", "path"), SIGNED_IN.values(), ids=SIGNED_IN)
def test_an_empty_header_presents_no_token(
    method: str, path: str, header: str, refusal: tuple[str, str]
) -> None:
    answer: Answer = Client().generic(method.upper(), path, HTTP_AUTHORIZATION=header)
    assert answer.status_code == 401
    assert (answer["WWW-Authenticate"], answer.json()["code"]) == refusal


@pytest.mark.trap(57)
@pytest.mark.spec("RFC 6750", "3", "3.1")
@pytest.mark.parametrize(("path", "field"), [("refresh", "refresh"), ("verify", "token")])
def test_a_refused_token_in_the_body_is_challenged_too(path: str, field: str) -> None:
    answer = send("post", f"/api/auth/{path}/", body={field: "a.b.c"})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert answer.json()["code"] == "token_not_valid"


@pytest.mark.spec("RFC 6750", "2")
def test_a_token_in_the_url_is_ignored(api: API, alice: User) -> None:
    access = api.login(alice)["access"]
    answer = send("get", f"/api/auth/sessions/?access_token={access}")
    assert answer.status_code == 401


def test_another_scheme_counts_as_no_token(client: Client) -> None:
    answer = client.get("/api/auth/sessions/", headers={"Authorization": "Basic YTpi"})
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.spec("ASVS 5.0", "14.3.2")
def test_no_answer_of_the_token_endpoints_may_be_cached(api: API, alice: User) -> None:
    pair = api.login(alice)
    answers = [
        api.post("login/", {"username": "alice", "password": PASSWORD}),
        api.post("login/", {"username": "alice", "password": "eight wet otters"}),
        api.post("login/", {}),
        api.post("verify/", {"token": pair["access"]}),
        api.get("sessions/", bearer=pair["access"]),
        api.delete("sessions/none/", bearer=pair["access"]),
        api.post("logout/others/", bearer=pair["access"]),
        api.refresh(pair["refresh"], key="k" * 16),
        api.refresh(pair["refresh"], key="l" * 16),
        api.refresh("a.b.c"),
        send("post", "/api/auth/login/", body="a" * 100_000),
        Client().post("/api/auth/login/", {"username": "alice"}),
        send("put", "/api/auth/login/"),
        send("post", "/api/auth/login"),
        api.post("logout/", {"refresh": pair["refresh"]}),
    ]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [200, 401, 400, 200, 200, 404, 200, 200, 409, 401, 413, 415, 405, 404, 204]
    assert {answer["Cache-Control"] for answer in answers} == {"no-store"}


def test_an_unknown_host_is_refused(client: Client) -> None:
    answer = client.get("/api/auth/sessions/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_request"


@pytest.mark.spec("ASVS 5.0", "3.5.1")
def test_a_person_without_the_csrf_token_is_refused() -> None:
    assert Client(enforce_csrf_checks=True).post("/admin/login/").status_code == 403


@pytest.mark.parametrize("path", ["/api/auth/login/", "/nowhere/"], ids=["program", "person"])
def test_an_internal_error_is_answered_without_details(rf: RequestFactory, path: str) -> None:
    answer: HttpResponse = errors.server_error(rf.get(path))
    assert answer.status_code == 500
    assert "The site could not answer. The error has been logged." in answer.content.decode()
    assert answer["Content-Type"].startswith("application/json" if "api" in path else "text/html")
    assert answer["Cache-Control"] == "no-store"


def test_the_code_of_every_refusal_is_a_stable_word(rf: RequestFactory) -> None:
    refused = errors.forbidden(rf.get("/api/"), PermissionError())
    assert (refused.status_code, json.loads(refused.content)["code"]) == (403, "permission_denied")


def test_a_probe_may_use_any_host_header(db: None) -> None:
    for path in ("/healthz", "/readyz"):
        assert Client().get(path, headers={"Host": "10.1.2.3"}).status_code == 200
        assert Client(enforce_csrf_checks=True).post(path).status_code == 405


def test_a_body_of_unknown_length_is_411() -> None:
    answer = Client().post(
        "/api/auth/refresh/",
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        CONTENT_LENGTH="",
    )
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


@pytest.mark.parametrize(
    ("path", "longest"),
    [
        ("/api/auth/login/", 65_536),
        ("/api/auth/logout/all/", 65_536),
        ("/api/nowhere/", 65_536),
        ("/accounts/login/", 2_621_440),
        ("/admin/login/", 2_621_440),
    ],
)
@pytest.mark.parametrize("more", [1, 1_000_000])
def test_a_body_with_a_too_large_length_is_413(
    caplog: pytest.LogCaptureFixture, path: str, longest: int, more: int
) -> None:
    strict = Client(enforce_csrf_checks=True)
    kind = "application/json" if "api" in path else "application/x-www-form-urlencoded"
    answer = strict.generic("POST", path, b"a" * (longest + more), kind)
    assert answer.status_code == 413
    sentence = f"The body may have at most {longest} bytes."
    if "api" in path:
        assert answer.json() == {"detail": sentence, "code": "too_large"}
    else:
        assert "<h1>The request is too large</h1>" in answer.text
        assert sentence in answer.text
    assert answer["Cache-Control"] == "no-store"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("charset", ["zlib", "idna", "base64", "undefined", "rot13", "utf-16"])
@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/"])
def test_a_form_in_another_encoding_is_refused(client: Client, path: str, charset: str) -> None:
    """Django takes any codec of Python from the header and fails with those not for text."""
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    body = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'
    assert client.generic("POST", path, body, kind).status_code == 400
    assert client.get(path, CONTENT_TYPE=kind).status_code == 400


def test_a_large_form_is_read(alice: User) -> None:
    form = {"username": "alice", "password": PASSWORD, "more": "a" * 2_621_000}
    assert Client().post("/accounts/login/", form).status_code == 302


def test_a_refused_form_shows_the_page_of_the_site() -> None:
    answer = Client(enforce_csrf_checks=True).post("/admin/login/")
    assert answer.status_code == 403
    assert "Latchkey" in answer.text
