"""All callers of one store refresh together, and a request is repeated at most once."""

import time
from collections.abc import Sequence

from latchkey_conformance.client import Reply, result
from latchkey_conformance.faults import EXAMPLE, REFRESH, Fault, Kind
from latchkey_conformance.play import Case, Play, require

CALLERS = 24
READING = 2  # seconds in which a client begins the calls that it was sent


def one_refresh(play: Play) -> None:
    """24 calls at the same time need one rotation"""
    for generation in (2, 3):
        play.expire()
        replies = play.calls(CALLERS, play.client)
        all_succeed(replies)
        rotated(play, generation)


def two_processes(play: Play) -> None:
    """Two processes with one store need one rotation"""
    play.needs(store="shared")
    other = play.another()
    for generation in (2, 3):
        play.expire()
        replies = play.calls(CALLERS // 2, play.client, other)
        all_succeed(replies)
        rotated(play, generation)


def refresh_now(play: Play) -> None:
    """A refresh that the program asks for rotates, once for 12 callers"""
    play.needs(call="refresh")
    # A call that begins after the answer to the others rightly rotates again, so hold the answer.
    fault = play.fault(Fault(Kind.HOLD_ANSWER, REFRESH))
    sent = [play.client.send("refresh") for _ in range(CALLERS // 2)]
    play.reach(fault)
    time.sleep(READING)
    fault.release.set()
    for future in sent:
        require(not result(future).error, f"A refresh failed: {result(future).fields}")
    rotated(play, 2)
    play.recovers()


def valid_access_token(play: Play) -> None:
    """An access token that has expired is renewed before it is given to the program"""
    play.needs(call="access_token")
    play.site.access_lifetime = 2
    play.sign_in()
    time.sleep(2.1)
    reply = play.client.ask("access_token")
    require(not reply.error, f"The client gives no token: {reply.fields}")
    require(play.site.accepts(str(reply.fields.get("access"))), "The site refuses the token.")


def no_refresh_without_need(play: Play) -> None:
    """Calls with a valid access token need no refresh"""
    play.site.access_lifetime = 300
    play.sign_in()
    for _ in range(5):
        require(play.call().status == 200, "A call failed.")
    require(not play.refreshes, "The client refreshed although its token was valid.")


def clock_ahead(play: Play) -> None:
    """A site whose clock is an hour ahead causes no refresh"""
    wrong_clock(play, 3600)


def clock_behind(play: Play) -> None:
    """A site whose clock is an hour behind causes no refresh"""
    wrong_clock(play, -3600)


def wrong_clock(play: Play, seconds: float) -> None:
    play.site.skew, play.site.access_lifetime = seconds, 300
    play.sign_in()
    for _ in range(5):
        play.recovers()
    require(len(play.refreshes) <= 1, "The client refreshes by its own clock.")


def write_once(play: Play) -> None:
    """A write with an expired token is sent again once, after a refresh"""
    play.expire()
    reply = play.call("POST", '{"order": 1}')
    require(reply.status == 200, f"The write failed: {reply.fields}")
    require(len(play.site.written) == 1, f"{len(play.site.written)} writes were accepted.")
    require(play.site.written[0] == b'{"order": 1}', "The body of the second request differs.")
    require(len(play.site.seen(EXAMPLE)) <= 2, "The client sent the write more than twice.")


def endless_401(play: Play) -> None:
    """An API that always answers 401 gets a bounded number of requests"""
    body = b'{"detail": "Token is invalid or expired", "code": "token_not_valid"}'
    play.fault(Fault(Kind.ANSWER, EXAMPLE, 1000, 401, {}, body))
    reply = play.call()
    require(reply.status == 401 or reply.error, f"The client invents an answer: {reply.fields}")
    require(len(play.site.seen(EXAMPLE)) <= 5, "The client sent more than 5 requests.")
    require(len(play.refreshes) <= 4, "The client refreshed more than 4 times.")
    play.server.clear()
    play.recovers()


def rotated(play: Play, generation: int) -> None:
    found = play.session.generation
    require(found == generation, f"{found - generation + 1} rotations instead of one.")
    require(not play.session.revoked, f"The session was revoked: {play.session.revoked}.")


def all_succeed(replies: Sequence[Reply]) -> None:
    for reply in replies:
        require(reply.status == 200, f"A call failed: {reply.fields}")


CASES: list[Case] = [
    one_refresh,
    two_processes,
    refresh_now,
    valid_access_token,
    no_refresh_without_need,
    clock_ahead,
    clock_behind,
    write_once,
    endless_401,
]
