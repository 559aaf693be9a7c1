"""When an account is deleted, its events lose the person and keep kind and day."""

from datetime import UTC, datetime

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import User
from tests.accounts.conftest import AdminPages
from tests.conftest import API, PASSWORD, Clock
from tests.support.staff import USERS
from tests.tokens.events.conftest import kinds, only
from tokens.models import Event, EventKind

pytestmark = pytest.mark.django_db(transaction=True)

PERSONAL = ("user_id", "actor_id", "sid", "ip_address", "device_mark", "flood_key")


def assert_erased(events: list[Event]) -> None:
    for event in events:
        assert {name: getattr(event, name) for name in PERSONAL} == dict.fromkeys(PERSONAL)
        assert event.device == event.about == ""
        at = event.created_at
        assert (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0)


def test_events_of_a_deleted_account_keep_kind_and_day(
    api: API, alice: User, bob: User, clock: Clock
) -> None:
    phone = api.login(alice, "phone")
    api.post("login/", {"username": "alice", "password": "eight wet otters"})
    api.login(bob, "laptop")
    User.objects.filter(pk=alice.pk).update(first_name="Alice")
    today = datetime.now(UTC).date()
    body, bearer = {"current_password": PASSWORD}, {"Authorization": f"Bearer {phone['access']}"}
    path, kind = "/api/account/me/", "application/json"
    answer = api.client.delete(path, body, content_type=kind, headers=bearer)
    assert answer.status_code == 204
    hers = [*Event.objects.filter(user=None).exclude(kind__in=["account_deleted"])]
    erased = [event for event in hers if not event.kind.startswith("signing_key")]
    assert sorted(event.kind for event in erased) == [
        "name_changed",
        "session_ended",
        "sign_in",
        "sign_in_failed",
    ]
    assert_erased(erased)
    assert {event.created_at.date() for event in erased} == {today}
    assert {event.reason for event in erased} == {"", "deleted"}
    deletion = only(EventKind.DELETED)
    assert (deletion.user_id, deletion.actor_id, deletion.ip_address) == (None, None, None)
    assert Event.objects.get(user=bob).device == "laptop"


def test_a_deletion_by_an_administrator_names_the_administrator(
    admin: AdminPages, alice: User
) -> None:
    answer = admin.client.post(f"{USERS}{alice.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    deletion = only(EventKind.DELETED)
    assert (deletion.user_id, deletion.actor) == (None, admin.carol)
    assert not Event.objects.filter(user=alice.pk).exists()


def test_events_by_a_deleted_administrator_lose_the_name(admin: AdminPages, alice: User) -> None:
    admin.change(alice, first_name="Alice")
    event = only(EventKind.NAME_CHANGED)
    assert (event.actor, event.ip_address) == (admin.carol, "127.0.0.1")
    admin.carol.delete()
    event.refresh_from_db()
    assert (event.user, event.actor_id, event.ip_address) == (alice, None, None)


def test_several_deleted_users_are_all_erased(api: API, alice: User, bob: User) -> None:
    for user in (alice, bob):
        api.login(user)
    User.objects.all().delete()
    erased = Event.objects.exclude(kind__in=["account_deleted", "signing_key_published"])
    assert erased.count() == 4
    assert_erased([*erased])
    assert kinds().count("account_deleted") >= 1


def test_an_undone_deletion_keeps_the_events(api: API, alice: User) -> None:
    api.login(alice, "phone")
    with transaction.atomic():
        alice.delete()
        transaction.set_rollback(True)
    assert Event.objects.get(kind=EventKind.SIGN_IN).user_id is not None
    assert EventKind.DELETED not in kinds()


def test_the_session_of_the_browser_leaves_no_event_of_the_user(
    client: Client, alice: User
) -> None:
    client.force_login(alice)
    client.post("/accounts/delete/", {"current_password": PASSWORD})
    assert not User.objects.exists()
    assert not Event.objects.exclude(user=None).exists()
