"""A key of an earlier app is exchanged once, for one session of its active user.

Here the table of the keys is that of blacklisted tokens. tests/tokens/api/test_exchange.py has the
real apps.
"""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.utils import timezone

import tokens.urls  # noqa: F401  (the URLs depend on the sources that are installed)
from accounts.models import User
from tests.conftest import API
from tests.support.racing import race
from tokens.errors import Refusal, TokenRefusedError
from tokens.models import BlacklistedToken, DeviceSession
from tokens.sessions import old_keys
from tokens.sessions.lifecycle import Device, open_session
from tokens.sessions.old_keys import Source, exchange

KEY = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b"
CALLERS = 8


def digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()


@pytest.fixture(autouse=True)
def sources(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Source("tokens.BlacklistedToken", "jti", f"{__name__}.digest", "expires_at")
    unused = Source("missing.Token", "key")
    monkeypatch.setattr(old_keys, "SOURCES", {"missing": unused, "tokens": table})


def create_key(user: User, lifetime: timedelta = timedelta(days=1), key: str = KEY) -> None:
    expires_at = timezone.now() + lifetime
    BlacklistedToken.objects.create(jti=digest(key), user=user, expires_at=expires_at)


def refusal(key: str) -> Refusal:
    with pytest.raises(TokenRefusedError) as refused:
        exchange(key, Device())
    return refused.value.reason


def test_a_key_is_exchanged_once(alice: User) -> None:
    create_key(alice)
    pair = exchange(KEY, Device(label="phone"))
    assert (pair.session.user, pair.session.device) == (alice, "phone")
    assert pair.access.sub == str(alice.pk)
    assert not BlacklistedToken.objects.exists()
    assert refusal(KEY) is Refusal.MALFORMED
    assert DeviceSession.objects.count() == 1


@pytest.mark.parametrize("key", ["", "0" * 40, KEY.upper(), f" {KEY}", digest(KEY), "k\0y"])
def test_another_text_is_refused(alice: User, key: str) -> None:
    create_key(alice)
    assert refusal(key) is Refusal.MALFORMED
    assert BlacklistedToken.objects.exists()


def test_an_expired_key_is_refused(alice: User) -> None:
    create_key(alice, timedelta(seconds=-1))
    assert refusal(KEY) is Refusal.MALFORMED


def test_the_key_of_an_inactive_user_stays(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    create_key(alice)
    assert refusal(KEY) is Refusal.INACTIVE_USER
    assert BlacklistedToken.objects.exists()
    assert not DeviceSession.objects.exists()


def test_a_failed_sign_in_keeps_the_key(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    create_key(alice)

    def fail(*args: Any) -> None:
        open_session(*args)
        raise RuntimeError

    monkeypatch.setattr(old_keys, "open_session", fail)
    with pytest.raises(RuntimeError):
        exchange(KEY, Device())
    assert BlacklistedToken.objects.exists()
    assert not DeviceSession.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_several_callers_one_receives_a_session(alice: User) -> None:
    for round_number in range(5):
        key = f"{KEY}{round_number}"
        create_key(alice, key=key)

        def spend(key: str = key) -> bool:
            try:
                exchange(key, Device())
            except TokenRefusedError:
                return False
            return True

        assert race(*[spend] * CALLERS).count(True) == 1
        assert DeviceSession.objects.count() == round_number + 1


def test_without_an_earlier_app_there_is_no_endpoint(
    api: API, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(old_keys, "SOURCES", {"missing": Source("missing.Token", "key")})
    assert [*old_keys.sources()] == []
    assert refusal(KEY) is Refusal.MALFORMED
    assert api.post("exchange/", {"key": KEY}).status_code == 404
