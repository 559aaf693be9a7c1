"""An administrator manages service accounts."""

import re
from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.support.staff import SESSIONS
from tests.tokens.admin.pages import listed, staff
from tests.tokens.admin.service_pages import (
    MAY,
    PAGE,
    SHOWN,
    change,
    create,
    disable,
    form,
    history,
    is_valid,
)
from tests.tokens.oauth.conftest import PAYMENTS, SITE, Service, create_service
from tokens.models import DeviceSession, Reason, ServiceAccount, ServiceSecret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("known_scopes")]


def test_an_account_is_created_with_owners_scopes_and_audiences(carol: Client, alice: User) -> None:
    page = carol.get(f"{PAGE}add/").content.decode()
    for sentence in ("Read orders.", "Ask whether a token is valid", PAYMENTS):
        assert sentence in page
    chosen = {"scope": ["orders:read", "stock"], "audience": [SITE, PAYMENTS]}
    answer = carol.post(f"{PAGE}add/", form(owners=alice.email, **chosen))
    assert answer.status_code == 302, answer.context["errors"]
    account = ServiceAccount.objects.get()
    assert account.scope == "orders:read stock"
    assert account.audience == f"{SITE} {PAYMENTS}"
    assert [*account.owners.all()] == [alice]
    assert account.created_by == User.objects.get(username="carol")
    assert LogEntry.objects.get().object_repr == "orders"


@pytest.mark.parametrize(
    ("enabled", "permissions", "says"),
    [
        pytest.param("on", MAY, True, id="enabled"),
        pytest.param("", MAY, False, id="disabled"),
        pytest.param("on", MAY[:2], False, id="without the permission to change it"),
    ],
)
def test_a_new_account_is_shown_with_the_next_step(
    db: None, enabled: str, permissions: tuple[str, ...], says: bool
) -> None:
    answer = staff("dave", *permissions).post(f"{PAGE}add/", form(is_active=enabled), follow=True)
    account = ServiceAccount.objects.get()
    page = f"{PAGE}{account.pk}/change/" if permissions == MAY else PAGE
    assert answer.redirect_chain == [(page, 302)]
    shown = answer.content.decode()
    assert "was added successfully" in shown
    assert ("The next step is “Create secret”." in shown) is says
    assert ("No secret yet." in shown) is (permissions == MAY)


def test_the_form_says_where_scopes_and_audiences_come_from(
    carol: Client, settings: Settings
) -> None:
    shown = carol.get(f"{PAGE}add/").content.decode()
    assert "the first that you choose is the default" in shown
    assert "TOKEN_SCOPES" not in shown
    settings.TOKENS = {**settings.TOKENS, "SCOPES": {}}
    shown = carol.get(f"{PAGE}add/").content.decode()
    assert "To define others, use the setting TOKEN_SCOPES." in shown


def test_a_deletion_is_confirmed_without_rows_of_relations(
    carol: Client, alice: User, service: Service
) -> None:
    service.account.owners.set([alice])
    shown = carol.get(f"{PAGE}{service.account.pk}/delete/").content.decode()
    assert "Service secrets: 1" in shown
    assert "relationship" not in shown


def test_the_list_shows_first_whether_an_account_is_enabled(
    carol: Client, service: Service
) -> None:
    shown = carol.get(PAGE).content.decode()
    assert re.findall(r'class="[^"]*column-(\w+)', shown)[:2] == ["name", "is_active"]
    assert "Scroll the table sideways" in shown
    ServiceAccount.objects.all().delete()
    assert "Scroll the table sideways" not in carol.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"scope": "oders:read"}, "is not one of the available choices"),
        ({"audience": "https://evil.example"}, "is not one of the available choices"),
        ({"name": "two\nlines"}, "Write this on one line"),
        ({"name": "taken"}, "A service account with that name already exists."),
        ({"name": ""}, "This field is required."),
        ({"owners": "carol, dave"}, "There is no user with the user name or e-mail address dave."),
        ({"owners": "x" * 100_000}, "There is no user with"),
        ({"owners": " ".join(f"carol{n}" for n in range(51))}, "Enter at most 50 people."),
    ],
    ids=[
        "misspelt scope",
        "unknown audience",
        "two lines",
        "name taken",
        "no name",
        "no user",
        "long",
        "too many users",
    ],
)
def test_a_wrong_field_creates_nothing(carol: Client, fields: dict[str, str], error: str) -> None:
    ServiceAccount.objects.create(name="taken")
    answer = carol.post(f"{PAGE}add/", form(**fields))
    assert error in answer.content.decode()
    assert ServiceAccount.objects.count() == 1
    assert history() == []


def test_the_form_shows_what_is_stored_and_a_change_reaches_the_secrets(
    carol: Client, service: Service
) -> None:
    page = carol.get(f"{PAGE}{service.client_id}/change/").content.decode()
    ticked = re.findall(r'value="([^"]+)"[^>]*checked', page)
    assert ticked == ["orders:read", SITE]
    answer = change(carol, service, scope=["stock"], audience=[PAYMENTS])
    assert answer.status_code == 302
    session = DeviceSession.objects.get(pk=service.row.session_id)
    assert (session.scope, session.audience) == ("stock", PAYMENTS)
    assert session.roles_version == 2
    assert history() == ["Changed Description, Scopes and Audiences."]


def test_owners_are_written_by_name_and_shown_again(
    carol: Client, service: Service, alice: User, bob: User
) -> None:
    kept = {"scope": ["orders:read"], "audience": [SITE], "description": ""}
    change(carol, service, owners="alice, bob@example.org", **kept)
    assert {*service.account.owners.all()} == {alice, bob}
    form = carol.get(f"{PAGE}{service.client_id}/change/").context["adminform"].form
    assert sorted(form["owners"].value().split()) == ["alice", "bob"]
    change(carol, service, owners=form["owners"].value(), **kept)
    change(carol, service, owners="", **kept)
    assert not service.account.owners.exists()
    assert history() == ["Changed Owners.", "No fields changed.", "Changed Owners."]
    page = carol.get(f"{PAGE}add/", {"owners": "alice", "scope": "stock"}).content.decode()
    assert re.search(r'name="owners" value="alice"', page)


@pytest.mark.spec("ASVS 5.0", "8.2.2")
@pytest.mark.parametrize("permission", ["", "view_user", "change_user"])
def test_owners_are_chosen_by_those_who_may_view_users(
    service: Service, alice: User, bob: User, permission: str
) -> None:
    """The field would tell whether a user exists, and the user name of an e-mail address."""
    service.account.owners.set([alice])
    dave = staff("dave", *MAY, permission)
    pages = [dave.get(f"{PAGE}add/").text]
    for owners in (f"alice {bob.email}", "alice mallory"):
        pages.append(dave.post(f"{PAGE}add/", form(name="new", owners=owners), follow=True).text)
        pages.append(change(dave, service, owners=owners).text)
    may_choose = bool(permission)
    assert ('name="owners"' in pages[0]) is may_choose
    assert any("There is no user with" in page for page in pages) is may_choose
    assert (bob in service.account.owners.all()) is may_choose
    assert alice in service.account.owners.all()
    shown = dave.get(f"{PAGE}{service.client_id}/change/").text
    assert ("bob" in shown) is may_choose
    assert "alice" in shown


def test_a_form_without_a_change_says_so_in_the_history(carol: Client, service: Service) -> None:
    ServiceAccount.objects.update(description="Ships orders.")
    change(carol, service, scope=["orders:read"], audience=[SITE])
    assert history() == ["No fields changed."]
    assert DeviceSession.objects.get(pk=service.row.session_id).roles_version == 1


def test_disabling_the_account_disables_its_secrets(carol: Client, service: Service) -> None:
    told = "Secrets disabled: 1. They stay disabled if you enable the account again."
    for changes in ({"description": "Ships."}, {"is_active": ""}):
        change(carol, service, **changes)
        assert (told in carol.get(PAGE).content.decode()) is ("is_active" in changes)
    assert not is_valid(service)
    page = carol.get(f"{PAGE}{service.client_id}/change/").content.decode()
    assert 'field-state"><p>disabled' in page.replace("\n", "").replace(" ", "")
    assert "Create secret" not in page
    answer = carol.get(f"{PAGE}{service.client_id}/secrets/add/", follow=True)
    assert "Enable the service account before" in answer.content.decode()


def test_deleting_the_account_revokes_the_sessions(carol: Client, service: Service) -> None:
    answer = carol.post(f"{PAGE}{service.client_id}/delete/", {"post": "yes"})
    assert answer.status_code == 302
    session = DeviceSession.objects.get(pk=service.row.session_id)
    assert session.revoked_reason == Reason.DELETED
    assert not ServiceSecret.objects.exists()
    assert carol.get(SESSIONS, {"kind__exact": "service"}).status_code == 200
    assert carol.get(f"{SESSIONS}{session.pk}/change/").status_code == 200


@pytest.mark.parametrize("query", ["ord", "ORDERS", "id", "prefix"])
def test_an_account_is_found_by_name_client_id_and_prefix(
    carol: Client, service: Service, query: str
) -> None:
    create_service("stock")
    words = {"id": service.client_id, "prefix": service.row.prefix}.get(query, query)
    assert listed(carol.get(PAGE, {"q": words})) == {service.account}
    assert listed(carol.get(PAGE, {"q": "rders"})) == set()
    assert len(listed(carol.get(PAGE, {"is_active__exact": "1"}))) == 2


def test_an_account_is_found_by_a_name_of_many_words(carol: Client) -> None:
    account = ServiceAccount.objects.create(name="a " * 49 + "a")
    assert listed(carol.get(PAGE, {"q": account.name})) == {account}


@pytest.mark.parametrize("filtering", ["secrets__digest__startswith", "owners__password", "scope"])
def test_a_filter_by_a_hidden_column_is_refused(carol: Client, filtering: str) -> None:
    answer = carol.get(PAGE, {filtering: "x"})
    assert answer.status_code in (302, 400)


@pytest.mark.trap(95)
@pytest.mark.spec("ASVS 5.0", "8.2.1")
def test_a_staff_user_manages_accounts_with_the_scopes_of_people(service: Service) -> None:
    dave = staff("dave", *MAY)
    page = dave.get(f"{PAGE}add/").content.decode()
    assert "orders:read" in page
    assert "introspect" not in page
    assert change(dave, service, scope=["orders:write"]).status_code == 302
    assert SHOWN.search(create(dave, service).content.decode())
    disable(dave, service)
    assert not is_valid(service)


@pytest.mark.trap(95)
@pytest.mark.spec("ASVS 5.0", "8.2.1")
def test_only_a_superuser_grants_and_manages_a_built_in_scope(
    carol: Client, service: Service
) -> None:
    dave = staff("dave", *MAY, "change_devicesession")
    answer = dave.post(f"{PAGE}add/", form(name="new", scope=["introspect"]))
    assert "is not one of the available choices" in answer.content.decode()
    assert change(carol, service, scope=["stock", "introspect"]).status_code == 302
    before = (ServiceAccount.objects.values().get(), ServiceSecret.objects.values().get())
    page = dave.get(f"{PAGE}{service.client_id}/change/").content.decode()
    assert "You cannot change this service account" in page
    assert "Create secret" not in page
    assert ">Disable<" not in page
    session = dave.get(f"{SESSIONS}{service.row.session_id}/change/").content.decode()
    assert "Revoke session" not in session
    assert change(dave, service, scope=["stock"]).status_code == 403
    assert create(dave, service).status_code == 403
    assert disable(dave, service).status_code == 403
    assert dave.post(f"{PAGE}{service.client_id}/delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "revoke", "_selected_action": [str(service.row.session_id)]}
    answer = dave.post(SESSIONS, chosen, follow=True)
    assert "rights that you do not have: orders." in answer.content.decode()
    after = (ServiceAccount.objects.values().get(), ServiceSecret.objects.values().get())
    assert after == before
    assert is_valid(service)


def test_an_expiry_needs_a_day_and_a_time_in_the_future(carol: Client, service: Service) -> None:
    page = f"{PAGE}{service.client_id}/change/"
    assert "A day and a time, or neither." in carol.get(page).content.decode()
    for day, moment, message in [
        ("2020-01-31", "12:00", "This time has passed."),
        ("2120-01-31", "", "Enter a valid time."),
        ("", "12:00", "Enter a valid date."),
    ]:
        answer = change(carol, service, expires_at_0=day, expires_at_1=moment)
        assert (answer.status_code, message in answer.content.decode()) == (200, True), message
    assert ServiceAccount.objects.get(pk=service.client_id).expires_at is None


def test_an_expired_account_can_still_be_changed(carol: Client, service: Service) -> None:
    ServiceAccount.objects.update(expires_at=datetime(2020, 1, 31, 12, tzinfo=UTC))
    past = {"expires_at_0": "2020-01-31", "expires_at_1": "12:00:00"}
    assert change(carol, service, name="shipping", **past).status_code == 302
    account = ServiceAccount.objects.get()
    assert (account.name, account.expires_at is None) == ("shipping", False)
