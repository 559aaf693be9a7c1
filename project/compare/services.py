"""Measure what works without the site: in another service, with a new key, without a database."""

import json
from contextlib import closing
from functools import partial
from time import perf_counter, sleep
from typing import Any

from project.compare import rotation
from project.compare.calls import Answer, Request, Socket
from project.compare.endings import INTERVAL, LONGEST
from project.compare.logins import Login, Way
from project.compare.measured import Measured, Results, Value
from project.compare.second import Second
from project.compare.service import Service, UnavailableError
from project.compare.words import NO, NO_KEY, SAME_HOST, TOO_LONG, YES
from tokens.conf import conf


def fetch(port: int, request: Request) -> Answer:
    """Fetch a document of the site on a new connection."""
    with closing(Socket(port)) as site:
        return site(request)


def new_service(port: int) -> Service:
    """Return a service that accepts the tokens of the site, and has fetched nothing yet."""
    return Service(partial(fetch, port), audience=conf().audience)


def measure_services(logins: dict[Way, Login], service: Service) -> Results:
    """Verify each credential in another service."""
    yield Measured.of("other_service", {way: verified(logins[way], service) for way in Way})


def verified(login: Login, service: Service) -> Value:
    """Return whether another service can verify the credential, and whether it receives it.

    A browser sends a cookie without Domain to no other host (RFC 6265, section 5.3, step 6).
    """
    if not service.accepts(login.secret):
        return NO
    cookies = [one for one in login.given[1].values() if one.value == login.secret]
    return SAME_HOST if any(not cookie["domain"] for cookie in cookies) else YES


def measure_rotation(second: Second) -> Results:
    """Count the valid tokens that a service refuses while the signing key is rotated."""
    keys = second.tell("rotate")
    refused = sum(
        not with_keys(keys[cached]).accepts(keys[token])
        for cached, token in (("published", "old"), ("published", "new"), ("signing", "old"))
    )
    yield Measured.tokens("key_rotation", NO_KEY, refused)


def with_keys(key_set: dict[str, Any]) -> Service:
    """Return a service that has fetched this key set."""
    answer = Answer(200, (), json.dumps(key_set).encode())
    return Service(lambda request: answer, audience=rotation.audience(), uses_list=False)


def measure_database_outage(logins: dict[Way, Login], second: Second) -> Results:
    """Refuse every statement of the second process, and call it until it refuses the copies."""
    with closing(Socket(second.port)) as site:
        second.tell("switch off")
        began = perf_counter()
        first: dict[Way, Value] = {way: site(logins[way].request).status for way in Way}
        yield Measured.of("database_down_now", first)
        served: dict[Way, Value] = dict.fromkeys(Way, TOO_LONG)
        while TOO_LONG in served.values() and (passed := perf_counter() - began) < LONGEST:
            for way in [way for way in Way if served[way] == TOO_LONG]:
                if site(logins[way].request).status != 200:
                    served[way] = 0 if first[way] != 200 else round(passed * 1000, 1)
            sleep(INTERVAL)
        second.tell("switch on")
    yield Measured.of("served_without_database_ms", served)


def measure_site_outage(logins: dict[Way, Login], second: Second, service: Service) -> Results:
    """Kill the second process, and verify each credential again in a service that knows the site.

    The service has just fetched its documents. If it cannot decide without the site, that is a no.
    """
    service.documents.clear()
    before = {way: verified(logins[way], service) for way in Way}
    second.kill()
    after: dict[Way, Value] = {}
    for way in Way:
        try:
            after[way] = NO if before[way] == NO else verified(logins[way], service)
        except UnavailableError:
            after[way] = NO
    yield Measured.of("other_service_site_down", after)
