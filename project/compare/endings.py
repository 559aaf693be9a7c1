"""Measure how long a copy works after a sign-out and other changes, in three places.

Each change is made to another demo user, and all of them at the same time. A copy of each
credential is used again and again in this process, in a second process and in another service. The
result is the time from the commit to the first request that is refused.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from time import perf_counter, time

from django.contrib.auth.models import Group

from project.compare.calls import Site, Socket, call_here, in_own_thread
from project.compare.logins import Login, Person, Way
from project.compare.measured import Measured, Results, UnexpectedAnswerError, Value, expect
from project.compare.service import Service
from project.compare.words import CANNOT_VERIFY, TOO_LONG, WORKS_ON
from tokens.jwt.parsing import parse_unverified

INTERVAL = 0.02  # seconds between two uses of a copy
LONGEST = 9  # seconds for which a copy is used at most
HERE, THERE, SERVICE = "", "_second_process", "_other_service"  # the places, as in the ids of rows
SIGN_OUT, PASSWORD, INACTIVE, ROLE = "sign_out", "password_change", "deactivation", "role_change"
CHANGES = (SIGN_OUT, PASSWORD, INACTIVE, ROLE)


@dataclass
class Moment:
    """The moment at which a change was committed."""

    committed: Event = field(default_factory=Event)
    at: float = 0.0  # of `perf_counter`
    date: float = 0.0  # seconds since 1970

    def set(self) -> None:
        self.at, self.date = perf_counter(), time()
        self.committed.set()


@dataclass
class Subject:
    """A person whom one of CHANGES concerns, and the moment of the change for each login."""

    change: str
    person: Person
    logins: dict[Way, Login]
    moments: dict[Way, Moment]

    @property
    def role(self) -> str:
        """The name of the temporary group: that of the user, with whom it is removed."""
        return self.person.user.username

    def change_now(self) -> None:
        """Make the change as the site itself makes it."""
        if self.change == SIGN_OUT:
            for way, login in self.logins.items():
                expect(login.sign_out(call_here), 204, 302)
                self.moments[way].set()
            return
        user = self.person.user
        if self.change == ROLE:
            user.groups.add(Group.objects.create(name=self.role))
        elif self.change == INACTIVE:
            user.is_active = False
            user.save()
        else:
            user.set_unusable_password()  # another one than before
            user.save()
        for moment in self.moments.values():
            moment.set()


@dataclass
class Copy:
    """A copy of a login's credential that is used in one place."""

    login: Login
    moment: Moment
    role: str
    site: Site
    stop: Event

    def works(self) -> bool:
        """Return whether the site accepts the copy, and the answer lacks the new role."""
        answer = self.site(self.login.request)
        return answer.status == 200 and self.role not in answer.json()["roles"]

    def follow(self) -> "Times":
        """Use the copy until the change has an effect. After a new role, refresh the token."""
        ended = first_refusal(self.works, self.moment, self.stop)
        if ended is None or self.site(self.login.request).status == 200:
            return Times(refused=None, effective=ended)
        if self.login.way is Way.SESSION:
            return Times(refused=ended, effective=None)
        renewed, answer = self.login.renew(self.site)
        if answer.status != 200:
            return Times(refused=ended, effective=None)
        asked = perf_counter()
        answer = expect(self.site(renewed.request), 200)
        if self.role not in answer.json()["roles"]:
            raise UnexpectedAnswerError("The refreshed token lacks the role.")
        return Times(refused=ended, effective=asked - self.moment.at)


@dataclass(frozen=True)
class Times:
    """Seconds from a commit until a copy was refused, and until a new role had effect."""

    refused: float | None
    effective: float | None


def first_refusal(works: Callable[[], bool], moment: Moment, stop: Event) -> float | None:
    """Return the seconds from the commit until the first use that failed, or None."""
    moment.committed.wait()
    while not stop.is_set():
        asked = perf_counter()
        if asked - moment.at > LONGEST:
            break
        if not works():
            return asked - moment.at
        stop.wait(INTERVAL)
    return None


class Watch:
    """The subjects, and the threads that use copies of their credentials."""

    def __init__(self, people: Sequence[Person], port: int, service: Service) -> None:
        self.stop = Event()
        self.service = service
        self.sockets = ExitStack()
        self.subjects = [
            Subject(change, person, person.sign_in_all(), {way: Moment() for way in Way})
            for change, person in zip(CHANGES, people, strict=True)
        ]
        self.threads = ThreadPoolExecutor(1 + len(CHANGES) * len(Way) * 3)
        self.port = port
        self.followed: dict[tuple[str, str, Way], Future[Times]] = {}
        self.verified: dict[tuple[str, Way], Future[float | None]] = {}

    def start(self) -> None:
        """Check that every copy works, begin to use them, and make the changes."""
        for subject in self.subjects:
            for way, login in subject.logins.items():
                self.use(subject, way, login)
        for subject in self.subjects:
            self.threads.submit(in_own_thread(subject.change_now)).result()
            # The threads of other changes would delay the first uses after this one.
            for way in Way:
                self.followed[subject.change, HERE, way].result()

    def use(self, subject: Subject, way: Way, login: Login) -> None:
        """Use copies of the login in all places."""
        moment = subject.moments[way]
        there = self.sockets.enter_context(closing(Socket(self.port)))
        for place, site in ((HERE, call_here), (THERE, there)):
            copy = Copy(login, moment, subject.role, site, self.stop)
            self.require(copy.works)
            followed = self.threads.submit(in_own_thread(copy.follow))
            self.followed[subject.change, place, way] = followed
        if way is not Way.SESSION:
            accepts = partial(self.service.accepts, login.secret)
            self.require(accepts)
            verified = self.threads.submit(first_refusal, accepts, moment, self.stop)
            self.verified[subject.change, way] = verified

    def require(self, works: Callable[[], bool]) -> None:
        """Raise UnexpectedAnswerError if a copy does not work before the change."""
        if not self.threads.submit(in_own_thread(works)).result():
            raise UnexpectedAnswerError("A new credential does not work.")

    def end(self) -> None:
        """Stop the threads."""
        self.stop.set()
        for subject in self.subjects:
            for moment in subject.moments.values():
                moment.committed.set()
        self.threads.shutdown()
        self.sockets.close()


def measure_endings(people: Sequence[Person], port: int, service: Service) -> Results:
    """Change the accounts, and use copies of their credentials until they are refused."""
    watch = Watch(people, port, service)
    try:
        watch.start()
        for place in (HERE, THERE):
            for change in CHANGES:
                values = {way: refused(watch.followed[change, place, way]) for way in Way}
                yield Measured.of(f"refused_after_{change}{place}_ms", values)
            effects = {way: effective(watch.followed[ROLE, place, way]) for way in Way}
            yield Measured.of(f"role_effective{place}_ms", effects)
        yield from in_another_service(watch)
        yield without_list(watch)
    finally:
        watch.end()


def in_another_service(watch: Watch) -> Results:
    """Yield the times in the service. What it still accepts, it accepts until the expiry."""
    for subject in watch.subjects:
        values: dict[Way, Value] = {Way.SESSION: CANNOT_VERIFY}
        for way in (Way.HEADER, Way.COOKIE):
            token, moment = subject.logins[way].secret, subject.moments[way]
            # A role is not in the list, so there is nothing to wait for.
            found = None if subject.change == ROLE else watch.verified[subject.change, way].result()
            values[way] = milliseconds(found) if found is not None else rest(token, moment)
        yield Measured.of(f"refused_after_{subject.change}{SERVICE}_ms", values)


def without_list(watch: Watch) -> Measured:
    """Return the time for which a service without the status list accepts a signed-out token."""
    service = Service(watch.service.fetch, audience=watch.service.audience, uses_list=False)
    signed_out = next(subject for subject in watch.subjects if subject.change == SIGN_OUT)
    values: dict[Way, Value] = {Way.SESSION: CANNOT_VERIFY}
    for way in (Way.HEADER, Way.COOKIE):
        token = signed_out.logins[way].secret
        values[way] = rest(token, signed_out.moments[way]) if service.accepts(token) else 0
    return Measured.of("refused_after_sign_out_without_list_ms", values)


def refused(future: Future[Times]) -> Value:
    times = future.result()
    if times.refused is not None:
        return milliseconds(times.refused)
    return WORKS_ON if times.effective is not None else TOO_LONG


def effective(future: Future[Times]) -> Value:
    times = future.result()
    return TOO_LONG if times.effective is None else milliseconds(times.effective)


def rest(token: str, moment: Moment) -> int:
    """Return the milliseconds from the change to the expiry of the token."""
    expires_at: int = parse_unverified(token)[1]["exp"]
    return round((expires_at - moment.date) * 1000)


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
