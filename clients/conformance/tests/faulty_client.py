"""The Python client with one fault, which the first argument names. The program must find it."""

import secrets
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import latchkey_client.client
import latchkey_client.renewal
from latchkey_client import FileStore
from latchkey_client.core import Answer, Ended, Renewed
from latchkey_client.state import Lifetime, State, read_claims
from latchkey_client.transport import Limit

sys.path.append(str(Path(__file__).parents[1] / "drivers"))

client: Any = latchkey_client.client
renewal: Any = latchkey_client.renewal


def patch(owner: Any, **replaced: Any) -> None:
    for name, value in replaced.items():
        setattr(owner, name, value)


def another_key_at_each_try() -> None:
    patch(State, idempotency_key=property(lambda state: secrets.token_hex(32)))


def no_key() -> None:
    request = renewal.refresh_request
    patch(renewal, refresh_request=lambda state: replace(request(state), headers={}))


def one_key_for_all() -> None:
    patch(State, idempotency_key=property(lambda state: state.secret))


def the_secret_is_not_stored() -> None:
    own, parse = secrets.token_hex(32), State.parse
    patch(State, parse=staticmethod(lambda text: replace(parse(text), secret=own)))


def ends(when: Callable[[Answer | None, Any], bool]) -> Callable[[], None]:
    """Return the fault that the client counts such an answer, or its verdict, as signed out."""

    def fault() -> None:
        judge = renewal.judge_refresh

        def judge_refresh(state: State, answer: Answer | None, requested_at: float) -> Any:
            verdict = judge(state, answer, requested_at)
            return Ended() if when(answer, verdict) else verdict

        patch(renewal, judge_refresh=judge_refresh)

    return fault


def ended_by(status: int) -> Callable[[], None]:
    return ends(lambda answer, _verdict: answer is not None and answer.status == status)


def is_unreadable(answer: Answer | None, verdict: Any) -> bool:
    return answer is not None and answer.status == 200 and not isinstance(verdict, Renewed)


def no_pause() -> None:
    patch(Limit, wait=lambda limit, retry: None)


def answers_are_stored_after_a_sign_out() -> None:
    swap = FileStore.swap
    patch(FileStore, swap=lambda store, _expected, new: swap(store, store.read(), new))


def a_sign_out_keeps_the_token() -> None:
    patch(client, remove=lambda store, site, sid: None)


def a_sign_out_is_not_sent() -> None:
    exchange = client.Client._exchange

    def without_logout(self: Any, request: Any, **more: Any) -> Any:
        is_logout = request.path == "/api/auth/logout/"
        return Answer(204) if is_logout else exchange(self, request, **more)

    patch(client.Client, _exchange=without_logout)


def the_local_clock_decides() -> None:
    patch(Lifetime, remaining=lambda lifetime: 0)


def the_claim_exp_decides() -> None:
    from_pair = State.from_pair

    def by_claim(site: str, pair: Any, requested_at: float, secret: str = "") -> State:
        state = from_pair(site, pair, requested_at, secret)
        expires_in = read_claims(state.access)["exp"] - requested_at
        return replace(state, lifetime=Lifetime(requested_at, expires_in))

    patch(State, from_pair=staticmethod(by_claim))


def calls_are_not_repeated() -> None:
    patch(client.Client, may_replace=lambda *_arguments: False)


def a_refused_token_comes_again() -> None:
    swap = FileStore.swap
    patch(FileStore, swap=lambda store, old, new: new is None or swap(store, old, new))


FAULTS: dict[str, Callable[[], None]] = {
    "401 without a code": ended_by(401),
    "403": ended_by(403),
    "409": ended_by(409),
    "429": ended_by(429),
    "503": ended_by(503),
    "502": ended_by(502),
    "a_lost_answer_ends_the_session": ends(lambda answer, _verdict: answer is None),
    "an_unreadable_answer_ends_the_session": ends(is_unreadable),
    **{
        fault.__name__: fault
        for fault in (
            another_key_at_each_try,
            no_key,
            one_key_for_all,
            the_secret_is_not_stored,
            no_pause,
            answers_are_stored_after_a_sign_out,
            a_sign_out_keeps_the_token,
            a_sign_out_is_not_sent,
            the_local_clock_decides,
            a_refused_token_comes_again,
            calls_are_not_repeated,
            the_claim_exp_decides,
        )
    },
}

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    import python_client  # noqa: F401  (it serves the calls)
