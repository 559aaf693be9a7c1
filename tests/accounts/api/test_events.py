"""Programs read the caller's own events, the newest first, 50 on each page."""

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from tests.accounts.conftest import Account
from tests.conftest import API, PASSWORD, row
from tests.tokens.oauth.conftest import SITE, OAuth, create_service
from tokens.models import Event, EventKind

pytestmark = pytest.mark.django_db

FIELDS = {
    *("id", "kind", "created_at", "count", "reason", "about"),
    *("session", "device", "ip_address", "by_administrator"),
}


def test_own_events_are_listed_with_these_fields(
    api: API, account: Account, alice: User, bob: User
) -> None:
    api.login(bob)
    phone = api.login(alice, "phone")
    listed = account.get("events/", bearer=phone["access"])
    assert listed.status_code == 200
    assert listed["Cache-Control"] == "no-store"
    assert listed.json()["next"] is None
    [event] = listed.json()["results"]
    assert event.keys() == FIELDS
    assert event["session"] == str(row(phone).sid)
    told = ("kind", "count", "reason", "device", "ip_address", "by_administrator")
    assert [event[name] for name in told] == ["sign_in", 1, "", "phone", "127.0.0.1", False]


def test_pages_have_50_events_and_miss_none(api: API, account: Account, alice: User) -> None:
    now = timezone.now() - timedelta(days=1)
    Event.objects.bulk_create(
        Event(kind=EventKind.SIGN_IN_FAILED, user=alice, created_at=now) for _ in range(120)
    )
    bearer = api.login(alice)["access"]
    path, seen = "events/", []
    for size in (50, 50, 21):
        answer = account.get(path, bearer=bearer).json()
        assert len(answer["results"]) == size
        seen += [event["id"] for event in answer["results"]]
        path = str(answer["next"]).removeprefix("http://testserver/api/account/")
    assert path == "None"
    assert seen == sorted(Event.objects.filter(user=alice).values_list("pk", flat=True))[::-1]


def test_a_page_costs_two_queries(
    api: API,
    account: Account,
    alice: User,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    bearer = api.login(alice)["access"]
    account.get("events/", bearer=bearer)
    with django_assert_max_num_queries(2):
        account.get("events/", bearer=bearer)


@pytest.mark.parametrize("before", ["x", "-1", "9" * 19, "9" * 400, "²", "%00"])
def test_an_impossible_page_is_refused(
    api: API, account: Account, alice: User, before: str
) -> None:
    answer = account.get(f"events/?before={before}", bearer=api.login(alice)["access"])
    assert answer.status_code == 400
    assert answer.json() == {"before": ["This is not the id of an event."]}


def test_events_need_a_signed_in_person(account: Account, alice: User) -> None:
    assert account.get("events/").status_code == 401


def test_a_program_cannot_read_events(account: Account, db: None) -> None:
    service = create_service(audience=SITE)
    answer = OAuth().token(service, grant_type="client_credentials")
    token = answer.json()["access_token"]
    assert account.get("events/", bearer=token).status_code == 403


def test_the_address_of_an_administrator_is_not_told(
    api: API, account: Account, alice: User, bob: User
) -> None:
    phone = api.login(alice)
    Event.objects.create(
        kind=EventKind.NAME_CHANGED,
        user=alice,
        actor=bob,
        ip_address="192.0.2.7",
        created_at=timezone.now(),
    )
    event = account.get("events/", bearer=phone["access"]).json()["results"][0]
    assert (event["ip_address"], event["by_administrator"]) == (None, True)
    assert str(bob.pk) not in str(event)
    assert PASSWORD not in str(event)
