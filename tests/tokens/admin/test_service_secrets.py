"""An administrator creates, lists and disables secrets. A secret is shown once."""

import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.signing import dumps
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.utils.formats import localize
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock
from tests.support.leaks import Leaks, search_tables
from tests.support.racing import race
from tests.support.staff import BLACKLIST, SESSIONS
from tests.tokens.admin.pages import end, listed, staff
from tests.tokens.admin.service_pages import (
    PAGE,
    SHOWN,
    create,
    disable,
    history,
    is_valid,
    open_form,
    submit,
)
from tests.tokens.jwt.forging import parts
from tests.tokens.oauth.conftest import OAuth, Service, create_service
from tokens.models import DeviceSession, Reason, ServiceAccount, ServiceSecret
from tokens.service_accounts import secrets
from tokens.service_accounts.accounts import authenticate, create_secret, issue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("known_scopes")]


@pytest.mark.trap(72)
def test_a_new_secret_is_shown_once(
    carol: Client, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    answer = create(carol, service, 30)
    assert (answer.status_code, "no-store" in answer["Cache-Control"]) == (200, True)
    found = SHOWN.search(answer.content.decode())
    assert found is not None
    client_id, text = found.groups()
    assert client_id == service.client_id
    client = authenticate(text, client_id=client_id)
    assert client.secret.created_by == User.objects.get(username="carol")
    lifetime = client.secret.expires_at - client.secret.created_at
    assert lifetime == timedelta(days=30)
    assert history() == [f"Created the secret {text[:13]}…."]
    random = text[13:]
    addresses = ("change/", "history/", "secrets/add/")
    shown = [carol.get(f"{PAGE}{client_id}/{end}").content.decode() for end in addresses]
    shown += [carol.get("/admin/").content.decode(), caplog.text, repr(carol.cookies)]
    assert not [one for one in shown if random in one]


def test_reloading_the_answer_creates_no_second_secret(carol: Client, service: Service) -> None:
    sid = open_form(carol, service)
    assert SHOWN.search(submit(carol, service, sid=sid).content.decode())
    again = carol.post(
        f"{PAGE}{service.client_id}/secrets/add/", {"days": 365, "sid": sid}, follow=True
    )
    shown = again.content.decode()
    assert "This secret was already created." in shown
    assert "client_secret" not in shown
    assert ServiceSecret.objects.count() == 2
    assert len(history()) == 1
    assert SHOWN.search(create(carol, service).content.decode())


@pytest.mark.django_db(transaction=True)
def test_simultaneous_posts_of_one_form_create_one_secret(carol: Client, service: Service) -> None:
    sid = open_form(carol, service)
    post = partial(submit, carol, service, sid=sid)
    answers = race(*[post] * 4)
    assert sorted(answer.status_code for answer in answers) == [200, 302, 302, 302]
    assert ServiceSecret.objects.count() == 2
    assert DeviceSession.objects.filter(kind="service").count() == 2
    assert len(history()) == 1


@pytest.mark.parametrize(
    "sid",
    ["", "x", "0" * 32, dumps("0" * 32)],
    ids=["nothing", "not an id", "not signed", "signed for something else"],
)
def test_a_form_that_the_site_did_not_make_creates_no_secret(
    carol: Client, service: Service, sid: str
) -> None:
    shown = submit(carol, service, sid=sid).content.decode()
    assert "No secret was created." in shown
    assert "This page has expired. Submit the form again." in shown
    assert ServiceSecret.objects.count() == 1


def test_an_old_form_creates_no_secret(carol: Client, service: Service, clock: Clock) -> None:
    sid = open_form(carol, service)
    clock.forward(minutes=59)
    assert SHOWN.search(submit(carol, service, sid=sid).content.decode())
    sid = open_form(carol, service)
    clock.forward(minutes=61)
    assert "This page has expired." in submit(carol, service, sid=sid).content.decode()
    assert ServiceSecret.objects.count() == 2


def test_the_page_says_when_the_secret_expires(carol: Client, service: Service) -> None:
    shown = create(carol, service, 30).content.decode()
    secret = ServiceSecret.objects.latest("pk")
    assert f"<p>Expires: {localize(secret.expires_at)}</p>" in shown
    add = f"{PAGE}{service.client_id}/secrets/add/"
    assert "after the service account expires" not in carol.get(add).content.decode()
    ends = timezone.now() + timedelta(days=2)
    ServiceAccount.objects.update(expires_at=ends)
    note = f"No secret is valid after the service account expires ({localize(ends)})."
    assert note in carol.get(add).content.decode()
    assert f"<p>Expires: {localize(ends)}</p>" in create(carol, service, 30).content.decode()


@pytest.mark.parametrize("days", ["", "x", 0, -1, 3651, "9" * 30])
def test_a_lifetime_that_is_none_creates_no_secret(
    carol: Client, service: Service, days: object
) -> None:
    answer = create(carol, service, days)
    assert "No secret was created." in answer.content.decode()
    assert ServiceSecret.objects.count() == 1
    assert history() == []


@pytest.mark.trap(72)
@pytest.mark.spec("ASVS 5.0", "16.5.1")
@pytest.mark.parametrize("debug", [False, True], ids=["in production", "under DEBUG"])
@pytest.mark.parametrize("table", ["tokens_servicesecret", "django_admin_log"])
def test_an_error_page_does_not_show_the_new_secret(
    carol: Client,
    service: Service,
    settings: Settings,
    *,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    table: str,
    debug: bool,
) -> None:
    made = []
    generate = secrets.generate

    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("INSERT") and table in sql:
            raise RuntimeError("the disk is full")
        return execute(sql, *rest)

    def remembered() -> str:
        made.append(generate())
        return made[-1]

    monkeypatch.setattr(secrets, "generate", remembered)
    settings.DEBUG = debug
    carol.raise_request_exception = False
    with connection.execute_wrapper(fail):
        answer = create(carol, service)
    shown = answer.content.decode()
    assert (answer.status_code, "the disk is full" in shown) == (500, debug)
    assert made[0][9:] not in shown + caplog.text
    assert ServiceSecret.objects.count() == 1


def test_secrets_are_listed_with_their_state(carol: Client, service: Service, clock: Clock) -> None:
    short, _ = create_secret(service.account, lifetime=timedelta(days=2))
    gone, _ = create_secret(service.account, lifetime=timedelta(days=2))
    DeviceSession.objects.filter(pk=gone.session_id).revoke(Reason.ADMIN)
    clock.forward(days=3)
    carol.force_login(User.objects.get(username="carol"))
    page = carol.get(f"{PAGE}{service.client_id}/change/").content.decode()
    states = [state.strip() for state in re.findall(r'field-state">\s*<p>(.*?)</p>', page, re.S)]
    assert states == ["disabled", "expired", "active"]
    assert [f"{row.prefix}…" in page for row in (short, gone, service.row)] == [True] * 3
    assert page.count(">Disable<") == 1


def test_a_secret_is_disabled_after_a_confirmation(carol: Client, service: Service) -> None:
    address = f"{PAGE}{service.client_id}/secrets/{service.row.pk}/disable/"
    asked = carol.get(address).content.decode()
    assert "You cannot undo this." in asked
    assert re.search(rf'href="{PAGE}{service.client_id}/change/">Cancel<', asked)
    assert "delete-confirmation" in asked
    assert is_valid(service)
    answer = disable(carol, service)
    assert f"Disabled the secret {service.row.prefix}…." in answer.content.decode()
    assert not is_valid(service)
    disable(carol, service)
    assert history() == [f"Disabled the secret {service.row.prefix}…."]


def test_a_secret_of_another_account_is_not_found(carol: Client, service: Service) -> None:
    other = create_service("stock")
    address = f"{PAGE}{other.client_id}/secrets/{service.row.pk}/disable/"
    assert carol.post(address).status_code == 404
    assert carol.get(f"{PAGE}{alien()}/secrets/add/").status_code == 404
    assert is_valid(service)


def alien() -> str:
    """Return the id of no account."""
    return "00000000-0000-0000-0000-000000000000"


@pytest.mark.spec("ASVS 5.0", "8.2.1")
@pytest.mark.parametrize("permission", ["view_serviceaccount", "add_serviceaccount", "view_user"])
def test_secrets_need_the_permission_to_change_the_account(
    service: Service, permission: str
) -> None:
    dave = staff("dave", permission)
    if permission == "view_serviceaccount":
        page = dave.get(f"{PAGE}{service.client_id}/change/").content.decode()
        assert service.row.prefix in page
        assert ">Disable<" not in page
        assert "Create secret" not in page
    assert create(dave, service).status_code == 403
    assert disable(dave, service).status_code == 403
    assert is_valid(service)
    assert Client().get(f"{PAGE}{service.client_id}/secrets/add/").status_code == 302


def test_a_session_of_a_service_is_listed_and_ended_with_its_name(
    carol: Client, service: Service, api: API, alice: User
) -> None:
    phone = api.login(alice)
    sessions = {session.kind: session for session in listed(carol.get(SESSIONS))}
    assert sessions["service"].pk == service.row.session_id
    page = carol.get(f"{SESSIONS}{service.row.session_id}/change/").content.decode()
    assert re.search(r'field-principal">.*?orders', page, re.S)
    assert listed(carol.get(SESSIONS, {"kind__exact": "service"})) == {sessions["service"]}
    assert listed(carol.get(SESSIONS, {"user__exact": str(alice.pk)})) == {sessions["token"]}
    assert listed(carol.get(SESSIONS, {"q": "alice"})) == {sessions["token"]}
    end(carol, {"session": str(service.row.session.sid)}, phone)
    assert not is_valid(service)
    assert history() == ["Revoked.", "Revoked."]


def test_a_staff_user_without_the_permission_ends_no_session_of_a_service(
    service: Service, api: API, alice: User
) -> None:
    phone = api.login(alice)
    dave = staff("dave", "change_devicesession")
    chosen = [{"session": str(service.row.session.sid)}, phone]
    shown = end(dave, *chosen).content.decode()
    assert "Left out, sessions of service accounts: 1." in shown
    assert is_valid(service)
    assert history() == ["Revoked."]


def test_people_never_see_the_session_of_a_service(service: Service, api: API, alice: User) -> None:
    service.account.owners.add(alice)
    ServiceAccount.objects.update(created_by=alice)
    pair = api.login(alice)
    entries = api.get("sessions/", bearer=pair["access"]).json()
    assert [entry["id"] for entry in entries] == [pair["session"]]
    browser = Client()
    browser.force_login(alice)
    assert "orders" not in browser.get("/accounts/devices/").content.decode()
    assert api.post("logout/all/", bearer=pair["access"]).json()["ended"] == 2
    assert is_valid(service)


@pytest.mark.trap(72)
@pytest.mark.django_db(transaction=True)
def test_a_stolen_database_dump_yields_no_secret(
    carol: Client, service: Service, oauth: OAuth
) -> None:
    """After a secret was created, used, refused, disabled and pasted."""
    found = SHOWN.search(create(carol, service).content.decode())
    assert found is not None
    oauth.token(service, grant_type="client_credentials")
    oauth.token(client_id=service.client_id, client_secret=found[2], grant_type="nonsense")
    token = str(issue(authenticate(found[2])))
    carol.post(BLACKLIST + "add/", {"token": found[2]})
    leaks = Leaks()
    for text in (service.secret, found[2], token):
        leaks.add_tokens(text)
    assert parts(token)
    search_tables(leaks)
    assert leaks.report() == []
