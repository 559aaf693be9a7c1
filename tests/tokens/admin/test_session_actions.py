"""An administrator revokes sessions in the list, and edits no row by hand."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils.formats import localize

from accounts.models import User
from tests.conftest import API, row
from tests.support.staff import BLACKLIST, SESSIONS, USERS, confirm, everything
from tests.tokens.admin.pages import end, staff, tokens_listed
from tests.tokens.admin.service_pages import is_valid
from tests.tokens.oauth.conftest import Service
from tokens.admin import DeviceSessionAdmin
from tokens.models import BlacklistedToken, DeviceSession, Reason

pytestmark = pytest.mark.django_db


def stored() -> list[Any]:
    return [*DeviceSession.objects.values(), *BlacklistedToken.objects.values()]


@pytest.mark.parametrize("page", [SESSIONS, BLACKLIST])
def test_sessions_cannot_be_edited_or_deleted(
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
def test_only_the_selected_sessions_are_revoked(
    api: API, alice: User, bob: User, carol: Client
) -> None:
    phone, laptop, bobs = api.login(alice), api.login(alice), api.login(bob)
    api.post("logout/", {"refresh": laptop["refresh"]})
    assert "Sessions revoked: 1." in end(carol, phone, laptop).content.decode()
    assert (row(phone).revoked_reason, row(laptop).revoked_reason) == (Reason.ADMIN, Reason.LOGOUT)
    assert api.refresh(phone["refresh"]).status_code == 401
    assert api.post("verify/", {"token": phone["access"]}).status_code == 401
    api.rotated(bobs["refresh"])
    assert LogEntry.objects.get().object_id == str(row(phone).pk)
    assert "Revoked." in carol.get(f"{SESSIONS}{row(phone).pk}/history/").content.decode()


@pytest.mark.parametrize("is_superuser", [True, False])
@pytest.mark.parametrize("query", ["alice", "127.0.0.1", "phone", "{short}", "alice&status=active"])
def test_sessions_that_a_search_found_are_revoked(
    api: API, alice: User, carol: Client, query: str, is_superuser: bool
) -> None:
    phone, laptop = api.login(alice), api.login(alice)
    rights = [f"{does}_{what}" for does in ("view", "change") for what in ("user", "devicesession")]
    client = carol if is_superuser else staff("dave", *rights, "change_serviceaccount")
    path = f"{SESSIONS}?q={query.format(short=phone['session'][:8])}"
    answer = confirm(client, path, {"action": "revoke", "_selected_action": str(row(phone).pk)})
    assert answer.redirect_chain == [(path, 302)]
    assert (row(phone).revoked_reason, row(laptop).revoked_reason) == (Reason.ADMIN, "")


def test_the_preview_shows_sessions_and_users(
    api: API, alice: User, bob: User, carol: Client
) -> None:
    chosen = [str(row(api.login(user)).pk) for user in (bob, alice, alice)]
    before = everything()
    page = carol.post(SESSIONS, {"action": "revoke", "_selected_action": chosen}).text
    assert "<li>3 sessions</li>\n<li>2 users</li>\n</ul>" in page
    names = re.findall(r"<li>(.*)</li>", page.partition('<ul class="names">')[2])
    first = DeviceSession.objects.get(user=bob)
    assert names[-1] == f"bob ({str(first.sid)[:8]}, phone, 127.0.0.1)"
    assert [name.split()[0] for name in names] == ["alice", "alice", "bob"]
    assert everything() == before


def test_the_preview_names_ten_sessions(api: API, alice: User, carol: Client) -> None:
    chosen = [str(row(api.login(alice, f"phone {number}")).pk) for number in range(11)]
    answer = carol.post(SESSIONS, {"action": "revoke", "_selected_action": chosen})
    assert ", phone 1, 127.0.0.1)</li>\n<li>…</li>" in answer.text
    assert "phone 0" not in answer.text


def test_the_preview_says_that_you_end_your_own_session(alice: User, carol: Client) -> None:
    own = DeviceSession.objects.get(user__username="carol")
    chosen = {"action": "revoke", "_selected_action": str(own.pk)}
    assert "You sign yourself out as well." in carol.post(SESSIONS, chosen).text


@pytest.mark.parametrize("query", ["", "?q=alice", "?q=127.0.0.1", "?q=phone"])
def test_the_whole_list_is_revoked_after_the_preview_only(
    api: API, alice: User, carol: Client, query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list has two pages, and a session that begins after the preview continues."""
    monkeypatch.setattr(DeviceSessionAdmin, "list_per_page", 2)
    pairs = [api.login(alice) for _ in range(3)]
    everywhere = {"action": "revoke", "_selected_action": "0", "select_across": "1"}
    page = carol.post(SESSIONS + query, everywhere).text
    assert not DeviceSession.objects.exclude(revoked_at=None).exists()
    shown = re.findall(r'name="confirmed" value="([^"]+)"', page)
    late = api.login(alice)
    assert carol.post(SESSIONS + query, {**everywhere, "confirmed": shown}).status_code == 302
    assert {row(pair).revoked_reason for pair in pairs} == {Reason.ADMIN}
    api.rotated(late["refresh"])


def test_a_selection_that_cannot_exist_is_refused(api: API, alice: User, carol: Client) -> None:
    phone = api.login(alice)
    chosen = [str(row(phone).pk), "x"]
    answer = carol.post(SESSIONS, {"action": "revoke", "_selected_action": chosen})
    assert answer.status_code == 400
    api.rotated(phone["refresh"])


def test_the_view_permission_revokes_nothing(api: API, alice: User) -> None:
    phone = api.login(alice)
    dave = staff("dave", "view_devicesession", "view_user", "view_blacklistedtoken")
    assert tokens_listed(dave.get(SESSIONS)) == {row(phone)}
    end(dave, phone)
    action = {"action": "revoke_sessions", "_selected_action": str(alice.pk)}
    dave.post(USERS, action)
    assert dave.post(BLACKLIST + "add/", {"token": phone["refresh"]}).status_code == 403
    api.rotated(phone["refresh"])


def test_the_change_permission_revokes_sessions(api: API, alice: User) -> None:
    phone = api.login(alice)
    end(staff("dave", "change_devicesession"), phone)
    assert row(phone).revoked_reason == Reason.ADMIN


def test_the_page_of_a_session_shows_its_absolute_limit(
    api: API, alice: User, carol: Client
) -> None:
    """The idle limit would show the time of the last use, so the label says which one it is."""
    session = row(api.login(alice))
    page = carol.get(f"{SESSIONS}{session.pk}/change/").text
    assert "Expires at the latest:" in page
    assert localize(session.expires_at) in page


def test_a_button_ends_one_session(api: API, alice: User, carol: Client) -> None:
    phone, laptop = api.login(alice), api.login(alice)
    pk = row(phone).pk
    shown, end = f"{SESSIONS}{pk}/change/", f"{SESSIONS}{pk}/end/"
    assert f'action="{end}"' in carol.get(shown).content.decode()
    answer = carol.post(end, follow=True)
    assert answer.redirect_chain == [(shown, 302)]
    assert "Sessions revoked: 1." in answer.content.decode()
    assert end not in answer.content.decode()
    assert (row(phone).revoked_reason, row(laptop).revoked_reason) == (Reason.ADMIN, "")
    assert LogEntry.objects.get().object_id == str(pk)


def test_the_button_needs_the_change_permission(api: API, alice: User) -> None:
    phone = api.login(alice)
    dave = staff("dave", "view_devicesession", "view_user")
    for page in (f"{SESSIONS}{row(phone).pk}/change/", f"{USERS}{alice.pk}/change/"):
        assert not re.search("Revoke (the )?session", dave.get(page).content.decode())
    assert dave.post(f"{SESSIONS}{row(phone).pk}/end/").status_code == 403
    api.rotated(phone["refresh"])


def test_no_button_for_a_session_drops_changes_of_the_user(
    api: API, alice: User, carol: Client
) -> None:
    phone = api.login(alice)
    page = carol.get(f"{USERS}{alice.pk}/change/").content.decode()
    link = f'<a href="{SESSIONS}{row(phone).pk}/change/" aria-label="Revoke the session of '
    assert link in page
    assert "/end/" not in page


def test_the_button_spares_accounts_with_more_rights(api: API, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    phone = api.login(alice)
    dave = staff("dave", "change_devicesession", "view_devicesession", "view_user")
    for page in (f"{SESSIONS}{row(phone).pk}/change/", f"{USERS}{alice.pk}/change/"):
        assert not re.search("Revoke (the )?session", dave.get(page).content.decode())
    answer = dave.post(f"{SESSIONS}{row(phone).pk}/end/", follow=True)
    assert "Sessions revoked: 0." in answer.content.decode()
    api.rotated(phone["refresh"])


@pytest.mark.parametrize(
    ("permissions", "may"),
    [
        (["change_devicesession", "change_serviceaccount"], True),
        (["change_devicesession"], False),
        (["view_devicesession", "change_serviceaccount"], False),
    ],
)
def test_the_session_of_a_service_has_a_button_only_if_it_works(
    service: Service, permissions: list[str], may: bool
) -> None:
    dave = staff("dave", *permissions)
    page = f"{SESSIONS}{service.row.session_id}/"
    assert ("Revoke session" in dave.get(f"{page}change/").content.decode()) is may
    dave.post(f"{page}end/")
    assert is_valid(service) is not may


def test_only_a_post_of_an_existing_session_ends_it(api: API, alice: User, carol: Client) -> None:
    phone = api.login(alice)
    assert carol.get(f"{SESSIONS}{row(phone).pk}/end/").status_code == 405
    assert carol.post(f"{SESSIONS}{row(phone).pk + 100}/end/").status_code == 404
    api.rotated(phone["refresh"])
