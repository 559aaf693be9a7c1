"""Every malformed request gets a 4xx answer, never a 500."""

import base64
import gzip
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import NamedTuple
from uuid import UUID

import pytest
from django.test import Client
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from rest_framework import renderers

from accounts.models import User
from project.web.json import MAX_BODY_SIZE, BodyTooLargeError, JSONParser, JSONRenderer
from tests.conftest import API, PASSWORD, Answer
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db

FIELDS = {
    "login": ["username", "password", "device", "transport"],
    "refresh": ["refresh"],
    "logout": ["refresh"],
    "verify": ["token"],
}
RIGHT = {"username": "alice", "password": PASSWORD, "refresh": "a.b.c", "token": "a.b.c"}


def send(
    path: str, body: bytes, content_type: str = "application/json", coding: str = ""
) -> Answer:
    client = Client(headers={"Content-Encoding": coding})
    return client.generic("POST", f"/api/auth/{path}/", body, content_type)


BODIES = {
    "nothing": (b"", 400),
    "spaces": (b"  \n", 400),
    "no JSON": (b"refresh=a.b.c", 400),
    "cut off": (b'{"refresh": "a', 400),
    "two objects": (b"{}{}", 400),
    "single quotes": (b"{'refresh': 'a'}", 400),
    "list": (b'["a.b.c"]', 400),
    "null": (b"null", 400),
    "true": (b"true", 400),
    "number": (b"7", 400),
    "string": (b'"a.b.c"', 400),
    "NaN": (b"NaN", 400),
    "NaN in a field": (b'{"refresh": NaN, "token": NaN, "username": NaN, "password": "x"}', 400),
    "infinity": (b"-Infinity", 400),
    "float out of range": (b"1e999", 400),
    "integer of 10,000 digits": (b"9" * 10_000, 400),
    "integer of 10,000 digits in a field": (b'{"refresh": %s}' % (b"9" * 10_000), 400),
    "invalid UTF-8": (b'{"refresh": "\xff\xfe"}', 400),
    "invalid UTF-8 in a name": (b'{"\xff": 1}', 400),
    "overlong UTF-8": (b'{"refresh": "\xc0\x80"}', 400),
    "UTF-16": ('{"refresh": "a"}'.encode("utf-16"), 400),
    "NUL": (b"\0", 400),
    "raw control characters": (b'{"refresh": "a\x01\x00"}', 400),
    "arrays 30,000 deep": (b"[" * 30_000 + b"]" * 30_000, 400),
    "objects 10,000 deep": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400),
    "arrays 900 deep": (b"[" * 900 + b"]" * 900, 400),
    "1 MB of a token": (b'{"refresh": "%s"}' % (b"a" * 1_000_000), 413),
    "1 MB of spaces": (b" " * 1_000_000, 413),
    "1 MB of arrays": (b"[" * 1_000_000, 413),
    "as many bytes as allowed": (b" " * (64 * 1024), 400),
    "one byte too many": (b" " * (64 * 1024 + 1), 413),
}


@pytest.mark.trap(48)
@pytest.mark.parametrize("path", FIELDS)
@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
def test_a_body_that_is_not_a_request_is_refused(path: str, body: bytes, status: int) -> None:
    answer = send(path, body)
    assert answer.status_code == status
    assert isinstance(answer.json(), dict)


@pytest.mark.trap(48)
@pytest.mark.parametrize("path", FIELDS)
@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("multipart/form-data", 415),
        ("text/plain", 415),
        ("application/xml", 415),
        ("nonsense", 415),
        (";", 415),
        ("application/json; charset=nowhere", 400),
        ("application/json; charset=zlib", 400),
        ("application/json; charset=rot13", 400),
        ("application/json; charset=undefined", 400),
        ("application/json; charset=utf-16", 400),
        ("application/json; charset=utf-32", 400),
        ("application/json; CHARSET=UTF-32", 400),
    ],
)
def test_another_content_type_is_refused(path: str, content_type: str, status: int) -> None:
    right = json.dumps(RIGHT).encode()
    if "nowhere" in content_type:
        # An unknown charset is ignored: JSON is UTF-8 (RFC 8259, section 8.1).
        right = b"\xff" + right
    assert send(path, right, content_type).status_code == status


@pytest.mark.spec("RFC 9110", "12.5.3", "15.5.16")
@pytest.mark.parametrize("path", FIELDS)
@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "gzip, identity"])
def test_a_compressed_body_is_refused(path: str, coding: str) -> None:
    body = gzip.compress(json.dumps(RIGHT).encode())
    answer = send(path, body, coding=coding)
    assert (answer.status_code, answer["Accept-Encoding"]) == (415, "identity")
    assert answer.json() == {
        "detail": "Send the body without a Content-Encoding.",
        "code": "unsupported_media_type",
    }


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
def test_a_body_that_is_not_compressed_is_read(coding: str) -> None:
    assert send("refresh", json.dumps(RIGHT).encode(), coding=coding).status_code == 401


def test_a_request_without_a_body_may_name_a_coding() -> None:
    answer = Client().get("/api/example/", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 401


def deep_header() -> str:
    """Return a token of the maximum length whose header is nested as deep as possible."""
    header = base64.urlsafe_b64encode(b'{"a":' + b"[" * 5_900).rstrip(b"=").decode()
    return f"{header}.e30.AAAA"


VALUES: dict[str, object] = {
    "null": None,
    "true": True,
    "number": 7,
    "zero": 0,
    "huge integer": 10**4000,
    "float": 1.5e300,
    "list": ["a"],
    "empty list": [],
    "object": {"a": {"b": "c"}},
    "empty": "",
    "spaces": "   ",
    "NUL": "a\0b",
    "lone high surrogate": "a\ud800b",
    "lone low surrogate": "\udfff",
    "surrogates in the wrong order": "\udc00\ud800",
    "bidirectional override": "\u202ea.b.c",
    "not a character": "\uffff",
    "digits of another alphabet": "\u0661.\u0662.\u0663",
    "dots": "..",
    "five parts": "a.b.c.d.e",
    "60 kB": "a" * 60_000,
    "60 kB of dots": "." * 60_000,
    "emoji": "🦦" * 1_000,
    "deep header": deep_header(),
}


@pytest.mark.trap(48)
@pytest.mark.parametrize(
    ("path", "field"), [(path, field) for path, fields in FIELDS.items() for field in fields]
)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_an_invalid_value_is_refused(alice: User, path: str, field: str, value: object) -> None:
    body = json.dumps({**RIGHT, field: value}).encode()
    answer = send(path, body)
    if path == "logout" and answer.status_code == 204:
        assert isinstance(value, str)  # Any string may be an old token.
    elif field == "device" and answer.status_code == 200:
        assert isinstance(value, str)
        assert len(DeviceSession.objects.get().device) <= 100
    else:
        assert answer.status_code in (400, 401)
        assert not DeviceSession.objects.exists()


TEXTS = [
    *[("post", "auth/login/", name) for name in ("username", "password", "device")],
    *[("post", f"auth/{name}/", "refresh") for name in ("refresh", "logout")],
    ("post", "auth/verify/", "token"),
    *[
        ("patch", "account/me/", name)
        for name in ("first_name", "last_name", "email", "current_password")
    ],
    ("delete", "account/me/", "current_password"),
    ("post", "account/me/email/confirm/", "token"),
    *[("post", "account/password/", name) for name in ("current_password", "new_password")],
    ("post", "account/password/reset/", "email"),
    *[
        ("post", "account/password/reset/confirm/", name)
        for name in ("uid", "token", "new_password")
    ],
]


@pytest.mark.parametrize(("method", "path", "field"), TEXTS)
@pytest.mark.parametrize("value", [0, 7, 1.5, True, False, [], {}, ["a"]], ids=str)
def test_a_value_that_is_not_a_text_is_refused(
    api: API, alice: User, *, method: str, path: str, field: str, value: object
) -> None:
    headers = {"Authorization": f"Bearer {api.login(alice)['access']}"}
    body = json.dumps({**RIGHT, field: value})
    answer = Client().generic(method, f"/api/{path}", body, "application/json", headers=headers)
    assert answer.status_code == 400
    assert answer.json()[field] == ["This field must be a JSON string."]


def test_a_chunked_body_is_read_if_the_server_has_counted_it() -> None:
    """A body of unknown length looks empty to WSGI."""
    client = Client(headers={"Transfer-Encoding": "chunked"})
    body = json.dumps(RIGHT).encode()
    for length, status in ((str(len(body)), 401), ("", 411)):
        answer = client.generic(
            "POST", "/api/auth/refresh/", body, "application/json", CONTENT_LENGTH=length
        )
        assert answer.status_code == status


def test_a_body_without_length_is_read_up_to_the_limit() -> None:
    parsed = JSONParser().parse(BytesIO(b'"%s"' % (b"x" * (MAX_BODY_SIZE - 2))))
    assert len(parsed) == MAX_BODY_SIZE - 2
    with pytest.raises(BodyTooLargeError):
        JSONParser().parse(BytesIO(b" " * (MAX_BODY_SIZE + 1)))


@pytest.mark.parametrize(
    ("length", "status"), [("-1", 400), ("x", 400), ("", 400), ("9" * 30, 413)], ids=ascii
)
def test_an_invalid_content_length_is_refused(length: str, status: int) -> None:
    answer = Client().generic(
        "POST", "/api/auth/login/", b"{}", "application/json", CONTENT_LENGTH=length
    )
    assert answer.status_code == status


@pytest.mark.parametrize("accept", ["text/html", "nonsense", ",;,", "*/*;q=x"])
def test_an_invalid_accept_header_is_ignored(accept: str) -> None:
    answer = Client().post(
        "/api/auth/refresh/", {}, content_type="application/json", headers={"Accept": accept}
    )
    assert answer.status_code in (400, 406)


@pytest.mark.parametrize(
    "sid", ["x", "%00", "%ff", "%ED%A0%80", "6f1c5d1e", "9" * 5_000, "..%2f..", "urn:uuid:"]
)
def test_an_invalid_session_id_is_404(alice: User, sid: str) -> None:
    client = Client()
    body = json.dumps({**RIGHT}).encode()
    access = client.generic("POST", "/api/auth/login/", body, "application/json").json()["access"]
    answer = client.delete(
        f"/api/auth/sessions/{sid}/", headers={"Authorization": f"Bearer {access}"}
    )
    assert answer.status_code == 404
    assert DeviceSession.objects.get().revoked_at is None


class Point(NamedTuple):
    x: int
    y: int


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"text": "Zoë \u202e", "number": 2**63, "share": 0.5, "none": None, "list": [True, ()]},
        {"moment": datetime(2026, 5, 4, 3, 2, 1, 987654, UTC), "day": date(2026, 5, 4)},
        {"id": UUID(int=7), "lasts": timedelta(minutes=5), "price": Decimal("1.10")},
        {"lazy": gettext_lazy("Sign in"), "safe": mark_safe("<b>"), "choice": Reason.ADMIN},
        {"large": 2**70},
        {7: "a key that is no text"},
        Point(1, 2),
    ],
)
def test_an_answer_is_written_as_by_rest_framework(value: object) -> None:
    """The renderer of Django REST framework takes longer than the rest of a small view."""
    assert JSONRenderer().render(value) == renderers.JSONRenderer().render(value)


def test_a_body_that_is_not_json_is_told_the_place() -> None:
    answer = send("refresh", b'{\n  "refresh": a.b.c\n}')
    assert answer.json() == {
        "detail": "The body is not JSON. The error is at line 2, column 14.",
        "code": "parse_error",
    }
