"""A thief of one of the client's refresh tokens is detected (RFC 9700, section 4.14.2)."""

from latchkey_conformance.play import Case, Play, require
from latchkey_conformance.rotation import GRACE_PERIOD

KEYS = (None, "a key that the thief has made up")


def thief_first(play: Play) -> None:
    """A thief who refreshes first loses the session within two refreshes of the client"""
    loot = play.steal(play.session.current)
    require(loot, "The case is wrong: the thief received nothing.")
    refreshes_of_the_client(play)
    require(play.session.revoked == "reuse", "The session continues for the thief.")
    require(not play.steal(loot), "The thief receives another token.")
    play.is_signed_out()


def thief_second(play: Play) -> None:
    """A thief who refreshes second receives nothing"""
    for key in KEYS:
        token = play.session.current
        play.expire()
        play.recovers()
        require(not play.steal(token, key), "The thief receives the client's successor.")
    token = play.session.current
    play.expire()
    play.recovers()
    play.site.skew += GRACE_PERIOD + 1
    require(not play.steal(token), "The thief receives the client's successor.")
    require(play.session.revoked == "reuse", "The thief was not noticed.")
    play.is_signed_out()


def thief_in_step(play: Play) -> None:
    """A thief who follows each refresh of the client receives nothing, five times"""
    for _ in range(5):
        token = play.session.current
        play.expire()
        play.recovers()
        require(not play.steal(token), "The thief receives the client's successor.")


def refreshes_of_the_client(play: Play) -> None:
    """Let the client refresh twice, with more than the grace period between the two."""
    for _ in range(2):
        play.expire()
        play.call()
        if play.session.revoked:
            return
        play.site.skew += GRACE_PERIOD + 1


CASES: list[Case] = [thief_first, thief_second, thief_in_step]
