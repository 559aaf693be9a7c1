"""Of the WSGI middleware: generators, closing, and errors of the application."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from issuer import Issuer
from latchkey_verifier import RoleLacking, TokenRefused, Verifier, WSGIBearer, claims_of
from shops import caller


def lists(environ: Any, start_response: Any) -> Iterable[bytes]:
    claims_of(environ).require_role("shipping")
    start_response("200 OK", [])
    return [b"a", b"b"]


def generates(environ: Any, start_response: Any) -> Iterator[bytes]:
    claims_of(environ).require_role("shipping")
    start_response("200 OK", [])
    yield b"a"
    yield b"b"


@pytest.mark.parametrize("app", [lists, generates])
def test_a_missing_role_is_403_before_the_answer(
    verifier: Verifier, issuer: Issuer, app: Any
) -> None:
    get = caller(WSGIBearer(app, verifier))
    assert get("/", issuer.token()).status_code == 403
    answer = get("/", issuer.token(roles=["shipping"]))
    assert (answer.status_code, answer.text) == (200, "ab")


def late(environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [])
    claims_of(environ).require_role("shipping")
    return []


def later(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [])
    yield b"a"
    claims_of(environ).require_role("shipping")


@pytest.mark.parametrize("app", [late, later])
def test_a_missing_role_after_the_answer_started_is_an_error(
    verifier: Verifier, issuer: Issuer, app: Any
) -> None:
    with pytest.raises(RoleLacking):
        caller(WSGIBearer(app, verifier))("/", issuer.token())


def test_a_generator_is_closed_with_its_answer(verifier: Verifier, issuer: Issuer) -> None:
    closed = []

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        try:
            start_response("200 OK", [])
            yield b"a"
            yield b"b"
        finally:
            closed.append(True)

    environ = {"PATH_INFO": "/", "HTTP_AUTHORIZATION": f"Bearer {issuer.token()}"}
    chunks: Any = WSGIBearer(app, verifier)(environ, lambda *_: lambda _data: None)
    assert next(chunks) == b"a"
    assert not closed
    chunks.close()
    assert closed


def test_other_answers_are_passed_on_unchanged(verifier: Verifier, issuer: Issuer) -> None:
    """A server sends the answer of its file wrapper faster than other iterables."""
    wrapped = [b"a"]
    environ = {"PATH_INFO": "/", "HTTP_AUTHORIZATION": f"Bearer {issuer.token()}"}
    app = WSGIBearer(lambda *_: wrapped, verifier)
    assert app(environ, lambda *_: lambda _data: None) is wrapped


def test_an_empty_generator_is_an_empty_answer(verifier: Verifier, issuer: Issuer) -> None:
    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("204 No Content", [])
        yield from ()

    assert caller(WSGIBearer(app, verifier))("/", issuer.token()).status_code == 204


def test_token_refused_from_the_application_passes_through(
    verifier: Verifier, issuer: Issuer
) -> None:
    """The application may verify a second token, whose refusal is not a 401 of the request."""
    app: Callable[..., Any] = lambda *_: verifier.verify("garbage")  # noqa: E731
    with pytest.raises(TokenRefused):
        caller(WSGIBearer(app, verifier))("/", issuer.token())


def test_public_paths_are_compared_as_utf_8(verifier: Verifier) -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return []

    statuses = []
    for path in ("/größe".encode(), "/größe".encode("latin-1")):
        environ = {"PATH_INFO": path.decode("latin-1")}
        guarded = WSGIBearer(app, verifier, public=["/größe"])
        guarded(environ, lambda status, _headers: statuses.append(status))  # type: ignore[arg-type]
    assert statuses == ["200 OK", "401 Unauthorized"]


def test_claims_of_an_earlier_request_are_not_kept(verifier: Verifier, issuer: Issuer) -> None:
    """An outer middleware, or an attacker who could set it, does not choose the claims."""
    seen = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        seen.append(environ["latchkey"])
        start_response("200 OK", [])
        return []

    forged = verifier.verify(issuer.token())
    environ = {"PATH_INFO": "/healthz", "latchkey": forged}
    WSGIBearer(app, verifier, public=["/healthz"])(environ, lambda *_: lambda _data: None)
    assert seen == [None]
