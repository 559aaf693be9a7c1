"""`purgetokens` deletes events that are older than EVENTS_KEPT, in slices."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from tests.conftest import Clock
from tokens.models import Event
from tokens.sessions.purge import expired_rows, purge_cutoff

pytestmark = pytest.mark.django_db(transaction=True)


def test_events_are_deleted_after_a_year_in_slices(alice: User, clock: Clock) -> None:
    def add(count: int) -> None:
        now = timezone.now()
        rows = (Event(kind="sign_in", user=alice, created_at=now) for _ in range(count))
        Event.objects.bulk_create(rows)

    add(5)
    clock.forward(days=364, hours=23)
    add(2)
    printed = StringIO()
    call_command("purgetokens", stdout=printed)
    assert Event.objects.filter(kind="sign_in").count() == 7
    clock.forward(hours=2)
    with CaptureQueriesContext(connection) as captured:
        call_command("purgetokens", "--slice=2", stdout=printed)
    assert "security events: 5 deleted" in printed.getvalue()
    assert Event.objects.filter(kind="sign_in").count() == 2
    deletions = [query["sql"] for query in captured if "DELETE" in query["sql"]]
    assert len([sql for sql in deletions if "tokens_event" in sql]) == 3


def test_a_setting_limits_the_age_of_events(alice: User, clock: Clock, settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "EVENTS_KEPT": timedelta(days=2)}
    Event.objects.create(kind="sign_in", user=alice, created_at=timezone.now())
    clock.forward(days=2, seconds=1)
    call_command("purgetokens", stdout=StringIO())
    assert not Event.objects.filter(kind="sign_in").exists()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="a plan of PostgreSQL")
def test_postgresql_finds_old_events_by_the_index(alice: User) -> None:
    now = timezone.now()
    ages = (timedelta(days=number % 1000) for number in range(20_000))
    rows = (Event(kind="sign_in", user=alice, created_at=now - age) for age in ages)
    Event.objects.bulk_create(rows, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tokens_event")
    *_, events = expired_rows(purge_cutoff())
    with transaction.atomic():
        plan = events.select_for_update(skip_locked=True).values_list("pk")[:1000].explain()
    assert "Index Scan using tokens_event_at" in plan
    assert "Sort" not in plan


def test_a_purge_erases_users_who_were_deleted_before(alice: User, bob: User) -> None:
    """A refusal can be written a moment after the deletion of the account."""
    now, address = timezone.now(), "192.0.2.7"
    for user in (alice.pk, bob.pk, None):
        Event.objects.create(
            kind="sign_in_failed", user_id=user, created_at=now, ip_address=address
        )
    User._base_manager.filter(pk=alice.pk)._raw_delete("default")
    call_command("purgetokens", stdout=StringIO())
    left = Event.objects.order_by("pk").values_list("user", "ip_address")
    assert list(left) == [(None, None), (bob.pk, address), (None, address)]
