"""Measure what a request and a refresh cost: bytes, queries and time."""

import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from time import perf_counter

from project.compare.calls import Answer, Site, call_here, count_queries, in_own_thread
from project.compare.logins import Login, Person, Way, cookie_login, header_login
from project.compare.measured import Measured, Results, Samples, Value, expect, p95
from tokens.crypto.subkeys import newest_subkeys
from tokens.jwt.claims import Pair
from tokens.keys.keyring import keyring

CALLS = 100  # measured calls of each way
WARM_UP = 5  # calls before the measured ones
REFRESHES = 20
ROLES = (10, 100)


def measure_bytes(logins: dict[Way, Login], site: Site) -> Results:
    """Send one request in each way, without roles and with some, and count its bytes."""
    yield Measured.of("bytes_per_request", sizes(logins, site))
    for count in ROLES:
        names = [f"warehouse-{number:03}" for number in range(count)]
        with_roles = {
            Way.SESSION: logins[Way.SESSION],
            Way.HEADER: header_login(with_named_roles(logins[Way.HEADER], names)),
            Way.COOKIE: cookie_login(with_named_roles(logins[Way.COOKIE], names)),
        }
        yield Measured.of(f"bytes_with_{count}_roles", sizes(with_roles, site))


def sizes(logins: dict[Way, Login], site: Site) -> dict[Way, Value]:
    return {way: expect(site(login.request), 200).sent for way, login in logins.items()}


def with_named_roles(login: Login, names: list[str]) -> Pair:
    """Issue the tokens of the session again as if its user had these roles."""
    return Pair.mint(
        login.session,
        jti=secrets.token_urlsafe(32),
        subkeys=newest_subkeys(),
        roles=names,
        signer=keyring.current().signer,
    )


def measure_calls(logins: dict[Way, Login]) -> Results:
    """Call the site in this process, in turns, and measure queries and time."""
    with ThreadPoolExecutor(1) as thread:
        queries, times = thread.submit(in_own_thread(call_in_turns), logins).result()
    yield Measured.of("queries_per_request", summarized(median, queries), queries)
    yield Measured.of("server_ms", summarized(median, times), times)
    yield Measured.of("server_p95_ms", summarized(p95, times), times)


def call_in_turns(logins: dict[Way, Login]) -> tuple[Samples, Samples]:
    """Return the queries and the milliseconds of each call. The same thread makes all calls."""
    calls = {way: partial(call_here, login.request) for way, login in logins.items()}
    for call in [*calls.values()] * WARM_UP:
        expect(call(), 200)
    times: Samples = {way: [] for way in Way}
    queries: Samples = {way: [] for way in Way}
    for _ in range(CALLS):
        for way, call in calls.items():
            times[way].append(milliseconds(call))
    for _ in range(CALLS):
        for way, call in calls.items():
            queries[way].append(count_queries(call))
    return queries, times


def measure_refreshes(person: Person) -> Results:
    """Refresh both kinds of token in this process. A session cookie needs no refresh."""
    with ThreadPoolExecutor(1) as thread:
        queries, times = thread.submit(in_own_thread(refresh_often), person).result()
    yield Measured.of("refresh_queries", summarized(median, queries), queries)
    yield Measured.of("refresh_ms", summarized(median, times), times)


def refresh_often(person: Person) -> tuple[Samples, Samples]:
    """Return the queries of some refreshes, and the milliseconds of others."""
    times: Samples = {Way.SESSION: [0]}
    queries: Samples = {Way.SESSION: [0]}
    for way in (Way.HEADER, Way.COOKIE):
        chain = Chain(person.sign_in(way))
        times[way] = [milliseconds(chain.renew) for _ in range(REFRESHES)]
        queries[way] = [count_queries(chain.renew) for _ in range(REFRESHES)]
    return queries, times


class Chain:
    """A login whose refresh token is replaced again and again."""

    def __init__(self, login: Login) -> None:
        self.login = login

    def renew(self) -> Answer:
        self.login, answer = self.login.renew(call_here)
        return expect(answer, 200)


def milliseconds(call: Callable[[], Answer]) -> float:
    """Return how long the site takes for the call, which must succeed."""
    began = perf_counter()
    answer = call()
    ended = perf_counter()
    expect(answer, 200)
    return (ended - began) * 1000


def summarized(summary: Callable[[Sequence[float]], float], samples: Samples) -> dict[Way, Value]:
    """Return a number for each way, with two decimals at most."""
    return {way: whole(round(summary(values), 2)) for way, values in samples.items()}


def whole(value: float) -> int | float:
    return int(value) if value == int(value) else value
