"""Answers that say nothing about the session: 409, 429, 5xx, and pages of other servers."""

import time

from latchkey_conformance import faults
from latchkey_conformance.faults import REFRESH, Fault, Kind
from latchkey_conformance.play import Case, Play, require

AT_MOST = 100  # seconds until a client gives up


def conflict(play: Play) -> None:
    """409 already_rotated"""
    refuse(play, faults.answer(409))


def too_many(play: Play) -> None:
    """429 with Retry-After: 2 is followed by a pause of at least 2 seconds"""
    pause(play, 429)


def unavailable(play: Play) -> None:
    """503 with Retry-After: 2 is followed by a pause of at least 2 seconds"""
    pause(play, 503)


def error(play: Play) -> None:
    """500"""
    refuse(play, faults.answer(500))


def bad_gateway(play: Play) -> None:
    """502 with a page of a proxy"""
    refuse(play, faults.page(502))


def captive_portal(play: Play) -> None:
    """200 with a page of a captive portal"""
    refuse(play, faults.page(200))


def forbidden(play: Play) -> None:
    """403 with a page of a firewall"""
    refuse(play, faults.page(403))


def not_found(play: Play) -> None:
    """404 with a page of a proxy"""
    refuse(play, faults.page(404))


def proxy_401(play: Play) -> None:
    """401 with a page of a proxy, without the code token_not_valid"""
    refuse(play, faults.page(401))


def empty(play: Play) -> None:
    """200 with an empty object"""
    refuse(play, Fault(Kind.ANSWER, status=200, body=b"{}"))


def refuse(play: Play, fault: Fault) -> None:
    play.expire()
    play.fault(fault)
    play.recovers()


def pause(play: Play, status: int) -> None:
    play.expire()
    play.fault(faults.answer(status, retry_after=2))
    play.recovers()
    first, second = [request.at for request in play.refreshes][:2]
    require(second - first >= 2, f"The client waited {second - first:.1f} s instead of 2.")


def long_outage(play: Play) -> None:
    """An outage ends in an error, and the client works again after it"""
    play.expire()
    play.fault(faults.answer(503, retry_after=1, times=10_000))
    gives_up(play)


def an_hour(play: Play) -> None:
    """429 with Retry-After: 3600 ends in an error, without another request"""
    play.expire()
    play.fault(faults.answer(429, retry_after=3600, times=10_000))
    gives_up(play)
    require(len(play.refreshes) <= 2, "The client did not wait before it tried again.")


def gives_up(play: Play) -> None:
    began = time.monotonic()
    reply = play.call()
    took = time.monotonic() - began
    require(reply.error == "unavailable", f"The client does not say unavailable: {reply.fields}")
    require(took <= AT_MOST, f"The client gave up after {took:.0f} s.")
    play.server.clear()
    play.recovers()


def slow_site(play: Play) -> None:
    """An answer that takes five seconds"""
    play.expire()
    fault = play.fault(Fault(Kind.HOLD_ANSWER, REFRESH))
    reply = play.client.send("call", method="GET", path="/api/example/", body=None)
    play.reach(fault)
    time.sleep(5)
    fault.release.set()
    reply.result()
    play.recovers()


CASES: list[Case] = [
    conflict,
    too_many,
    unavailable,
    error,
    bad_gateway,
    captive_portal,
    forbidden,
    not_found,
    proxy_401,
    empty,
    long_outage,
    an_hour,
    slow_site,
]
