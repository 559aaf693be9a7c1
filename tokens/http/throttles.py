"""Limit how often something may be tried: by account, by address, by both, or by session.

Every try is counted before it is examined, in one atomic step, and a success resets nothing. The
counters are in Redis if several processes share them, otherwise in this process. While Redis fails
or does not answer, each process counts separately, because refusing every request would be worse.
"""

import hashlib
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, TypeAlias
from uuid import UUID

import structlog
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from rest_framework.exceptions import Throttled

from tokens.conf import conf
from tokens.http.counters import CircuitBreaker, ProcessStorage, StoreUnavailableError
from tokens.models import DeviceSession
from tokens.models.users import find_by_login, fold_login
from tokens.sessions.networks import client_network
from tokens.signals import throttle_storage_failed

#: The number of an account's latest sessions whose networks count as the owner's.
MAX_RECENT_SESSIONS = 1000
CounterQuery: TypeAlias = Callable[[FixedWindowRateLimiter, RateLimitItem, str, str], int]
log = structlog.stdlib.get_logger("latchkey.throttles")
#: The counters of this process. Created here, so that two first callers cannot create two.
LOCAL_COUNTERS = FixedWindowRateLimiter(ProcessStorage())


def count(name: str, *who: str | None) -> None:
    """Count one try of `name` by these; raise Throttled, with the seconds to wait, if too many.

    TOKENS["THROTTLES"] has the limit of `name`; without an entry there, `name` is not limited.
    """
    wait = _count(name, *who)
    if wait:
        raise Throttled(wait)


def allows(name: str, *who: str | None) -> bool:
    """Count one try of `name` by these and return whether it is not too many."""
    return not _count(name, *who)


def is_exhausted(name: str, *who: str | None) -> bool:
    """Return whether the next try of `name` by these would be too many; it is not counted."""
    return bool(_query(_look, name, *who))


def count_sign_in(account: str, address: str | None) -> None:
    """Count one sign-in; raise Throttled if it is too many for the address, the account or both.

    The account is the text that the user typed, and no user is looked up. If the user name and the
    e-mail address were counted together, the refusal would tell a stranger that they belong to one
    account. Guessing from many addresses closes the account to other networks only: sign-ins from
    the network of one of its sessions still succeed, so that a guesser cannot lock the owner out.
    """
    name = fold_login(account)
    network = client_network(address)
    count("login_address", network)
    count("login_pair", name, network)
    wait = _count("login_account", name)
    if wait and not _is_known_network(find_by_login(account), network):
        raise Throttled(wait)


def count_current_password(user: Any, session: UUID, address: str | None) -> None:
    """Count one try of the current password; raise Throttled if it is one too many.

    Tries are counted by session: a thief uses up those of the stolen session and no others. All
    sessions of the account are counted together too, against a thief of several, but that limit
    does not apply at an address where the account has signed in, so that a thief cannot keep the
    owner from changing the password. `user` is a primary key.
    """
    count("current_password", str(user), str(session))
    wait = _count("current_password_account", str(user))
    if wait and not _is_known_network([user], client_network(address)):
        raise Throttled(wait)


def _is_known_network(users: Iterable[Any], network: str) -> bool:
    """Return whether one of the users' last sessions began at this address: at most one query."""
    sessions = DeviceSession.objects.filter(user__in=users).order_by("-pk")
    addresses = set(sessions.values_list("ip_address", flat=True)[:MAX_RECENT_SESSIONS])
    return any(client_network(address) == network for address in addresses)


def _count(name: str, *who: str | None) -> int:
    """Count one try and return how many seconds to wait, 0 if it is allowed."""
    return _query(_hit, name, *who)


def _query(question: CounterQuery, name: str, *who: str | None) -> int:
    """Return the answer of the counters, or 0 if `name` is not limited."""
    have = conf()
    rate = have.THROTTLES.get(name)
    if rate is None:
        return 0
    limit = _limit(rate)
    # Names of accounts are personal data, so memory and Redis contain only their hashes.
    who_ = hashlib.sha256("\0".join(part or "" for part in who).encode()).hexdigest()
    if have.THROTTLE_STORAGE:
        shared, breaker = _shared(have.THROTTLE_STORAGE)
        try:
            return breaker.call(question, shared, limit, name, who_)
        except StoreUnavailableError as error:
            throttle_storage_failed.send_robust(None)
            if not _hit(LOCAL_COUNTERS, _limit("1 per minute"), "throttle_storage_unavailable", ""):
                log.warning("throttle_storage_unavailable", reason=str(error))
    return question(LOCAL_COUNTERS, limit, name, who_)


def _hit(limiter: FixedWindowRateLimiter, limit: RateLimitItem, name: str, who: str) -> int:
    if limiter.hit(limit, name, who):
        return 0
    reset_at = limiter.get_window_stats(limit, name, who).reset_time
    return max(1, int(reset_at - time.time()) + 1)


def _look(limiter: FixedWindowRateLimiter, limit: RateLimitItem, name: str, who: str) -> int:
    return 0 if limiter.test(limit, name, who) else 1


@lru_cache(maxsize=64)
def _limit(rate: str) -> RateLimitItem:
    return parse(rate)


@lru_cache(maxsize=4)
def _shared(storage: str) -> tuple[FixedWindowRateLimiter, CircuitBreaker]:
    timeouts = {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}
    counters = storage_from_string(storage, wrap_exceptions=True, **timeouts)
    return FixedWindowRateLimiter(counters), CircuitBreaker()
