"""Middleware for any WSGI application that lets only requests with a valid token through."""

import json
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import closing
from http import HTTPStatus
from inspect import isgenerator
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from latchkey_verifier.asgi import claims_of
from latchkey_verifier.bearer import Denial, PublicPaths, denial, read_token
from latchkey_verifier.claims import Claims
from latchkey_verifier.errors import RoleLacking, ScopeLacking, VerifierError
from latchkey_verifier.verifier import Verifier

__all__ = ["WSGIBearer", "claims_of", "has_role", "has_scope"]


class WSGIBearer:
    """Passes requests with a valid access token to the WSGI application (RFC 6750, PEP 3333).

    `claims_of(environ)` returns the claims in the application. The answers to other requests, and
    `public`, are those of `latchkey_verifier.Bearer`. Paths in `public` begin at the application,
    so they do not include SCRIPT_NAME.
    """

    def __init__(
        self, app: WSGIApplication, verifier: Verifier, public: Collection[str] = ()
    ) -> None:
        self.app = app
        self.verifier = verifier
        self.public = PublicPaths(public)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["latchkey"] = None
        if decode(environ.get("PATH_INFO", "")) in self.public:
            return self.app(environ, start_response)
        header = environ.get("HTTP_AUTHORIZATION")
        try:
            environ["latchkey"] = self.verifier.verify(read_token([header] if header else []))
        except VerifierError as error:
            return deny(start_response, denial(error))
        return self._call(environ, start_response)

    def _call(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the application. Answer 403 if a role or scope is missing."""
        started = False

        def start_and_record(*arguments: Any) -> Callable[[bytes], object]:
            nonlocal started
            started = True
            return start_response(*arguments)

        try:
            return start(self.app(environ, start_and_record))
        except (RoleLacking, ScopeLacking) as lacking:
            if started:
                raise
            return deny(start_response, denial(lacking))


def start(chunks: Iterable[bytes]) -> Iterable[bytes]:
    """Return the chunks. A generator runs to its first chunk, so that it can raise RoleLacking."""
    if not isgenerator(chunks):
        return chunks
    first = next(chunks, None)
    return [] if first is None else resume(first, chunks)


def resume(first: bytes, rest: Generator[bytes, None, None]) -> Iterator[bytes]:
    with closing(rest):
        yield first
        yield from rest


def has_role(*roles: str) -> Callable[[WSGIApplication], WSGIApplication]:
    """Return a decorator for a WSGI application that requires one of these roles.

    Put the application inside `WSGIBearer`, which answers other users with 403.
    """
    return _require(lambda claims: claims.require_role(*roles))


def has_scope(*scopes: str) -> Callable[[WSGIApplication], WSGIApplication]:
    """Return a decorator for a WSGI application that requires all of these scopes."""
    return _require(lambda claims: claims.require_scope(*scopes))


def _require(check: Callable[[Claims], None]) -> Callable[[WSGIApplication], WSGIApplication]:
    def decorate(app: WSGIApplication) -> WSGIApplication:
        def checked(environ: WSGIEnvironment, answer: StartResponse) -> Iterable[bytes]:
            check(claims_of(environ))
            return app(environ, answer)

        return checked

    return decorate


def decode(path: str) -> str:
    """Return the path of PATH_INFO, whose characters represent bytes (PEP 3333)."""
    return path.encode("latin-1").decode("utf-8", "replace")


def deny(start_response: StartResponse, answer: Denial) -> Iterable[bytes]:
    """Answer with an error in the site's format."""
    body = json.dumps(answer.body).encode()
    status = HTTPStatus(answer.status)
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **answer.headers,
    }
    start_response(f"{status.value} {status.phrase}", list(headers.items()))
    return [body]
