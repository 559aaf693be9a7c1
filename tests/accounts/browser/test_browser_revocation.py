"""A browser is signed out at its next request after its session is revoked."""

from collections.abc import Callable

import pytest
from django.contrib.sessions.models import Session

from accounts.models import User
from tests.accounts.conftest import NEW_HASH, execute_sql
from tests.conftest import API
from tests.support.visits import Browser
from tokens.models import Reason

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.support.visits")]


def by_the_api(api: API, alice: User, sid: str) -> None:
    bearer = api.login(alice)["access"]
    assert api.delete(f"sessions/{sid}/", bearer=bearer).status_code == 204


def by_signing_out_the_others(api: API, alice: User, sid: str) -> None:
    assert api.post("logout/others/", bearer=api.login(alice)["access"]).json() == {"ended": 1}


def by_deactivation(api: API, alice: User, sid: str) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)


def by_deactivation_in_sql(api: API, alice: User, sid: str) -> None:
    execute_sql("UPDATE accounts_user SET is_active = %s WHERE username = 'alice'", False)


def by_another_password(api: API, alice: User, sid: str) -> None:
    User.objects.filter(pk=alice.pk).update(password=NEW_HASH)


def by_another_password_in_sql(api: API, alice: User, sid: str) -> None:
    execute_sql("UPDATE accounts_user SET password = %s WHERE username = 'alice'", NEW_HASH)


def by_another_name_in_sql(api: API, alice: User, sid: str) -> None:
    execute_sql("UPDATE accounts_user SET username = %s WHERE username = 'alice'", "alicia")


def by_deletion(api: API, alice: User, sid: str) -> None:
    User.objects.get(pk=alice.pk).delete()


REVOCATIONS: dict[Callable[[API, User, str], None], Reason] = {
    by_the_api: Reason.LOGOUT,
    by_signing_out_the_others: Reason.LOGOUT_ALL,
    by_deactivation: Reason.DEACTIVATED,
    by_deactivation_in_sql: Reason.DEACTIVATED,
    by_another_password: Reason.CREDENTIALS_CHANGED,
    by_another_password_in_sql: Reason.CREDENTIALS_CHANGED,
    by_another_name_in_sql: Reason.CREDENTIALS_CHANGED,
    by_deletion: Reason.DELETED,
}


@pytest.mark.spec("ASVS 5.0", "7.4.1", "7.4.2", "7.4.3")
@pytest.mark.parametrize(
    ("end", "reason"),
    REVOCATIONS.items(),
    ids=[end.__name__.replace("_", " ") for end in REVOCATIONS],
)
def test_a_revocation_signs_the_browser_out_at_its_next_request(
    api: API, laptop: Browser, alice: User, end: Callable[[API, User, str], None], reason: Reason
) -> None:
    session = laptop.row
    end(api, alice, str(session.sid))
    assert laptop.name == ""
    assert not Session.objects.exists()
    session.refresh_from_db()
    assert session.revoked_reason == reason
