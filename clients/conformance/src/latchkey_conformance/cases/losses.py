"""Lost answers and killed clients: the same token comes again with the same key."""

import time

from latchkey_conformance.faults import REFRESH, Fault, Kind
from latchkey_conformance.play import Case, Play, require
from latchkey_conformance.site import KEY


def lost_request(play: Play) -> None:
    """The request is lost"""
    disturb(play, Kind.LOSE_REQUEST)


def lost_answer(play: Play) -> None:
    """The answer is lost"""
    disturb(play, Kind.LOSE_ANSWER)


def half_answer(play: Play) -> None:
    """Half of the answer arrives"""
    disturb(play, Kind.CUT_ANSWER)


def three_lost_answers(play: Play) -> None:
    """Three answers in a row are lost"""
    disturb(play, Kind.LOSE_ANSWER, 3)


def disturb(play: Play, kind: Kind, times: int = 1) -> None:
    for _ in range(2):  # The second time, the spent token is itself a successor.
        play.expire()
        play.fault(Fault(kind, REFRESH, times))
        play.recovers()
    keys_are_good(play)


def lost_for_a_minute(play: Play) -> None:
    """An answer is lost, and the retry comes after a minute"""
    play.expire()
    play.fault(Fault(Kind.LOSE_ANSWER, REFRESH, passes=60))
    play.recovers()


def site_restarts(play: Play) -> None:
    """The site restarts, and refuses connections for two seconds"""
    play.expire()
    play.server.stop()
    reply = play.client.send("call", method="GET", path="/api/example/", body=None)
    time.sleep(2)
    play.server.start()
    reply.result()
    play.recovers()


def same_key_for_one_token(play: Play) -> None:
    """One token has one key at every try, and the next token another one"""
    for _ in range(3):
        play.expire()
        play.fault(Fault(Kind.LOSE_ANSWER, REFRESH, 2))
        play.recovers()
    keys_are_good(play)
    tries = len(play.refreshes)
    require(
        tries >= 6, f"The client tried {tries} times to spend 3 tokens whose answers were lost."
    )


def keys_are_good(play: Play) -> None:
    """Require one key of 16 to 255 characters for each token, and none for two tokens."""
    keys: dict[str, set[str | None]] = {}
    for request in play.refreshes:
        keys.setdefault(request.refresh, set()).add(request.key)
    for token, of_token in keys.items():
        require(len(of_token) == 1, "The client spent one token with several keys.")
        [key] = of_token
        require(key, "The client sent no Idempotency-Key.")
        require(KEY.fullmatch(key or ""), "The site refuses such an Idempotency-Key.")
        require((key or "") not in token, "The Idempotency-Key is a part of the token.")
    used = [key for of_token in keys.values() for key in of_token]
    require(len(used) == len({*used}), "The client spent two tokens with one key.")


def killed_before_the_site(play: Play) -> None:
    """The client is killed while its request is under way"""
    kill(play, Kind.HOLD_REQUEST)


def killed_before_the_answer(play: Play) -> None:
    """The client is killed before the answer arrives"""
    kill(play, Kind.HOLD_ANSWER)


def kill(play: Play, kind: Kind) -> None:
    play.needs(store="persistent")
    for _ in range(2):
        play.expire()
        fault = play.fault(Fault(kind, REFRESH))
        play.client.send("call", method="GET", path="/api/example/", body=None)
        play.reach(fault)
        play.client.kill()
        fault.release.set()
        play.client.start()
        play.recovers()
    keys_are_good(play)


def killed_at_random(play: Play) -> None:
    """The client is killed eight times, each time a little later"""
    play.needs(store="persistent")
    for number in range(8):
        play.expire()
        sent = len(play.refreshes)
        play.client.send("call", method="GET", path="/api/example/", body=None)
        until = time.monotonic() + 5
        while len(play.refreshes) == sent and time.monotonic() < until:
            time.sleep(0.001)
        time.sleep(number * 0.004)
        play.client.kill()
        play.client.start()
        play.recovers()
    keys_are_good(play)


def one_process_is_killed(play: Play) -> None:
    """One of two processes is killed during its refresh"""
    play.needs(store="shared")
    other = play.another()
    play.expire()
    fault = play.fault(Fault(Kind.HOLD_ANSWER, REFRESH))
    play.client.send("call", method="GET", path="/api/example/", body=None)
    play.reach(fault)
    reply = other.send("call", method="GET", path="/api/example/", body=None)
    play.client.kill()
    fault.release.set()
    reply.result()
    play.recovers(other)
    play.client.start()
    play.recovers()
    keys_are_good(play)


LOST: list[Case] = [
    lost_request,
    lost_answer,
    half_answer,
    three_lost_answers,
    lost_for_a_minute,
    site_restarts,
    same_key_for_one_token,
]
KILLED: list[Case] = [
    killed_before_the_site,
    killed_before_the_answer,
    killed_at_random,
    one_process_is_killed,
]
