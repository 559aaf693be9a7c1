"""The other service refuses what docs/verifying.md tells services to refuse."""

from collections.abc import Callable
from dataclasses import replace

import jwt
import pytest
from django.test import Client

from accounts.models import User
from project.compare.calls import Answer, Request
from project.compare.service import Service, UnavailableError
from tests.tokens.jwt import forging
from tokens.conf import conf
from tokens.models import Reason
from tokens.revocation.status_list import cached_bits
from tokens.sessions.lifecycle import Device, open_session, revoke_sessions

pytestmark = pytest.mark.django_db
Change = Callable[[str], str]


class Site:
    """The site, which the service fetches its documents from."""

    def __init__(self) -> None:
        self.status = 0  # of every answer, if it is not 0
        self.answers = True
        self.fetched: list[str] = []
        self.list = ""  # the status list, if it is not the site's

    def __call__(self, request: Request) -> Answer:
        if not self.answers:
            raise ConnectionRefusedError
        self.fetched.append(request.path)
        answer = Client().get(request.path)
        body = answer.content
        if self.list and "status" in request.path:
            body = self.list.encode()
        return Answer(self.status or answer.status_code, tuple(answer.items()), body)


@pytest.fixture
def site() -> Site:
    cached_bits.cache_clear()
    return Site()


@pytest.fixture
def service(site: Site) -> Service:
    return Service(site, audience=conf().audience)


@pytest.fixture
def token(alice: User) -> str:
    pair = open_session(alice, Device())
    assert pair
    return str(pair.access)


def test_a_valid_token_needs_the_keys_and_the_list_once(
    site: Site, service: Service, token: str
) -> None:
    assert service.accepts(token)
    assert service.accepts(token)
    assert site.fetched == ["/.well-known/jwks.json", "/.well-known/status/0"]


@pytest.mark.parametrize(
    "change",
    [
        lambda token: "not a token",
        lambda token: f"{token[:-3]}AAA",
        lambda token: forging.resigned_access(token, aud="https://other.example"),
        lambda token: forging.resigned_access(token, iss="https://other.example"),
        lambda token: forging.resigned_access(token, exp=1),
        lambda token: forging.resigned_access(token, sid=None),
        lambda token: jwt.encode(
            forging.parts(token)[1], forging.private_key(), "ES256", {"typ": "at+jwt"}
        ),
        lambda token: jwt.encode(
            forging.parts(token)[1],
            forging.private_key(),
            "ES256",
            {**forging.parts(token)[0], "typ": "JWT"},
        ),
    ],
    ids=["text", "signature", "audience", "issuer", "expired", "no sid", "no kid", "type"],
)
def test_other_tokens_are_refused(service: Service, token: str, change: Change) -> None:
    assert service.accepts(token)
    assert not service.accepts(change(token))


def test_the_list_ends_the_token_when_it_is_fetched_again(
    service: Service, site: Site, token: str, alice: User
) -> None:
    assert service.accepts(token)
    revoke_sessions([alice.pk], Reason.LOGOUT)
    cached_bits.cache_clear()
    assert service.accepts(token)  # by the cached list
    service.documents.popitem()
    assert not service.accepts(token)
    alone = Service(site, audience=conf().audience, uses_list=False)
    assert alone.accepts(token)


def test_a_session_outside_of_the_list_is_refused(service: Service, token: str) -> None:
    place = forging.parts(token)[1]["status"]["status_list"]
    outside = {"status_list": {**place, "idx": 2**17}}
    assert not service.accepts(forging.resigned_access(token, status=outside))


def test_the_list_of_another_url_is_refused(service: Service, site: Site, token: str) -> None:
    path = forging.parts(token)[1]["status"]["status_list"]["uri"]
    genuine = Client().get(path.removeprefix(conf().issuer)).text
    site.list = forging.resigned_access(genuine, sub="https://other.example/status/0")
    with pytest.raises(UnavailableError):
        service.accepts(token)


def test_without_the_site_cached_documents_are_used_until_they_expire(
    service: Service, site: Site, token: str
) -> None:
    assert service.accepts(token)
    for path, document in [*service.documents.items()]:
        service.documents[path] = replace(document, fresh_until=0)
    site.answers = False
    assert service.accepts(token)
    for path, document in [*service.documents.items()]:
        service.documents[path] = replace(document, fresh_until=0, stale_until=0)
    with pytest.raises(UnavailableError):
        service.accepts(token)


@pytest.mark.parametrize("status", [500, 503])
def test_an_error_of_the_site_is_no_answer(
    service: Service, site: Site, token: str, status: int
) -> None:
    site.status = status
    with pytest.raises(UnavailableError):
        service.accepts(token)
