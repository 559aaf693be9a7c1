"""The administrator sees who is signed in where, ends it, and makes a leaked token dead."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format, time_format
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, HASHED, Answer, Clock, row
from tests.tokens.jwt.test_hostile_tokens import parts
from tests.tokens.management.test_inspecttoken import WRAPPINGS
from tokens.admin.lists import LimitedPaginator
from tokens.keys import lifecycle
from tokens.keys.keyring import load_keyring
from tokens.models import BlacklistedToken, DeviceSession, Kind, Reason, SigningKey, TokenType

pytestmark = pytest.mark.django_db

SESSIONS = "/admin/tokens/devicesession/"
BLACKLIST = "/admin/tokens/blacklistedtoken/"
USERS = "/admin/accounts/user/"


def staff(name: str, *permissions: str) -> Client:
    """Return the browser of a new member of staff who may do this."""
    user = User.objects.create(username=name, password=HASHED, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def carol(db: None) -> Client:
    client = staff("carol")
    User.objects.filter(username="carol").update(is_superuser=True)
    return client


def listed(answer: Answer) -> set[Any]:
    assert answer.status_code == 200
    return set(answer.context["cl"].result_list)


def tokens_listed(answer: Answer) -> set[Any]:
    """Return the sessions listed that are no browser's, such as the administrator's own."""
    return {session for session in listed(answer) if session.kind == Kind.TOKEN}


def end(client: Client, *pairs: dict[str, Any], **fields: str) -> Answer:
    chosen = [str(row(pair).pk) for pair in pairs]
    return client.post(SESSIONS, {"action": "end", "_selected_action": chosen, **fields})


def fill(rows: int) -> None:
    """Make so many users, each with a session and a blacklisted token."""
    now = timezone.now()
    users = User.objects.bulk_create(
        User(username=f"user-{n}", password=HASHED) for n in range(rows)
    )
    moments = dict.fromkeys(("created_at", "rotated_at", "auth_time"), now)
    ends = dict.fromkeys(("idle_expires_at", "expires_at"), now + timedelta(days=1))
    DeviceSession.objects.bulk_create(
        DeviceSession(
            user=user, secret_hash=b"h", nonce=b"n", credential_tag=b"t", **moments, **ends
        )
        for user in users
    )
    BlacklistedToken.objects.bulk_create(
        BlacklistedToken(
            jti=str(uuid4()),
            user=user,
            token_type=TokenType.ACCESS,
            reason=Reason.ADMIN,
            expires_at=now,
        )
        for user in users
    )


@pytest.mark.parametrize("page", [USERS, SESSIONS, BLACKLIST])
@pytest.mark.parametrize("query", ["", "?q=user", "?p=1"], ids=["first", "search", "next page"])
def test_a_list_costs_the_same_few_queries_however_many_rows_there_are(
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


def test_a_long_list_ends_where_its_count_ends_and_says_so(
    carol: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(105)
    assert "Only the first" not in carol.get(SESSIONS).content.decode()
    monkeypatch.setattr(LimitedPaginator, "limit", 102)
    answer = carol.get(SESSIONS)
    assert "Only the first 102 are listed and counted." in answer.content.decode()
    assert len(listed(carol.get(SESSIONS, {"p": 2}))) == 2
    everything = {"action": "end", "_selected_action": "0", "select_across": "1"}
    carol.post(SESSIONS, everything)
    oldest = DeviceSession.objects.order_by("pk").values_list("pk", flat=True)[:4]
    assert set(DeviceSession.objects.active().values_list("pk", flat=True)) == set(oldest)


def test_a_count_that_was_not_finished_is_not_given_as_one(
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


def test_a_browser_is_called_by_its_name(api: API, alice: User, carol: Client) -> None:
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
    carol.force_login(hers)  # the one of her browser has run out
    for state, pair in {"living": phone, "ended": laptop, "ran-out": idle}.items():
        answer = carol.get(SESSIONS, {"status": state})
        assert tokens_listed(answer) == {row(pair)}
        shown = {"ended": "ended: signed out", "ran-out": "ran out"}.get(state, state)
        assert f'field-status">{shown}<' in answer.content.decode()
    assert tokens_listed(carol.get(SESSIONS, {"status": "strange"})) == set(
        map(row, (idle, phone, laptop))
    )
    assert listed(carol.get(SESSIONS, {"revoked_reason__exact": "logout"})) == {row(laptop)}
    browsers = listed(carol.get(SESSIONS, {"kind__exact": "browser"}))
    assert {(session.user, session.kind) for session in browsers} == {(hers, Kind.BROWSER)}


def test_sessions_are_found_by_the_beginning_of_the_user_name_and_by_sid(
    api: API, alice: User, bob: User, carol: Client
) -> None:
    phone, laptop, bobs = api.login(alice), api.login(alice), api.login(bob)
    assert listed(carol.get(SESSIONS, {"q": "ALI"})) == {row(phone), row(laptop)}
    assert listed(carol.get(SESSIONS, {"q": "lice"})) == set()
    assert listed(carol.get(SESSIONS, {"q": bobs["session"]})) == {row(bobs)}
    assert listed(carol.get(SESSIONS, {"user__exact": str(bob.pk)})) == {row(bobs)}


def test_a_search_finds_the_rows_of_the_first_users_of_that_name(
    api: API, alice: User, carol: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one letter would have the database gather every user there is."""
    alicia = User.objects.create(username="alicia", password=HASHED)
    phone, other = api.login(alice), api.login(alicia)
    assert listed(carol.get(SESSIONS, {"q": "ali"})) == {row(phone), row(other)}
    monkeypatch.setattr("tokens.admin.lists.MAX_NAMED_USERS", 1)
    assert listed(carol.get(SESSIONS, {"q": "ali"})) == {row(phone)}


@pytest.mark.trap(65)
@pytest.mark.parametrize("word", ["%", "_", "a" * 60_000], ids=["%", "_", "60 kB"])
@pytest.mark.parametrize("page", [SESSIONS, BLACKLIST])
def test_a_strange_search_finds_nothing(
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
def test_no_address_asks_for_what_nobody_is_shown(carol: Client, page: str, lookup: str) -> None:
    prefixes = ["", "device_sessions__", "blacklisted_tokens__"] if page == USERS else [""]
    for prefix in prefixes:
        assert carol.get(page, {prefix + lookup: "a"}).status_code == 400
    assert carol.get(USERS, {"password__startswith": "argon2"}).status_code == 400


def stored() -> list[Any]:
    return [*DeviceSession.objects.values(), *BlacklistedToken.objects.values()]


@pytest.mark.parametrize("page", [SESSIONS, BLACKLIST])
def test_nothing_is_edited_or_deleted_by_hand(
    api: API, alice: User, carol: Client, page: str
) -> None:
    pair = api.login(alice)
    carol.post(BLACKLIST + "add/", {"token": pair["access"]})
    pk = {SESSIONS: row(pair).pk, BLACKLIST: BlacklistedToken.objects.get().pk}[page]
    before = stored()
    assert carol.get(f"{page}{pk}/change/").status_code == 200
    assert carol.post(f"{page}{pk}/change/", {"jti": "x", "device": "x"}).status_code == 403
    assert carol.post(f"{page}{pk}/delete/", {"post": "yes"}).status_code == 403
    carol.post(page, {"action": "delete_selected", "_selected_action": pk, "post": "yes"})
    assert carol.get(SESSIONS + "add/").status_code == 403
    assert stored() == before


@pytest.mark.spec("ASVS 5.0", "7.4.5")
def test_the_chosen_sessions_are_ended_and_no_others(
    api: API, alice: User, bob: User, carol: Client
) -> None:
    phone, laptop, bobs = api.login(alice), api.login(alice), api.login(bob)
    api.post("logout/", {"refresh": laptop["refresh"]})
    assert end(carol, phone, laptop).status_code == 302
    assert (row(phone).revoked_reason, row(laptop).revoked_reason) == (Reason.ADMIN, Reason.LOGOUT)
    assert api.refresh(phone["refresh"]).status_code == 401
    assert api.post("verify/", {"token": phone["access"]}).status_code == 401
    api.rotated(bobs["refresh"])
    assert "Sessions ended: 1." in carol.get(SESSIONS).content.decode()
    assert LogEntry.objects.get().object_id == str(row(phone).pk)
    assert "Ended." in carol.get(f"{SESSIONS}{row(phone).pk}/history/").content.decode()


def test_who_may_only_look_ends_nothing(api: API, alice: User) -> None:
    phone = api.login(alice)
    dave = staff("dave", "view_devicesession", "view_user", "view_blacklistedtoken")
    assert tokens_listed(dave.get(SESSIONS)) == {row(phone)}
    end(dave, phone)
    action = {"action": "end_sessions", "_selected_action": str(alice.pk)}
    dave.post(USERS, action)
    assert dave.post(BLACKLIST + "add/", {"token": phone["refresh"]}).status_code == 403
    api.rotated(phone["refresh"])


def test_who_may_change_sessions_may_end_them(api: API, alice: User) -> None:
    phone = api.login(alice)
    end(staff("dave", "change_devicesession"), phone)
    assert row(phone).revoked_reason == Reason.ADMIN


@pytest.mark.trap(25)
@pytest.mark.spec("ASVS 5.0", "16.2.5")
def test_nothing_secret_is_on_any_page(api: API, alice: User, carol: Client) -> None:
    pair = api.rotated(api.login(alice)["refresh"], key="k" * 20)
    session = row(pair)
    carol.post(BLACKLIST + "add/", {"token": pair["access"]})
    dead = BlacklistedToken.objects.get()
    end(carol, pair)
    hidden = [part for kind in ("access", "refresh") for part in pair[kind].split(".")[1:]]
    hidden += [alice.password.rpartition("$")[2][:6], parts(pair["refresh"])[1]["jti"]]
    for name in ("secret_hash", "nonce", "retry_hash", "credential_tag"):
        secret = bytes(getattr(session, name))
        hidden += [secret.hex(), str(secret), name]
    hidden += ["rotated_at", "idle_expires_at"]
    pages = [
        *(f"{SESSIONS}{tail}" for tail in ("", f"{session.pk}/change/", f"{session.pk}/history/")),
        *(f"{BLACKLIST}{tail}" for tail in ("", f"{dead.pk}/change/", f"{dead.pk}/history/")),
        *(f"{USERS}{tail}" for tail in ("", f"{alice.pk}/change/", f"{alice.pk}/delete/")),
        "/admin/",
    ]
    for page in pages:
        shown = carol.get(page).content.decode()
        assert not [secret for secret in hidden if secret in shown], page


@pytest.mark.trap(54)
def test_the_moment_of_a_rotation_is_on_no_page(
    api: API, alice: User, carol: Client, clock: Clock
) -> None:
    """Who knows it can time the grace period."""
    pair = api.login(alice)
    clock.forward(days=1, hours=1, minutes=7)
    session = row(api.rotated(pair["refresh"]))
    clock.forward(minutes=9)
    carol.force_login(User.objects.get(username="carol"))
    for page in (SESSIONS, f"{SESSIONS}{session.pk}/change/", f"{USERS}{alice.pk}/change/"):
        shown = carol.get(page).content.decode()
        assert date_format(session.last_used_on) in shown
        assert time_format(session.rotated_at) not in shown


def wrapped(token: str) -> str:
    """Return the token as a mail shows it."""
    return "\r\n  ".join(re.findall(".{1,76}", token)) + "\n"


@pytest.mark.spec("ASVS 5.0", "7.4.5")
@pytest.mark.parametrize("paste", [str, wrapped], ids=["in one line", "wrapped"])
def test_a_pasted_access_token_is_recognised_and_dead(
    api: API, alice: User, carol: Client, paste: Callable[[str], str]
) -> None:
    phone = api.login(alice)
    answer = carol.post(BLACKLIST + "add/", {"token": paste(phone["access"])}, follow=True)
    assert "Recognised, and dead: an access token of alice." in answer.content.decode()
    dead = BlacklistedToken.objects.get()
    assert (dead.jti, dead.reason) == (parts(phone["access"])[1]["jti"], Reason.ADMIN)
    assert api.post("verify/", {"token": phone["access"]}).status_code == 401
    assert listed(carol.get(BLACKLIST, {"q": dead.jti})) == {dead}
    assert listed(carol.get(BLACKLIST, {"q": "Alice"})) == {dead}
    assert listed(carol.get(BLACKLIST, {"reason__exact": "logout"})) == set()
    assert row(phone).revoked_at is None


@pytest.mark.spec("ASVS 5.0", "7.4.5")
def test_a_pasted_refresh_token_ends_its_session(api: API, alice: User, carol: Client) -> None:
    phone, laptop = api.login(alice), api.login(alice)
    answer = carol.post(BLACKLIST + "add/", {"token": phone["refresh"]}, follow=True)
    told = answer.content.decode()
    assert f"a refresh token of alice, whose session {phone['session']} is ended." in told
    assert row(phone).revoked_reason == Reason.ADMIN
    assert api.refresh(phone["refresh"]).status_code == 401
    api.rotated(laptop["refresh"])


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_pasted_token_is_recognised_in_what_it_is_copied_with(
    api: API, alice: User, carol: Client, wrapping: str
) -> None:
    phone = api.login(alice)
    carol.post(BLACKLIST + "add/", {"token": wrapping.format(phone["access"])})
    assert api.post("verify/", {"token": phone["access"]}).status_code == 401
    carol.post(BLACKLIST + "add/", {"token": wrapping.format(phone["refresh"])})
    assert row(phone).revoked_reason == Reason.ADMIN


@pytest.mark.django_db(transaction=True)
def test_a_pasted_token_of_another_key_or_address_is_called_so(
    api: API, alice: User, carol: Client, settings: Settings
) -> None:
    phone = api.login(alice)
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ISSUER": "https://id.example.org"}
    answer = carol.post(BLACKLIST + "add/", {"token": phone["refresh"]})
    assert "Its iss is http://localhost:8000" in answer.content.decode()
    lifecycle.replace_all()
    answer = carol.post(BLACKLIST + "add/", {"token": phone["access"]})
    assert "signed with a key that this site does not have" in answer.content.decode()
    assert not BlacklistedToken.objects.exists()
    assert row(phone).revoked_at is None


def test_who_may_add_to_the_blacklist_needs_no_other_permission(api: API, alice: User) -> None:
    phone = api.login(alice)
    dave = staff("dave", "add_blacklistedtoken")
    answer = dave.post(BLACKLIST + "add/", {"token": phone["access"]}, follow=True)
    assert "Recognised, and dead" in answer.content.decode()
    assert dave.get(BLACKLIST).status_code == 403


def test_a_paste_that_does_nothing_says_why(api: API, alice: User, carol: Client) -> None:
    phone = api.login(alice)
    api.post("logout/", {"refresh": phone["refresh"]})
    for text, why in {
        phone["refresh"]: "This token is dead already.",
        "garbage-that-nobody-shall-see": "This is no token of this site.",
        "": "This field is required.",
        "garbage\0": "Null characters are not allowed.",
    }.items():
        answer = carol.post(BLACKLIST + "add/", {"token": text})
        shown = answer.content.decode()
        assert (answer.status_code, why in shown) == (200, True)
        assert not text or text not in shown
    assert not BlacklistedToken.objects.exists()
    assert not LogEntry.objects.exists()


@pytest.mark.trap(25)
@pytest.mark.spec("ASVS 5.0", "16.2.5")
@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_what_was_pasted_is_shown_and_logged_nowhere(
    api: API, alice: User, carol: Client, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    phone = api.login(alice)
    answer = carol.post(BLACKLIST + "add/", {"token": phone[kind]}, follow=True)
    assert answer.status_code == 200
    kept = [answer.content.decode(), carol.get("/admin/").content.decode(), caplog.text]
    kept += [repr(LogEntry.objects.values().get()), str(answer.client.session.items())]
    for part in phone[kind].split("."):
        assert not [text for text in kept if part in text]


@pytest.mark.spec("ASVS 5.0", "14.2.2")
def test_the_form_asks_the_browser_to_remember_nothing(carol: Client) -> None:
    answer = carol.get(BLACKLIST + "add/")
    assert re.search(
        r"<textarea[^>]* autocomplete=\"off\" spellcheck=\"false\"", answer.content.decode()
    )
    assert "no-store" in answer["Cache-Control"]


@pytest.fixture
def phone(api: API, alice: User) -> dict[str, Any]:
    return api.login(alice)


@pytest.mark.trap(25)
@pytest.mark.spec("ASVS 5.0", "16.5.1")
@pytest.mark.parametrize("debug", [False, True], ids=["in production", "under DEBUG"])
def test_an_error_page_does_not_show_what_was_pasted(
    phone: dict[str, Any],
    carol: Client,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    debug: bool,
) -> None:
    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if "blacklisted" in sql:
            raise RuntimeError("the disk is full")
        return execute(sql, *rest)

    settings.DEBUG = debug
    carol.raise_request_exception = False
    with connection.execute_wrapper(fail):
        answer = carol.post(BLACKLIST + "add/", {"token": phone["access"]})
    shown = answer.content.decode()
    assert answer.status_code == 500
    assert ("the disk is full" in shown) is debug
    for part in phone["access"].split("."):
        assert part not in shown
        assert part not in caplog.text


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="an index of PostgreSQL")
def test_postgresql_finds_the_sessions_that_ended_for_a_reason_by_an_index(alice: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        reused = DeviceSession.objects.filter(revoked_reason=Reason.REUSE).order_by("-pk")
        plan = reused[:100].explain()
    assert "tokens_session_reason" in plan
    assert "Sort" not in plan


# Signing keys

KEYS = "/admin/tokens/signingkey/"


def states(client: Client) -> list[str]:
    return re.findall(r'class="field-state">([^<]+)<', client.get(KEYS).content.decode())


def test_keys_are_listed_by_what_they_do(carol: Client, clock: Clock) -> None:
    load_keyring()
    lifecycle.rotate()
    assert states(carol) == ["waits to sign", "signs"]
    clock.forward(minutes=10)
    assert states(carol) == ["signs", "verifies"]
    clock.forward(minutes=7)
    assert states(carol) == ["signs", "is gone"]


def test_the_next_key_is_published_by_a_button(carol: Client) -> None:
    first = load_keyring().signer.kid
    assert "Publish the next key" in carol.get(KEYS).content.decode()
    answer = carol.post(f"{KEYS}rotate/", follow=True)
    next_key = SigningKey.objects.get(follows=first)
    assert f"The key {next_key} is published and signs from" in answer.content.decode()
    assert LogEntry.objects.get().object_repr == next_key.kid


def test_who_replaces_all_keys_ticks_why_before_the_button(carol: Client) -> None:
    page = carol.get(KEYS).content.decode()
    form = page[page.index("When all keys are replaced") :]
    tick = '<label><input type="checkbox" required> Somebody else may have a key.</label>'
    assert 0 < form.index(tick) < form.index("Replace all keys now")


def test_in_an_emergency_all_keys_are_replaced(carol: Client) -> None:
    first = load_keyring().signer.kid
    carol.post(f"{KEYS}rotate/", {"emergency": "yes"})
    assert SigningKey.objects.get().follows == first


def test_the_history_tells_an_emergency_from_a_rotation(carol: Client) -> None:
    load_keyring()
    carol.post(f"{KEYS}rotate/")
    carol.post(f"{KEYS}rotate/", {"emergency": "yes"})
    emergency, rotation = LogEntry.objects.order_by("-pk")
    assert rotation.get_change_message() == "Rotated."
    assert emergency.get_change_message() == "Emergency: replaced all signing keys."
    assert emergency.object_id == str(SigningKey.objects.get().pk)


@pytest.mark.parametrize(
    ("permission", "shown", "status"),
    [("view_signingkey", False, 403), ("change_signingkey", True, 302)],
)
def test_only_who_may_change_keys_rotates_them(
    db: None, *, permission: str, shown: bool, status: int
) -> None:
    load_keyring()
    client = staff("dave", permission)
    assert ("Publish the next key" in client.get(KEYS).content.decode()) is shown
    assert client.post(f"{KEYS}rotate/").status_code == status
    assert SigningKey.objects.count() == (2 if status == 302 else 1)


def test_a_look_rotates_nothing_and_no_private_key_is_shown(carol: Client) -> None:
    key = load_keyring().signer
    assert carol.get(f"{KEYS}rotate/").status_code == 405
    row = SigningKey.objects.get()
    page = carol.get(f"{KEYS}{row.pk}/change/").content.decode()
    assert key.kid in page
    assert "private" not in page.lower()
    for path in ("add/", f"{row.pk}/delete/"):
        assert carol.get(f"{KEYS}{path}").status_code == 403
