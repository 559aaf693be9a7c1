"""The decisions, without a site: the next request, and the meaning of an answer."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from latchkey_client.core import (
    Answer,
    Ended,
    Renewed,
    Retry,
    Stop,
    judge_failure,
    judge_refresh,
    judge_service,
    pause,
    refresh_request,
    retry_after,
    service_request,
)
from latchkey_client.state import Lifetime, State
from pretend_site import make_token

STATE = State(
    site="https://id.example.org",
    secret="5e" * 32,
    refresh=make_token("s1", 3),
    access="access 3",
    lifetime=Lifetime(1000, 300),
    sid="s1",
    generation=3,
)


def pair(sid: str = "s1", generation: Any = 4, **changes: Any) -> bytes:
    """Return the body of a successful answer."""
    body = {"access": "access 4", "refresh": make_token(sid, generation), "expires_in": 300}
    return json.dumps(body | changes).encode()


def refusal(code: str) -> bytes:
    return json.dumps({"detail": "A sentence.", "code": code}).encode()


def test_the_key_is_an_hmac_of_session_and_generation() -> None:
    expected = hmac.new(bytes.fromhex(STATE.secret), b"s1|3", hashlib.sha256).hexdigest()
    request = refresh_request(STATE)
    assert request.headers == {"Idempotency-Key": expected}
    assert request.body == {"refresh": STATE.refresh}


def test_no_secret_is_shown() -> None:
    answer = Answer(200, {}, pair())
    shown = repr([STATE, refresh_request(STATE), answer, judge_refresh(STATE, answer, 0)])
    shown += repr(
        judge_service(Answer(200, {}, b'{"access_token": "access 5", "expires_in": 1}'), 0)
    )
    shown += repr(service_request("a", "c d", "", ""))
    for secret in (STATE.secret, STATE.refresh, STATE.idempotency_key, "access", "YTpjK2Q="):
        assert secret not in shown


def test_the_successor_is_stored_with_the_same_secret() -> None:
    verdict = judge_refresh(STATE, Answer(200, {}, pair()), 2000)
    assert isinstance(verdict, Renewed)
    new = verdict.state
    assert (new.sid, new.generation, new.access) == ("s1", 4, "access 4")
    assert (new.secret, new.lifetime, new.pending) == (STATE.secret, Lifetime(2000, 300), False)
    assert new.idempotency_key != STATE.idempotency_key


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="no answer"),
        pytest.param(Answer(200, {}, b"<html>"), id="a page"),
        pytest.param(Answer(200, {}, b"[]"), id="a list"),
        pytest.param(Answer(200, {}, pair()[:-5]), id="half an answer"),
        pytest.param(Answer(200, {}, pair(access=None)), id="no access token"),
        pytest.param(Answer(200, {}, pair(access="")), id="an empty access token"),
        pytest.param(Answer(200, {}, pair(refresh="a.b")), id="no refresh token"),
        pytest.param(Answer(200, {}, pair(refresh="a.W10.c")), id="a token without claims"),
        pytest.param(Answer(200, {}, pair(expires_in="soon")), id="no lifetime"),
        pytest.param(Answer(200, {}, pair(expires_in=True)), id="a lifetime that is no number"),
        pytest.param(Answer(200, {}, pair(generation="4")), id="a generation that is no number"),
        pytest.param(Answer(200, {}, pair(sid="s2")), id="another session"),
        pytest.param(Answer(200, {}, pair(generation=3)), id="the same generation"),
        pytest.param(Answer(200, {}, pair(generation=5)), id="a later generation"),
        pytest.param(Answer(409, {}, refusal("already_rotated")), id="409"),
        pytest.param(Answer(408), id="408"),
        pytest.param(Answer(425), id="425"),
        pytest.param(Answer(429), id="429"),
        pytest.param(Answer(500, {}, b"<h1>Error</h1>"), id="500"),
        pytest.param(Answer(502), id="502"),
        pytest.param(Answer(503, {}, refusal("unavailable")), id="503"),
    ],
)
def test_the_same_request_is_repeated_after(answer: Answer | None) -> None:
    assert isinstance(judge_refresh(STATE, answer, 2000), Retry)


def test_only_token_not_valid_ends_the_session() -> None:
    assert judge_refresh(STATE, Answer(401, {}, refusal("token_not_valid")), 0) == Ended()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(401, {}, b"<html>"), id="401 of a proxy"),
        pytest.param(Answer(401, {}, refusal("no_active_account")), id="401 with another code"),
        pytest.param(Answer(401, {}, b'{"code": ["token_not_valid"]}'), id="401 with a list"),
        pytest.param(Answer(403, {}, refusal("token_not_valid")), id="403"),
        pytest.param(Answer(404), id="404"),
        pytest.param(Answer(400, {}, refusal("invalid")), id="400"),
        pytest.param(Answer(302, {"location": "/login"}), id="a redirect to a login page"),
        pytest.param(Answer(204), id="204"),
    ],
)
def test_the_session_continues_after(answer: Answer) -> None:
    assert isinstance(judge_refresh(STATE, answer, 0), Stop)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "soon"}, None),
        (
            {
                "retry-after": "Sun, 06 Nov 1994 08:49:47 GMT",
                "date": "Sun, 06 Nov 1994 08:49:37 GMT",
            },
            10,
        ),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT", "date": "today"}, None),
    ],
)
@pytest.mark.spec("RFC 9110", "10.2.3")
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_a_pause_is_never_shorter_than_retry_after() -> None:
    pauses = {pause(Retry("", 3), tries) for tries in range(50)}
    assert min(pauses) >= 3
    assert len(pauses) > 40  # Clients that were refused together do not come back together.
    assert max(pauses) < 4


def test_pauses_without_retry_after_grow_up_to_a_limit() -> None:
    assert pause(Retry(""), 1) <= 0.2
    assert 2.5 <= pause(Retry(""), 30) <= 5


@pytest.mark.spec("RFC 6749", "2.3.1")
def test_the_credentials_of_a_service_are_form_encoded() -> None:
    request = service_request("a:b", "c d%", "read write", "https://orders.example.org")
    assert request.headers == {"Authorization": "Basic YSUzQWI6YytkJTI1"}
    assert request.body == {
        "grant_type": "client_credentials",
        "scope": "read write",
        "resource": "https://orders.example.org",
    }


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"access_token": "a"}', b'{"access_token": 1, "expires_in": 1}']
)
def test_an_unreadable_answer_to_a_service_is_repeated(body: bytes) -> None:
    assert isinstance(judge_service(Answer(200, {}, body), 0), Retry)


def test_a_state_is_read_as_it_was_written() -> None:
    assert State.parse(STATE.as_text()) == STATE
    pending = STATE.about_to_be_spent()
    assert State.parse(pending.as_text()) == pending != STATE
    assert pending.idempotency_key == STATE.idempotency_key


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2),
        ("secret", "xyz"),
        ("secret", None),
        ("generation", 4),
        ("sid", "s2"),
        ("refresh", "text"),
        ("refresh", None),
        ("access", None),
        ("site", 1),
        ("lifetime", {}),
        ("lifetime", {"requested_at": "x", "expires_in": 1}),
        ("lifetime", None),
        ("more", 1),
    ],
)
def test_a_changed_state_is_not_read(name: str, value: object) -> None:
    text = json.dumps(json.loads(STATE.as_text()) | {name: value})
    with pytest.raises(ValueError, match=r"state|JWT|hexadecimal"):
        State.parse(text)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", '"text"', "{}"])
def test_another_text_is_not_read_as_a_state(text: str) -> None:
    with pytest.raises(ValueError, match=r"state|Expecting"):
        State.parse(text)


def test_a_400_is_explained_by_its_fields() -> None:
    body = {"scope": ["There is no such scope."], "password": ["This field may not be blank."]}
    stop = judge_failure(Answer(400, {}, json.dumps(body).encode()))
    assert isinstance(stop, Stop)
    assert stop.reason == "scope: There is no such scope. password: This field may not be blank."


@pytest.mark.parametrize("body", [b"", b"[]", b'{"scope": "text"}', b"<html>"])
def test_another_400_is_named_by_its_status(body: bytes) -> None:
    stop = judge_failure(Answer(400, {}, body))
    assert isinstance(stop, Stop)
    assert stop.reason == "The site answered 400."
