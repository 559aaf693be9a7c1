"""The lists of the admin find rows, and cost the same few queries for any number of rows."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.conftest import API, HASHED, Clock, row
from tests.support.rows import fill
from tests.support.staff import BLACKLIST, SESSIONS, USERS, confirm
from tests.tokens.admin.pages import listed, tokens_listed
from tokens.admin.lists import LimitedPaginator
from tokens.models import BlacklistedToken, DeviceSession, Kind, Reason

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("page", [USERS, SESSIONS, BLACKLIST])
@pytest.mark.parametrize("query", ["", "?q=user", "?p=1"], ids=["first", "search", "next page"])
def test_a_list_costs_the_same_queries_for_any_number_of_rows(
    carol: Client, page: str, query: str
) -> None:
    costs = []
    for rows in (0, 5, 200):
        User.objects.filter(username__startswith="user").delete()
        DeviceSession.objects.exclude(kind=Kind.BROWSER).delete()
        BlacklistedToken.objects.all().delete()
        fill(rows)
        with CaptureQueriesContext(connection) as captured:
            answer = carol.get(page + ("" if query == "?p=1" and rows < 200 else query))
        assert len(listed(answer)) >= min(rows, 100)
        statements = [statement["sql"] for statement in captured]
        assert not [sql for sql in statements if "COUNT(*)" in sql and "LIMIT" not in sql]
        costs.append(len(statements))
    assert max(costs) <= 12, costs
    assert costs[1] == costs[2], costs


def test_a_long_list_is_cut_and_says_so(carol: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(105)
    assert "Only the first" not in carol.get(SESSIONS).content.decode()
    monkeypatch.setattr(LimitedPaginator, "limit", 102)
    answer = carol.get(SESSIONS)
    assert "Only the first 102 are listed and counted." in answer.content.decode()
    assert len(listed(carol.get(SESSIONS, {"p": 2}))) == 2
    everything = {"action": "revoke", "_selected_action": "0", "select_across": "1"}
    confirm(carol, SESSIONS, everything)
    oldest = DeviceSession.objects.order_by("pk").values_list("pk", flat=True)[:4]
    assert set(DeviceSession.objects.active().values_list("pk", flat=True)) == set(oldest)


def test_an_unfinished_count_is_not_shown_as_exact(
    carol: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(1105)
    monkeypatch.setattr(LimitedPaginator, "limit", 1104)
    for address in (
        USERS,
        SESSIONS,
        SESSIONS + "?kind__exact=token",
        BLACKLIST + "?reason__exact=admin",
    ):
        page = carol.get(address).content.decode()
        assert "more than 1,104 " in page, address
        assert "1104 results" not in page
    found = carol.get(USERS, {"q": "user-110"}).content.decode()
    assert "6 results" in found
    assert "1 result " in carol.get(USERS, {"q": "carol"}).content.decode()
    monkeypatch.setattr(LimitedPaginator, "limit", 1105)
    page = carol.get(BLACKLIST).content.decode()
    assert "1105 blacklisted tokens" in page
    assert "more than" not in page
    assert "Only the first" not in page


def test_the_search_of_a_list_has_a_label(carol: Client) -> None:
    assert 'id="searchbar" aria-label="Search"' in carol.get(USERS).content.decode()


def test_a_browser_is_listed_with_its_name(api: API, alice: User, carol: Client) -> None:
    session = row(api.login(alice, "phone"))
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"
    pages = (SESSIONS, f"{SESSIONS}{session.pk}/change/", f"{USERS}{alice.pk}/change/")
    for label, name in {"phone": "phone", "": "Firefox on Linux"}.items():
        DeviceSession.objects.filter(pk=session.pk).update(device=label, user_agent=firefox)
        for page in pages:
            shown = carol.get(page).content.decode()
            assert name in re.sub(r"(?s)<th\b.*?</th>", "", shown), page
            assert ("Firefox on Linux" in shown) is (label == "")


def test_sessions_are_listed_with_their_state(
    api: API, alice: User, carol: Client, clock: Clock
) -> None:
    idle = api.login(alice, "tablet")
    clock.forward(days=13)
    phone, laptop = api.login(alice, "phone"), api.login(alice, "laptop")
    clock.forward(days=2)
    api.post("logout/", {"refresh": laptop["refresh"]})
    hers = User.objects.get(username="carol")
    carol.force_login(hers)  # her browser's session has expired
    for state, pair in {"active": phone, "revoked": laptop, "expired": idle}.items():
        answer = carol.get(SESSIONS, {"status": state})
        assert tokens_listed(answer) == {row(pair)}
        shown = {"active": "active", "revoked": "revoked: signed out", "expired": "expired"}[state]
        assert re.search(rf'class="status {state}"[^>]*>{shown}<', answer.content.decode())
    assert tokens_listed(carol.get(SESSIONS, {"status": "strange"})) == set(
        map(row, (idle, phone, laptop))
    )
    assert listed(carol.get(SESSIONS, {"revoked_reason__exact": "logout"})) == {row(laptop)}
    browsers = listed(carol.get(SESSIONS, {"kind__exact": "browser"}))
    assert {(session.user, session.kind) for session in browsers} == {(hers, Kind.BROWSER)}


def test_sessions_are_found_by_user_name_prefix_and_by_sid(
    api: API, alice: User, bob: User, carol: Client
) -> None:
    phone, laptop, bobs = api.login(alice), api.login(alice), api.login(bob)
    assert listed(carol.get(SESSIONS, {"q": "ALI"})) == {row(phone), row(laptop)}
    assert listed(carol.get(SESSIONS, {"q": "lice"})) == set()
    assert listed(carol.get(SESSIONS, {"q": bobs["session"]})) == {row(bobs)}
    assert listed(carol.get(SESSIONS, {"user__exact": str(bob.pk)})) == {row(bobs)}


def test_a_search_covers_a_limited_number_of_users(
    api: API, alice: User, carol: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a search for one letter would make the database read all users."""
    alicia = User.objects.create(username="alicia", password=HASHED)
    phone, other = api.login(alice), api.login(alicia)
    assert listed(carol.get(SESSIONS, {"q": "ali"})) == {row(phone), row(other)}
    monkeypatch.setattr("tokens.admin.lists.MAX_NAMED_USERS", 1)
    assert listed(carol.get(SESSIONS, {"q": "ali"})) == {row(phone)}


@pytest.mark.trap(65)
@pytest.mark.parametrize("word", ["%", "_", "a" * 60_000], ids=["%", "_", "60 kB"])
@pytest.mark.parametrize("page", [SESSIONS, BLACKLIST])
def test_an_unusual_search_finds_nothing(
    api: API, alice: User, carol: Client, page: str, word: str
) -> None:
    carol.post(BLACKLIST + "add/", {"token": api.login(alice)["access"]})
    assert listed(carol.get(page, {"q": word})) == set()


@pytest.mark.parametrize(
    "lookup",
    [
        *("secret_hash", "nonce__startswith", "credential_tag__gt", "retry_hash__isnull"),
        *("rotated_at__gt", "generation", "user__password__startswith", "user__exact__gt"),
    ],
)
@pytest.mark.parametrize("page", [SESSIONS, BLACKLIST, USERS])
def test_no_url_filters_by_a_hidden_column(carol: Client, page: str, lookup: str) -> None:
    prefixes = ["", "device_sessions__", "blacklisted_tokens__"] if page == USERS else [""]
    for prefix in prefixes:
        assert carol.get(page, {prefix + lookup: "a"}).status_code == 400
    assert carol.get(USERS, {"password__startswith": "argon2"}).status_code == 400


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="an index of PostgreSQL")
def test_postgresql_finds_sessions_by_reason_with_an_index(db: None) -> None:
    """The statistics of the table may be of the rows of another test, so new ones are made."""
    fill(1000)
    DeviceSession.objects.filter(user__username="user-7").revoke(Reason.REUSE)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tokens_devicesession")
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        reused = DeviceSession.objects.filter(revoked_reason=Reason.REUSE).order_by("-pk")
        plan = reused[:100].explain()
    assert "tokens_session_reason" in plan
    assert "Sort" not in plan
