"""People delete their own account, with their password."""

from functools import partial

import pytest
from django.db import connection

from accounts import changes
from accounts.errors import WrongPasswordError
from accounts.models import User
from tests.accounts.conftest import NEW_HASH, Account, execute_sql, post_office
from tests.conftest import API, PASSWORD, row
from tests.support.racing import queue
from tokens.models import Reason

pytestmark = pytest.mark.django_db


@pytest.mark.spec("ASVS 5.0", "7.4.2")
def test_deleting_an_account_revokes_every_session(
    api: API, account: Account, alice: User, bob: User
) -> None:
    phone, laptop, other = api.login(alice), api.login(alice), api.login(bob)
    answer = account.delete({"current_password": PASSWORD}, bearer=phone["access"])
    assert (answer.status_code, answer["Cache-Control"]) == (204, "no-store")
    assert list(User.objects.all()) == [bob]
    for pair in (phone, laptop):
        assert (row(pair).user_id, row(pair).revoked_reason) == (None, Reason.DELETED)
        assert api.refresh(pair["refresh"]).status_code == 401
        assert account.get(bearer=pair["access"]).status_code == 401
    api.rotated(other["refresh"])
    (farewell,) = post_office()
    assert (farewell.to, farewell.subject) == (["alice@example.org"], "Your account was deleted")


@pytest.mark.parametrize("body", [{"current_password": "wrong"}, {"current_password": ""}, {}, []])
def test_deleting_needs_the_current_password(
    api: API, account: Account, alice: User, body: dict[str, str]
) -> None:
    phone = api.login(alice)
    assert account.delete(body, bearer=phone["access"]).status_code == 400
    assert User.objects.filter(pk=alice.pk).exists()
    api.rotated(phone["refresh"])
    assert post_office() == []


def test_a_password_changed_after_verification_deletes_nothing(alice: User) -> None:
    verified = User.objects.get(pk=alice.pk)
    execute_sql("UPDATE accounts_user SET password = %s WHERE username = 'alice'", NEW_HASH)
    with pytest.raises(WrongPasswordError):
        changes.delete_account(verified, current=PASSWORD)
    assert User.objects.filter(pk=alice.pk).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such locks")
def test_a_deletion_that_waits_for_a_new_password_is_refused(alice: User) -> None:
    """Guards the lock in changes.delete_account: the check waits for the password change."""
    verified = User.objects.get(pk=alice.pk)
    with queue() as line_up:
        User.objects.filter(pk=alice.pk).update(password=NEW_HASH)
        late = line_up(partial(changes.delete_account, verified, current=PASSWORD))
    with pytest.raises(WrongPasswordError):
        late.result()
    assert User.objects.get() == alice
    assert post_office() == []


def test_deleting_an_account_without_email_sends_no_mail(
    api: API, account: Account, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(email="")
    bearer = api.login(alice)["access"]
    assert account.delete({"current_password": PASSWORD}, bearer=bearer).status_code == 204
    assert post_office() == []


def test_queued_mails_of_a_deleted_account_are_not_sent(
    api: API, account: Account, alice: User
) -> None:
    phone = api.login(alice)
    account.post("password/reset/", {"email": alice.email})
    body = {"email": "alice@example.net", "current_password": PASSWORD}
    account.patch(body, bearer=phone["access"])
    account.change_password(phone["access"], PASSWORD)
    User.objects.filter(pk=alice.pk).delete()
    assert post_office() == []
