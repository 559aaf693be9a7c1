"""Django admin manages users, and shows no secret that allows a sign-in."""

import re

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.utils.formats import date_format

from accounts.models import User
from tests.accounts.conftest import AdminPages
from tests.conftest import API, HASHED, PASSWORD, Clock, row
from tests.support.staff import USERS, confirm
from tokens.models import DeviceSession, Reason

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("word", ["bob", "BOB@EXAMPLE", "Bob bob@example.org"])
def test_users_are_listed_and_searched(
    alice: User, bob: User, admin: AdminPages, word: str
) -> None:
    assert len(admin.get().context["cl"].result_list) == 3
    assert list(admin.get(q=word).context["cl"].result_list) == [bob]


def test_the_list_of_users_filters_by_group(alice: User, bob: User, admin: AdminPages) -> None:
    editors = Group.objects.create(name="editors")
    alice.groups.add(editors, Group.objects.create(name="writers"))
    assert list(admin.get(group=str(editors.pk)).context["cl"].result_list) == [alice]
    for strange in ("", "x", "9" * 30, "²"):
        assert admin.get(group=strange).status_code in (200, 302)
    assert len(admin.get(group="x").context["cl"].result_list) == 3


@pytest.mark.parametrize("word", ["%", "_", "a" * 10_000, "\0"], ids=["%", "_", "10 kB", "NUL"])
def test_an_unusual_search_finds_no_user(alice: User, admin: AdminPages, word: str) -> None:
    assert admin.get(q=word).status_code in (200, 302)


@pytest.mark.spec("ASVS 5.0", "16.2.5")
def test_the_pages_about_a_user_show_nothing_secret(
    api: API, alice: User, admin: AdminPages
) -> None:
    session = row(api.login(alice))
    *_, salt, computed = alice.password.split("$")
    hidden = [alice.password, salt, salt[:6], computed, computed[:6]]
    hidden += [bytes(secret).hex() for secret in (session.secret_hash, session.nonce)]
    hidden += [bytes(session.credential_tag).hex(), str(bytes(session.nonce))]
    admin.change(alice, first_name="Alice")
    for page in ("", f"{alice.pk}/change/", f"{alice.pk}/history/", f"{alice.pk}/delete/"):
        shown = admin.get(page).content.decode()
        assert "alice" in shown
        assert not [secret for secret in hidden if secret in shown]


def test_only_staff_can_use_the_admin(alice: User) -> None:
    client = Client()
    page = "/admin/accounts/user/"
    assert client.get(page, follow=True).redirect_chain[-1][0] == f"/accounts/login/?next={page}"
    client.force_login(alice)
    refused = client.get(page, follow=True)
    assert refused.status_code == 403
    assert "You are signed in as <bdi>alice</bdi>." in refused.text
    assert "This account is not an administrator’s." in refused.text
    assert "Sign out and use another account" in refused.text
    assert 'href="/"' in refused.text


def test_a_refused_user_can_sign_in_as_another_and_continue(alice: User) -> None:
    client, page = Client(enforce_csrf_checks=True), "/admin/accounts/user/?q=b"
    client.force_login(alice)
    refused = client.get(page, follow=True).text
    (form,) = [form for form in refused.split("<form")[1:] if "another account" in form]
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    assert client.post("/accounts/logout/", {"next": fields["next"]}).status_code == 403
    sign_in = client.post("/accounts/logout/", fields)["Location"]
    assert sign_in == "/accounts/login/?next=/admin/accounts/user/%3Fq%3Db"
    assert f'name="next" value="{page}"' in client.get(sign_in).text
    assert not DeviceSession.objects.active().exists()


def test_administrators_use_the_sign_in_page_of_the_site(alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_staff=True)
    client = Client()
    sign_in = client.get("/admin/", follow=True).redirect_chain[-1][0]
    form = {"username": "ALICE@example.org", "password": PASSWORD, "next": "/admin/"}
    assert client.post(sign_in, form)["Location"] == "/admin/"
    index = client.get("/admin/").text
    assert "<title>Administration – Latchkey</title>" in index
    assert 'href="/accounts/devices/"' in index
    assert 'href="/"' in index


def test_the_admin_uses_the_account_pages_of_the_site(
    admin: AdminPages,
) -> None:
    assert admin.client.post("/admin/login/").status_code == 405
    change = admin.client.get("/admin/password_change/")
    assert change["Location"] == "/accounts/password/change/"
    assert admin.client.post("/admin/logout/")["Location"] == "/accounts/logout/"
    assert admin.get().status_code == 302


def test_a_user_page_lists_the_active_sessions(
    api: API, alice: User, bob: User, admin: AdminPages, clock: Clock
) -> None:
    phone, laptop = api.login(alice, "phone"), api.login(alice, "laptop")
    api.login(bob, "toaster")
    clock.forward(days=1)
    api.rotated(phone["refresh"])
    api.post("logout/", {"refresh": laptop["refresh"]})
    admin.client.force_login(admin.carol)  # her session has expired
    answer = admin.get(f"{alice.pk}/change/")
    shown = [form.instance for form in answer.context["inline_admin_formsets"][0].formset.forms]
    assert shown == [row(phone)]
    page = answer.content.decode()
    assert "phone" in page
    assert date_format(row(phone).last_used_on) in page
    everything = f"/admin/tokens/devicesession/?user__exact={alice.pk}"
    assert everything in page
    listed = admin.client.get(everything).context["cl"].result_list
    assert set(listed) == {row(phone), row(laptop)}


def test_the_sessions_of_a_user_have_named_columns(
    api: API, alice: User, admin: AdminPages
) -> None:
    page = f"{alice.pk}/change/"
    assert "No active session." in admin.get(page).text
    session = row(api.login(alice))
    shown = admin.get(page).text
    assert "No active session." not in shown
    headings = re.findall(r'<th class="column-\w+">(.*?)</th>', shown)
    assert headings == ["Device", "Action", "Last use", "IP address", "Created at", "Kind"]
    assert f'href="/admin/tokens/devicesession/{session.pk}/change/"' in shown


@pytest.mark.spec("ASVS 5.0", "7.4.5")
def test_an_action_revokes_every_session_of_the_users(
    api: API, alice: User, bob: User, admin: AdminPages
) -> None:
    phone, laptop, bobs = api.login(alice), api.login(alice), api.login(bob)
    fields = {"action": "revoke_sessions", "_selected_action": [str(alice.pk)]}
    answer = confirm(admin.client, USERS, fields)
    assert answer.redirect_chain
    for pair in (phone, laptop):
        assert row(pair).revoked_reason == Reason.ADMIN
        assert api.refresh(pair["refresh"]).status_code == 401
    api.rotated(bobs["refresh"])
    assert "Sessions revoked: 2." in answer.content.decode()
    assert "Revoked every session." in admin.get(f"{alice.pk}/history/").content.decode()


def test_posted_fields_about_sessions_are_ignored(
    api: API, alice: User, bob: User, admin: AdminPages
) -> None:
    """Saving a row that was read earlier does not undo the revocation."""
    session = row(api.login(alice))
    prefix = "device_sessions"
    answer = admin.change(
        alice,
        is_active=None,
        **{
            f"{prefix}-TOTAL_FORMS": "2",
            f"{prefix}-INITIAL_FORMS": "1",
            f"{prefix}-0-id": str(session.pk),
            f"{prefix}-0-user": str(bob.pk),
            f"{prefix}-0-device": "toaster",
            f"{prefix}-0-DELETE": "on",
            f"{prefix}-1-device": "another",
        },
    )
    assert answer.status_code == 302
    after = DeviceSession.objects.get(pk=session.pk)
    assert (after.user, after.device, after.revoked_reason) == (alice, "phone", Reason.DEACTIVATED)


def test_saving_a_user_revives_no_session(
    api: API, alice: User, bob: User, admin: AdminPages
) -> None:
    phone = api.login(alice)
    posted = {"device_sessions-TOTAL_FORMS": "1", "device_sessions-INITIAL_FORMS": "1"}
    posted["device_sessions-0-id"] = str(row(phone).pk)
    api.post("logout/", {"refresh": phone["refresh"]})
    answer = admin.change(alice, email=bob.email, **posted)
    assert answer.status_code == 200
    assert "A user with that e-mail address already exists." in answer.content.decode()


@pytest.mark.parametrize(
    "password",
    [HASHED, "!", "", "argon2$damaged", "damaged"],
    ids=["set", "unusable", "none", "damaged", "of no kind"],
)
def test_a_user_page_says_only_whether_there_is_a_password(
    alice: User, admin: AdminPages, password: str
) -> None:
    User.objects.filter(pk=alice.pk).update(password=password)
    page = admin.get(f"{alice.pk}/change/").content.decode()
    there = password not in ("!", "")
    assert ("A password is set." in page) is there
    assert ("No password is set." in page) is not there
    assert "argon2" not in page


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="an index of PostgreSQL")
@pytest.mark.parametrize("column", ["username", "email", "first_name", "last_name"])
def test_postgresql_finds_users_by_an_index(alice: User, column: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        found = User.objects.filter((f"{column}__istartswith", "ali")).order_by()
        assert f"accounts_user_{column}_begins" in found.explain()
