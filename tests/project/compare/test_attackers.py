"""The measurements notice a site that is not protected, and one that does not work."""

import json
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from http.cookies import SimpleCookie
from threading import Event
from typing import Any

import pytest
from django.test import Client

from project.compare import attacks, endings
from project.compare.calls import Answer, Request
from project.compare.endings import Copy, Moment, Times, Watch, first_refusal
from project.compare.logins import Person, Way, demo_person
from project.compare.measured import UnexpectedAnswerError
from project.compare.rotation import rehearse
from project.compare.second import Second
from project.compare.service import Service
from project.compare.services import measure_rotation, measure_site_outage
from project.compare.words import DONE, TOO_LONG, UNDETECTED
from tests.support.servers import free_port
from tests.tokens.jwt.forging import parts
from tokens.conf import conf
from tokens.models import Reason
from tokens.sessions.lifecycle import revoke_sessions

pytestmark = pytest.mark.django_db(transaction=True)
OK = Answer(200, (), b'{"user": "", "roles": []}')
REFUSED = Answer(401, (), b"")


@pytest.fixture
def person() -> Iterator[Person]:
    with demo_person() as person:
        yield person


def test_a_site_that_trusts_every_origin_is_noticed(person: Person) -> None:
    def site(request: Request) -> Answer:
        revoke_sessions([person.user.pk], Reason.LOGOUT)
        return OK

    for is_same_site in (True, False):
        assert attacks.forge(person, Way.SESSION, site, is_same_site=is_same_site) == DONE


def test_a_refusal_means_nothing_if_the_own_page_is_refused_too(person: Person) -> None:
    with pytest.raises(UnexpectedAnswerError):
        attacks.forge(person, Way.SESSION, lambda request: OK, is_same_site=True)


@pytest.mark.parametrize(
    ("attributes", "is_readable", "is_attached"),
    [
        ("HttpOnly; SameSite=Lax", False, False),
        ("HttpOnly; SameSite=None", False, True),
        ("HttpOnly", False, True),
        ("SameSite=Strict", True, False),
    ],
)
def test_attributes_of_the_cookie_decide(
    person: Person, attributes: str, is_readable: bool, is_attached: bool
) -> None:
    login = person.sign_in(Way.SESSION)
    login = replace(login, given=(b"", SimpleCookie(f"sessionid={login.secret}; {attributes}")))
    assert attacks.is_readable(login) is is_readable
    assert attacks.is_attached(login) is is_attached


def test_an_undetected_theft_is_noticed(person: Person) -> None:
    def site(request: Request) -> Answer:
        """Give every caller a new pair."""
        return replace(OK, body=json.dumps(person.new_pair().as_json()).encode())

    assert attacks.theft(person.sign_in(Way.HEADER), site) == UNDETECTED


def committed() -> Moment:
    moment = Moment()
    moment.set()
    return moment


def test_a_copy_that_is_never_refused_is_used_for_a_limited_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(endings, "LONGEST", 0.05)
    assert first_refusal(lambda: True, committed(), Event()) is None
    future: Future[Times] = Future()
    future.set_result(Times(refused=None, effective=None))
    assert endings.refused(future) == endings.effective(future) == TOO_LONG


def test_the_end_of_the_run_stops_the_uses() -> None:
    stop = Event()

    def works() -> bool:
        stop.set()
        return True

    assert first_refusal(works, committed(), stop) is None


def test_a_new_role_must_be_in_the_refreshed_token(person: Person) -> None:
    answers: list[Any] = [
        REFUSED,
        REFUSED,
        replace(OK, body=json.dumps(person.new_pair().as_json()).encode()),
        OK,
    ]
    copy = Copy(
        person.sign_in(Way.HEADER), committed(), "editors", lambda _: answers.pop(0), Event()
    )
    with pytest.raises(UnexpectedAnswerError):
        copy.follow()
    assert answers == []


class Forgetful(Second):
    """A second process that publishes a key only when it signs."""

    def __init__(self) -> None:
        self.keys = rehearse()

    def tell(self, command: str) -> Any:
        new = parts(self.keys["new"])[0]["kid"]
        old = [key for key in self.keys["published"]["keys"] if key["kid"] != new]
        return {**self.keys, "published": {"keys": old}}


def test_a_key_that_signs_too_early_is_noticed(db: None) -> None:
    (result,) = measure_rotation(Forgetful())
    assert (result.access_header, result.access_cookie) == (1, 1)


class Killed(Second):
    """A second process that cannot be reached after it was killed."""

    def __init__(self) -> None:
        self.is_killed = False

    def kill(self) -> None:
        self.is_killed = True

    def answer(self, request: Request) -> Answer:
        if self.is_killed:
            raise ConnectionRefusedError
        answer = Client().get(request.path)
        return Answer(answer.status_code, (), answer.content)  # No cache may store it.


def test_a_service_that_caches_nothing_needs_the_site(person: Person) -> None:
    second = Killed()
    service = Service(second.answer, audience=conf().audience)
    service.stale_keys = 0
    (result,) = measure_site_outage(person.sign_in_all(), second, service)
    assert [*result.values.values()] == ["no", "no", "no"]
    assert second.is_killed


def test_nothing_is_measured_if_a_new_credential_is_refused(person: Person) -> None:
    people = [person] * len(endings.CHANGES)
    watch = Watch(people, free_port(), Service(lambda request: OK, audience=""))
    try:
        with pytest.raises(UnexpectedAnswerError):
            watch.require(lambda: False)
    finally:
        watch.end()
