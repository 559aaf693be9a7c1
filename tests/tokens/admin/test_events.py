"""Administrators find events, cannot change them, and export what the list shows."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from tests.conftest import API, HASHED, Answer, Clock, row
from tests.support.staff import SESSIONS, USERS, confirm
from tests.tokens.admin.pages import end, listed, staff
from tokens.admin.events import COLUMNS, cell, condition
from tokens.admin.lists import LimitedPaginator
from tokens.models import Event, EventKind, SigningKey

pytestmark = pytest.mark.django_db

PAGE = "/admin/tokens/event/"
EXPORT = f"{PAGE}export/"
SID = "6f1c5d1e-0000-4000-8000-000000000000"


def exported(answer: Answer) -> list[dict[str, str]]:
    """Return the rows of the CSV file."""
    assert answer.status_code == 200
    assert answer.streaming
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text)))


def add(kind: EventKind, **values: object) -> Event:
    return Event.objects.create(**{"kind": kind, "created_at": timezone.now(), **values})


@pytest.fixture
def night(alice: User, bob: User, clock: Clock) -> dict[str, Event]:
    """Return events of alice today and of bob yesterday, by a short name."""
    clock.forward(hours=12)
    yesterday = timezone.now() - timedelta(days=1)
    return {
        "hers": add(EventKind.TOKEN_REUSED, user=alice, ip_address="192.0.2.7"),
        "his": add(EventKind.SIGN_IN, user=bob, ip_address="2001:db8::1", created_at=yesterday),
        "nobody's": add(EventKind.SIGN_IN_FAILED, ip_address="198.51.100.1"),
        "by bob": add(EventKind.KEYS_REPLACED, actor=bob),
    }


#: A search or filter, and the names of the events that it finds.
SEARCHES: dict[str, tuple[dict[str, str], set[str]]] = {
    "user name": ({"q": "ALI"}, {"hers"}),
    "user or actor": ({"q": "bo"}, {"his", "by bob"}),
    "not in the middle": ({"q": "lice"}, set()),
    "address": ({"q": "192.0.2.7"}, {"hers"}),
    "address in another form": ({"q": "2001:DB8:0::1"}, {"his"}),
    "kind": ({"q": "token_reused"}, {"hers"}),
    "kind by filter": ({"kind__exact": "sign_in_failed"}, {"nobody's"}),
    "today": ({"day": "today"}, {"hers", "nobody's", "by bob"}),
    "yesterday": ({"day": "yesterday"}, {"his"}),
    "last 24 hours": ({"day": "recent"}, {"hers", "nobody's", "by bob"}),
    "two kinds": ({"kind__in": "sign_in,sign_in_failed"}, {"his", "nobody's"}),
    "two filters": ({"day": "today", "kind__exact": "sign_in"}, set()),
}


@pytest.mark.parametrize(("query", "names"), SEARCHES.values(), ids=SEARCHES)
def test_events_are_found_and_exported(
    carol: Client, night: dict[str, Event], query: dict[str, str], names: set[str]
) -> None:
    Event.objects.exclude(pk__in=[event.pk for event in night.values()]).delete()
    carol.force_login(User.objects.get(username="carol"))  # the clock ended her session
    Event.objects.filter(user__username="carol").delete()
    assert listed(carol.get(PAGE, query)) == {night[name] for name in names}
    kinds = [line["kind"] for line in exported(carol.get(EXPORT, query))]
    assert sorted(kinds) == sorted(night[name].kind for name in names)


def test_a_day_finds_the_events_of_that_day(carol: Client, alice: User) -> None:
    for hour in (-1, 0, 23, 24):
        midnight = timezone.now().replace(year=2026, month=3, day=7, hour=0, minute=0, second=0)
        add(
            EventKind.SIGN_IN,
            user=alice,
            created_at=midnight + timedelta(hours=hour),
            count=hour + 2,
        )
    for query in ({"q": "2026-03-07"}, {"day": "2026-03-07"}):
        assert {event.count for event in listed(carol.get(PAGE, query))} == {2, 25}


def test_the_time_of_an_event_is_written_as_other_dates_and_has_seconds(carol: Client) -> None:
    at = add(EventKind.SIGN_IN).created_at
    assert f"{at:%-d %b %Y}<br>{at:%H:%M:%S} UTC" in carol.get(PAGE).text


def test_a_session_is_found_by_its_id(carol: Client, api: API, alice: User) -> None:
    phone = api.login(alice)
    found = listed(carol.get(PAGE, {"q": phone["session"]}))
    assert {event.kind for event in found} == {EventKind.SIGN_IN}
    assert listed(carol.get(PAGE, {"q": str(alice.pk)})) == found


def test_actions_of_administrators_are_events(carol: Client, api: API, alice: User) -> None:
    phone = api.login(alice)
    Event.objects.all().delete()
    end(carol, phone)
    kinds = {event.kind: event for event in Event.objects.all()}
    assert kinds.keys() == {EventKind.SESSION_ENDED, EventKind.ADMIN_ACTION}
    hers = User.objects.get(username="carol")
    assert {event.actor for event in kinds.values()} == {hers}
    action = kinds[EventKind.ADMIN_ACTION]
    assert (action.user, action.about) == (None, f"tokens.devicesession {row(phone).pk} change")
    assert kinds[EventKind.SESSION_ENDED].user == alice


def test_a_change_of_several_users_is_an_event_of_each(
    carol: Client, alice: User, bob: User
) -> None:
    chosen = [str(alice.pk), str(bob.pk)]
    confirm(carol, USERS, {"action": "revoke_sessions", "_selected_action": chosen})
    actions = Event.objects.filter(kind=EventKind.ADMIN_ACTION)
    assert {event.user for event in actions} == {alice, bob}


def test_a_rotation_of_keys_names_the_administrator(carol: Client) -> None:
    carol.post("/admin/tokens/signingkey/replace/", {"confirmed": "yes"})
    event = Event.objects.get(kind=EventKind.KEYS_REPLACED)
    assert (event.about, event.actor) == (
        SigningKey.objects.get().kid,
        User.objects.get(username="carol"),
    )


def test_an_added_and_changed_user_names_the_fields(carol: Client, alice: User) -> None:
    answer = carol.post(
        f"{USERS}{alice.pk}/change/", {"username": "alice", "email": "", "is_active": "on"}
    )
    assert answer.status_code == 302
    action = Event.objects.get(kind=EventKind.ADMIN_ACTION)
    assert (action.user, action.about) == (alice, "accounts.user change: E-mail address")


def test_staff_need_the_permission_to_view_events(db: None) -> None:
    without, having = staff("dave"), staff("erin", "view_event")
    for page in (PAGE, EXPORT):
        assert without.get(page).status_code == 403
        assert having.get(page).status_code == 200
    assert Client().get(EXPORT).status_code == 302


def test_nobody_changes_or_deletes_an_event(carol: Client, alice: User) -> None:
    event = add(EventKind.SIGN_IN, user=alice)
    assert carol.post(f"{PAGE}{event.pk}/change/", {"count": "7"}).status_code == 403
    assert carol.post(f"{PAGE}{event.pk}/delete/", {"post": "yes"}).status_code == 403
    assert carol.post(f"{PAGE}add/", {}).status_code == 403
    fields = {"action": "delete_selected", "_selected_action": str(event.pk)}
    carol.post(PAGE, fields)
    assert Event.objects.get(pk=event.pk).count == 1


@pytest.mark.parametrize("query", ["", "?q=user", "?q=192.0.2.7", "?kind__exact=sign_in"])
def test_the_list_costs_the_same_queries_for_any_number(
    carol: Client, alice: User, query: str
) -> None:
    costs = []
    for count in (0, 5, 200):
        Event.objects.all().delete()
        users = [
            User.objects.create(username=f"user-{count}-{number}", password=HASHED)
            for number in range(count)
        ]
        for user in users:
            add(EventKind.SIGN_IN, user=user, actor=alice, ip_address="192.0.2.7")
        with CaptureQueriesContext(connection) as captured:
            answer = carol.get(PAGE + query)
        assert len(listed(answer)) >= min(count, 100)
        statements = [statement["sql"] for statement in captured]
        assert not [sql for sql in statements if "COUNT(*)" in sql and "LIMIT" not in sql]
        costs.append(len(statements))
    assert max(costs) <= 12, costs
    assert costs[1] == costs[2], costs


def test_the_export_has_at_most_the_rows_of_the_list(
    carol: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LimitedPaginator, "limit", 3)
    for count in range(1, 6):
        add(EventKind.SIGN_IN, user=alice, count=count)
    counts = [line["count"] for line in exported(carol.get(EXPORT, {"q": "alice"}))]
    assert counts == ["5", "4", "3"]


def test_the_export_has_these_columns_and_headers(carol: Client, api: API, alice: User) -> None:
    api.login(alice, "phone")
    answer = carol.get(EXPORT, {"q": "alice"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="events-20')
    assert "no-store" in answer["Cache-Control"]
    [line] = exported(answer)
    assert tuple(line) == COLUMNS
    expected = ("sign_in", "alice", "127.0.0.1", "phone", "1")
    assert (
        tuple(line[name] for name in ("kind", "user", "ip_address", "device", "count")) == expected
    )


#: A device label and how a spreadsheet gets it.
CELLS = {
    "=1+1": "'=1+1",
    "+1": "'+1",
    "-1": "'-1",
    "@SUM(A1)": "'@SUM(A1)",
    "\t=1": "'\t=1",
    "\r=1": "'\r=1",
    "＝1": "'＝1",
    "phone": "phone",
    'a "phone", red': 'a "phone", red',
}


@pytest.mark.parametrize(("label", "shown"), CELLS.items(), ids=map(repr, CELLS))
def test_no_cell_of_the_export_is_a_formula(
    carol: Client, alice: User, label: str, shown: str
) -> None:
    assert cell(label) == shown
    add(EventKind.SIGN_IN, user=alice, device=label, about=label)
    [line] = exported(carol.get(EXPORT, {"q": "alice"}))
    assert (line["device"], line["about"]) == (shown, shown)


def test_an_unknown_filter_is_refused(carol: Client) -> None:
    for name in ("device_mark", "flood_key", "user__password__startswith", "about"):
        assert carol.get(PAGE, {name: "a"}).status_code == 400
        assert carol.get(EXPORT, {name: "a"}).status_code == 400


def test_the_export_reads_the_rows_in_parts(carol: Client, alice: User) -> None:
    """A streamed answer sends its first line before it has read the last row."""
    Event.objects.bulk_create(
        Event(kind=EventKind.SIGN_IN, user=alice, created_at=timezone.now()) for _ in range(2500)
    )
    answer: Answer = carol.get(EXPORT, {"q": "alice"})
    content = iter(answer.streaming_content)
    assert next(content).startswith(b"time,kind,")
    assert sum(1 for _ in content) == 2500


def test_the_list_of_sessions_needs_no_permission_for_events(db: None) -> None:
    assert staff("dave", "view_devicesession").get(SESSIONS).status_code == 200


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="indexes of PostgreSQL")
@pytest.mark.parametrize(
    ("words", "index"),
    [("sign_in_failed", "of_kind"), ("192.0.2.7", "from_address"), (SID, "of_session")],
)
def test_postgresql_finds_events_with_an_index(words: str, index: str) -> None:
    """The planner needs statistics: in an empty table, it takes any index."""
    now = timezone.now()
    moments = [now - timedelta(minutes=n) for n in range(5000)]
    Event.objects.bulk_create(Event(kind="sign_in", created_at=moment) for moment in moments)
    add(EventKind.SIGN_IN_FAILED, ip_address="192.0.2.7", sid=SID)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tokens_event")
        found = Event.objects.filter(condition(words))
        assert f"tokens_event_{index}" in found.order_by("-created_at", "-pk")[:100].explain()


@pytest.mark.parametrize("query", ["day", "q"])
@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_day_at_an_end_of_the_calendar_has_no_events(
    carol: Client, alice: User, query: str, day: str
) -> None:
    add(EventKind.SIGN_IN, user=alice)
    for page in (PAGE, EXPORT):
        assert carol.get(page, {query: day}).status_code == 200


def test_a_semicolon_separates_no_cells_in_the_export(carol: Client, alice: User) -> None:
    add(EventKind.SIGN_IN, user=alice, device="x;=1+1;y")
    devices = {line["device"] for line in exported(carol.get(EXPORT))}
    assert "x,=1+1,y" in devices


def test_an_export_with_an_invalid_filter_is_400(carol: Client) -> None:
    assert carol.get(EXPORT, {"user__exact": "x"}).status_code == 400


@pytest.mark.parametrize("day", ["garbage", "2026-02-30", "9999-12-32"])
def test_an_unknown_day_is_refused(carol: Client, day: str) -> None:
    answer = carol.get(PAGE, {"day": day})
    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}?e=1")
    assert carol.get(EXPORT, {"day": day}).status_code == 400
