"""Sign-outs: nothing works afterwards, and nothing is stored afterwards."""

import time

from latchkey_conformance.faults import LOGIN, REFRESH, Fault, Kind
from latchkey_conformance.play import Case, Play, require
from latchkey_conformance.site import USERNAME


def sign_out(play: Play) -> None:
    """After a sign-out, no call succeeds and the session has ended"""
    reply = play.client.ask("sign_out")
    require(not reply.error, f"The sign-out failed: {reply.fields}")
    require(play.session.revoked == "logout", "The session continues at the site.")
    no_token_is_left(play)


def sign_out_survives(play: Play) -> None:
    """A sign-out survives a restart of the client"""
    play.needs(store="persistent")
    play.client.ask("sign_out")
    play.client.kill()
    play.client.start()
    no_token_is_left(play)


def sign_out_is_seen(play: Play) -> None:
    """A sign-out in one process is seen by another one"""
    play.needs(store="shared")
    other = play.another()
    play.recovers(other)
    play.client.ask("sign_out")
    sent = tokens_sent(play)
    play.is_signed_out(other)
    require(tokens_sent(play) == sent, "The other process has a token after the sign-out.")


def nothing_is_stored(play: Play) -> None:
    """After a sign-out, the store contains no token"""
    play.needs(call="stored")
    play.expire()
    play.recovers()
    token = play.session.current
    require(token in stored(play), "The case finds no token in the store before the sign-out.")
    play.client.ask("sign_out")
    require("eyJ" not in stored(play), "The store still contains a token.")


def stored(play: Play) -> str:
    return str(play.client.ask("stored").fields.get("text", ""))


def sign_out_during_a_refresh(play: Play) -> None:
    """A sign-out during a refresh is final, although its answer comes later"""
    play.expire()
    fault = play.fault(Fault(Kind.HOLD_ANSWER, REFRESH))
    call = play.client.send("call", method="GET", path="/api/example/", body=None)
    play.reach(fault)
    sign_out = play.client.send("sign_out")
    time.sleep(1)
    fault.release.set()
    call.result()
    require(not sign_out.result().error, "The sign-out failed.")
    require(play.session.revoked == "logout", "The session continues at the site.")
    no_token_is_left(play)


def no_token_is_left(play: Play) -> None:
    """Require that the client says that it is signed out, and sends no token any longer."""
    sent = tokens_sent(play)
    play.is_signed_out()
    require(tokens_sent(play) == sent, "The client has a token after the sign-out.")


def tokens_sent(play: Play) -> int:
    sent = [*play.site.requests]
    return sum(bool("authorization" in request.headers or request.refresh) for request in sent)


def ended_session(play: Play) -> None:
    """A session that was ended in the list of devices is reported once as signed out"""
    play.expire()
    play.session.revoked = "admin"
    play.is_signed_out()
    sent = len(play.refreshes)
    require(sent == 1, f"The client sent {sent} refreshes instead of one.")
    play.is_signed_out()
    require(len(play.refreshes) == sent, "The client sends a token that was refused.")


def new_sign_in(play: Play) -> None:
    """After the session has ended, a new sign-in works"""
    play.session.revoked = "admin"
    play.is_signed_out()
    play.sign_in()
    play.recovers()
    play.expire()
    play.recovers()


def wrong_password(play: Play) -> None:
    """A wrong password is refused, and the stored session continues"""
    reply = play.client.ask("sign_in", username=USERNAME, password="wrong")  # noqa: S106  (no secret)
    require(reply.error == "refused", f"The client does not say refused: {reply.fields}")
    play.recovers()
    require(len(play.site.seen(LOGIN)) == 2, "The client sent a refused password again.")


CASES: list[Case] = [
    sign_out,
    sign_out_survives,
    sign_out_is_seen,
    nothing_is_stored,
    sign_out_during_a_refresh,
    ended_session,
    new_sign_in,
    wrong_password,
]
