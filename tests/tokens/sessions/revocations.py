"""The ways in which sessions are revoked, and what each leaves in the row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from django.db.models import QuerySet

from accounts.models import User
from tests.conftest import HASHED, PASSWORD, row
from tests.support.racing import (
    Outcome,
    is_accepted,
    refresh,
    retry_key,
)
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import revoke_sessions, sign_out

postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="only PostgreSQL lets callers wait for one row"
)
few_and_many_rounds = pytest.mark.parametrize(
    "rounds", [pytest.param(2, id="few"), pytest.param(30, id="many", marks=pytest.mark.soak)]
)
keyed_or_not = pytest.mark.parametrize("key", [None, retry_key(1)], ids=["no key", "one key"])
OLD_HASH = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000)
OTHER_HASH = "!another password"


def person(name: str, password: str = HASHED) -> User:
    return User.objects.create(username=name, password=password)


def session_of(answer: Outcome) -> DeviceSession:
    return DeviceSession.objects.get(sid=answer.session)


def change_in_sql(user: User, **values: Any) -> None:
    """Change the user as raw SQL does: no code of the site runs."""
    QuerySet(User).filter(pk=user.pk).update(**values)


def save_with(user: User, **values: Any) -> None:
    user = User.objects.get(pk=user.pk)
    for name, value in values.items():
        setattr(user, name, value)
    user.save()


def update_with(user: User, **values: Any) -> None:
    User.objects.filter(pk=user.pk).update(**values)


def sign_out_all(tokens: list[str]) -> None:
    for raw in tokens:
        sign_out(raw)


@dataclass(frozen=True)
class Revocation:
    """A change that revokes sessions, now or at the next refresh, and the reason in their rows."""

    end: Callable[[User, list[str]], object]
    reason: Reason
    immediate: bool = True

    def assert_revoked(self, answer: Outcome) -> None:
        if self.immediate:
            assert session_of(answer).revoked_reason == self.reason
        assert_refused(answer, self.reason)


def changed(how: Callable[..., None], reason: Reason, **values: Any) -> Revocation:
    return Revocation(
        lambda user, _: how(user, **values), reason, immediate=how is not change_in_sql
    )


BY_RAW_SQL = {
    "deactivation by raw SQL": changed(change_in_sql, Reason.DEACTIVATED, is_active=False),
    "password by raw SQL": changed(change_in_sql, Reason.CREDENTIALS_CHANGED, password=OTHER_HASH),
    "user name by raw SQL": changed(change_in_sql, Reason.CREDENTIALS_CHANGED, username="alicia"),
}
CHANGES = {
    "deletion": Revocation(lambda user, _: User.objects.get(pk=user.pk).delete(), Reason.DELETED),
    "deletion by queryset": Revocation(
        lambda user, _: User.objects.filter(pk=user.pk).delete(), Reason.DELETED
    ),
    "deactivation": changed(save_with, Reason.DEACTIVATED, is_active=False),
    "deactivation by queryset": changed(update_with, Reason.DEACTIVATED, is_active=False),
    "password": changed(save_with, Reason.CREDENTIALS_CHANGED, password=OTHER_HASH),
    "password by queryset": changed(update_with, Reason.CREDENTIALS_CHANGED, password=OTHER_HASH),
    "user name": changed(save_with, Reason.CREDENTIALS_CHANGED, username="alicia"),
    "user name by queryset": changed(update_with, Reason.CREDENTIALS_CHANGED, username="alicia"),
}
SIGN_OUTS = {
    "logout": Revocation(lambda _, tokens: sign_out_all(tokens), Reason.LOGOUT),
    "logout everywhere": Revocation(
        lambda user, _: revoke_sessions([user.pk], Reason.LOGOUT_ALL), Reason.LOGOUT_ALL
    ),
    "an administrator": Revocation(
        lambda user, _: DeviceSession.objects.filter(user=user).revoke(Reason.ADMIN), Reason.ADMIN
    ),
}


def revocations(*named: dict[str, Revocation]) -> pytest.MarkDecorator:
    params = [pytest.param(value, id=name) for group in named for name, value in group.items()]
    return pytest.mark.parametrize("revocation", params)


every_revocation = revocations(SIGN_OUTS, CHANGES, BY_RAW_SQL)
every_change = revocations(CHANGES, BY_RAW_SQL)


def assert_refused(answer: Outcome, reason: Reason) -> None:
    """Check that both tokens of the pair are refused, and that the row has the reason."""
    assert refresh(answer.refresh).status == 401
    assert not is_accepted(answer.access)
    assert session_of(answer).revoked_reason == reason


def is_revoked(pair: dict[str, Any], reason: str) -> bool:
    session = row(pair)
    return session.revoked_at is not None and session.revoked_reason == reason
