"""A password reset gives the same answer to every request, and its link works once."""

import re
import statistics
import time
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_tasks_db.models import DBTaskResult

from accounts.api.serializers import ResetConfirmSerializer, ResetSerializer
from accounts.models import User
from tests.accounts.conftest import (
    NEW_HASH,
    NEW_PASSWORD,
    Account,
    execute_sql,
    link_in,
    post_office,
    query_of,
)
from tests.conftest import API, HASHED, PASSWORD, Clock, row
from tests.support.racing import race
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db

ADDRESSES = {
    "known": "alice@example.org",
    "known in other case": "ALICE@Example.org",
    "unknown": "nobody@example.org",
    "inactive": "dave@example.org",
    "without a password": "erin@example.org",
}


@pytest.fixture
def people(alice: User) -> None:
    User.objects.create(username="dave", email="dave@example.org", password=HASHED, is_active=False)
    erin = User(username="erin", email="erin@example.org")
    erin.set_unusable_password()
    erin.save()


def link_for(account: Account, user: User) -> dict[str, str]:
    """Request a link and return the parameters of the mailed one."""
    assert account.post("password/reset/", {"email": user.email}).status_code == 202
    (message,) = post_office()
    assert message.to == [user.email]
    return query_of(link_in(message))


def choose(account: Account, link: dict[str, str], new: str = NEW_PASSWORD) -> Any:
    return account.post("password/reset/confirm/", {**link, "new_password": new})


def test_a_reset_verifies_the_address_of_its_user_only(
    account: Account, alice: User, bob: User
) -> None:
    assert choose(account, link_for(account, alice)).status_code == 204
    verified = User.objects.exclude(verified_email="").values_list("username", "verified_email")
    assert [*verified] == [("alice", "alice@example.org")]


@pytest.mark.trap(45)
@pytest.mark.spec("ASVS 5.0", "6.3.8")
@pytest.mark.usefixtures("people", "clock")  # the header Expires differs
def test_a_reset_answers_known_and_unknown_emails_alike(
    account: Account,
) -> None:
    seen = set()
    for address in ADDRESSES.values():
        with CaptureQueriesContext(connection) as queries:
            answer = account.post("password/reset/", {"email": address})
        # Only values differ: ids, times and the address.
        statements = tuple(re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in queries)
        assert "INSERT" in " ".join(statements)
        assert "accounts_user" not in " ".join(statements)
        assert answer.headers.pop("X-Request-ID")  # differs in every answer
        headers = tuple(sorted(answer.headers.items()))
        seen.add((answer.status_code, answer.content, headers, statements))
    ((status, *_),) = seen
    assert status == 202


@pytest.mark.usefixtures("people")
def test_only_the_known_active_user_with_a_password_gets_a_mail(account: Account) -> None:
    for address in ADDRESSES.values():
        account.post("password/reset/", {"email": address})
    assert [message.to for message in post_office()] == [["alice@example.org"]] * 2


@pytest.mark.trap(45)
@pytest.mark.soak
@pytest.mark.spec("ASVS 5.0", "6.3.8")
@pytest.mark.usefixtures("people")
def test_a_reset_takes_the_same_time_for_an_unknown_email(account: Account) -> None:
    took: dict[str, list[float]] = {"known": [], "unknown": []}
    for _ in range(200):
        for kind, times in took.items():
            started = time.process_time()
            account.post("password/reset/", {"email": ADDRESSES[kind]})
            times.append(time.process_time() - started)
    known, unknown = (statistics.median(times) for times in took.values())
    assert abs(known - unknown) < 0.05 * unknown, (known, unknown)


@pytest.mark.spec("ASVS 5.0", "6.4.3", "7.4.3")
def test_a_reset_sets_the_password_and_revokes_every_session(
    api: API, account: Account, alice: User, bob: User
) -> None:
    phone, laptop, other = api.login(alice), api.login(alice), api.login(bob)
    answer = choose(account, link_for(account, alice))
    assert (answer.status_code, answer["Cache-Control"]) == (204, "no-store")
    for old in (phone, laptop):
        assert row(old).revoked_reason == Reason.CREDENTIALS_CHANGED
        assert api.refresh(old["refresh"]).status_code == 401
    api.rotated(other["refresh"])
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)
    assert not DeviceSession.objects.filter(user=alice).active().exists()
    (notice,) = post_office()
    assert (notice.to, notice.subject) == (["alice@example.org"], "Your password was changed")


@pytest.mark.spec("ASVS 5.0", "7.4.2")
def test_a_user_deactivated_during_a_reset_keeps_the_old_password(
    account: Account, alice: User
) -> None:
    """Guards `is_active` in changes._store: the user was active when the link was read."""
    link = link_for(account, alice)

    def deactivate_after_reading(execute: Any, sql: str, *args: Any) -> Any:
        result = execute(sql, *args)
        if sql.startswith("SELECT") and '"accounts_user"."password"' in sql:
            execute_sql("UPDATE accounts_user SET is_active = %s", False)
        return result

    with connection.execute_wrapper(deactivate_after_reading):
        answer = choose(account, link)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_link")
    alice.refresh_from_db()
    assert not alice.is_active
    assert check_password(PASSWORD, alice.password)
    assert post_office() == []


@pytest.mark.spec("ASVS 5.0", "6.5.1")
def test_a_link_works_once(account: Account, alice: User) -> None:
    link = link_for(account, alice)
    assert choose(account, link).status_code == 204
    again = choose(account, link, "ten tall herons")
    assert (again.status_code, again.json()["code"]) == (400, "invalid_link")
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)


@pytest.mark.spec("ASVS 5.0", "2.3.4", "6.4.3")
@pytest.mark.django_db(transaction=True)
def test_one_of_many_simultaneous_callers_sets_the_password(account: Account, alice: User) -> None:
    """Guards the old hash in the WHERE of `swap_password_hash`."""
    link = link_for(account, alice)
    callers = [partial(choose, account, link, f"{number} tall herons") for number in range(4)]
    codes = [answer.status_code for answer in race(*callers)]
    assert sorted(codes) == [204, 400, 400, 400]
    alice.refresh_from_db()
    assert alice.check_password(f"{codes.index(204)} tall herons")
    assert len(post_office()) == 1


def change_the_password(api: API, alice: User) -> None:
    execute_sql("UPDATE accounts_user SET password = %s WHERE username = 'alice'", NEW_HASH)


def change_the_address(api: API, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(email="other@example.org")


def deactivate(api: API, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)


def delete(api: API, alice: User) -> None:
    alice.delete()


@pytest.mark.parametrize("event", [change_the_password, change_the_address, deactivate, delete])
def test_a_link_is_invalid_after_the_account_has_changed(
    api: API, account: Account, alice: User, event: Any
) -> None:
    link = link_for(account, alice)
    event(api, alice)
    before = list(User.objects.values())
    assert account.client.get("/accounts/password/choose/", link).status_code == 400
    assert choose(account, link).json()["code"] == "invalid_link"
    assert list(User.objects.values()) == before


@pytest.mark.spec("ASVS 5.0", "6.5.5")
def test_a_link_expires(account: Account, alice: User, clock: Clock) -> None:
    link = link_for(account, alice)
    clock.forward(days=1, seconds=1)
    assert choose(account, link).json()["code"] == "invalid_link"


def test_a_weak_password_does_not_use_the_link(account: Account, alice: User) -> None:
    link = link_for(account, alice)
    refused = choose(account, link, "alice")
    assert refused.status_code == 400
    assert refused.json()["new_password"]
    assert choose(account, link).status_code == 204


def test_a_link_does_not_work_for_another_user(account: Account, alice: User, bob: User) -> None:
    link = {**link_for(account, alice), "uid": link_for(account, bob)["uid"]}
    assert choose(account, link).json()["code"] == "invalid_link"
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


@pytest.mark.parametrize("uid", ["", "x", "é", "////", "AAAA", "Zg" * 50, "a" * 10_000, None, 7])
@pytest.mark.parametrize("token", ["x", "a-b", "é-é", "-", "zzzzzzzzzzzzzz-" + "0" * 32, [], None])
def test_a_malformed_link_is_400(account: Account, alice: User, uid: Any, token: Any) -> None:
    link = link_for(account, alice)
    for garbled in ({"uid": uid}, {"token": token}):
        assert choose(account, {**link, **garbled}).status_code == 400
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


@pytest.mark.parametrize(
    "body",
    [{}, [], {"email": None}, {"email": "alice"}, {"email": ["a@b.example"]}, {"email": "a\0@b.c"}],
    ids=str,
)
def test_an_invalid_email_is_400_and_not_queued(account: Account, db: None, body: Any) -> None:
    assert account.post("password/reset/", body).status_code == 400
    assert not DBTaskResult.objects.exists()


@pytest.mark.spec("ASVS 5.0", "3.2.1")
def test_the_link_ignores_the_host_header(account: Account, alice: User) -> None:
    account.client.post(
        "/api/account/password/reset/",
        {"email": alice.email},
        content_type="application/json",
        headers={"Host": "127.0.0.1", "X-Forwarded-Host": "evil.example"},
    )
    (message,) = post_office()
    assert link_in(message).startswith("http://localhost:8000/accounts/password/choose/?uid=")


def test_opening_the_link_page_does_not_set_the_password(
    api: API, account: Account, alice: User
) -> None:
    phone = api.login(alice)
    account.post("password/reset/", {"email": alice.email})
    link = link_in(post_office()[0])
    browser = Client(enforce_csrf_checks=True)
    for _ in range(2):
        page = browser.get(link)
        assert page.status_code == 200
        assert "no-store" in page["Cache-Control"]
        assert page["Referrer-Policy"] == "same-origin"
    assert row(phone).revoked_at is None
    form = {**query_of(link), "csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
    address = "/accounts/password/choose/"
    assert browser.post(address, query_of(link)).status_code == 403
    weak = browser.post(address, {**form, "new_password": "alice"})
    assert "too short" in weak.content.decode()
    done = browser.post(address, {**form, "new_password": NEW_PASSWORD}, follow=True)
    assert "Your password is set" in done.content.decode()
    assert row(phone).revoked_reason == Reason.CREDENTIALS_CHANGED
    assert browser.get(link).status_code == 400
    assert browser.post(address, {**form, "new_password": NEW_PASSWORD}).status_code == 400
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)


@pytest.mark.spec("ASVS 5.0", "6.4.2")
def test_a_reset_uses_no_hint_and_no_secret_question() -> None:
    asked = [set(ResetSerializer().fields), set(ResetConfirmSerializer().fields)]
    assert asked == [{"email"}, {"uid", "token", "new_password"}]
