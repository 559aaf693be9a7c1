"""The password pages: people change the password, or reset it by a mailed link."""

import re

import pytest
from django.conf import settings as site
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from accounts.links import password_link
from accounts.models import User
from tests.accounts.conftest import NEW_PASSWORD, link_in, post_office, query_of
from tests.conftest import API, PASSWORD, Answer, row
from tests.support.people import IPHONE, Person, newest, signed_in, without_csrf_token
from tokens.models import Reason

pytestmark = pytest.mark.django_db


def change(person: Person, current: str = PASSWORD, new: str = NEW_PASSWORD) -> Answer:
    return person.post("password/change/", current_password=current, new_password=new)


@pytest.mark.spec("ASVS 5.0", "6.2.2", "7.4.3")
def test_a_password_change_revokes_every_other_session(api: API, alice: User) -> None:
    phone, lost, person = api.login(alice), signed_in(alice, IPHONE), signed_in(alice)
    before = newest(alice)
    answer = person.post("password/change/", current_password=PASSWORD, new_password=NEW_PASSWORD)
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/")
    assert "The password is changed." in person.get("").text
    alice.refresh_from_db()
    assert alice.check_password(NEW_PASSWORD)
    before.refresh_from_db()
    assert row(phone).revoked_reason == before.revoked_reason == Reason.CREDENTIALS_CHANGED
    assert not lost.is_signed_in
    assert person.is_signed_in
    (notice,) = post_office()
    assert notice.subject == "Your password was changed"


REFUSED = {
    "wrong": ("eight wet otters", NEW_PASSWORD, "This is not the current password."),
    "none": ("", NEW_PASSWORD, "This field is required."),
    "the same": (PASSWORD, PASSWORD, "This is the current password."),
    "short": (PASSWORD, "nine", "too short"),
    "common": (PASSWORD, "password1234", "too common"),
    "like the name": (PASSWORD, "alice@example.org", "too similar"),
}


@pytest.mark.spec("ASVS 5.0", "6.2.3")
@pytest.mark.parametrize(("current", "new", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_refused_change_says_why_and_changes_nothing(
    api: API, alice: User, current: str, new: str, sentence: str
) -> None:
    phone, person = api.login(alice), signed_in(alice)
    answer = person.post("password/change/", current_password=current, new_password=new)
    assert answer.status_code == 400
    assert sentence in answer.text
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
    api.rotated(phone["refresh"])
    assert person.is_signed_in


@pytest.mark.usefixtures("fresh_counters")
def test_guesses_of_the_current_password_are_throttled(alice: User, settings: Settings) -> None:
    settings.TOKENS = {**settings.TOKENS, "THROTTLES": {"current_password": "2 per minute"}}
    person = signed_in(alice)
    assert change(person, "wrong").status_code == 400
    assert person.post("delete/", current_password="wrong").status_code == 400
    refused = person.post("email/change/", email="a@example.net", current_password=PASSWORD)
    assert refused.status_code == 429
    assert "Try again in" in refused.text


@pytest.mark.spec("ASVS 5.0", "6.3.8")
@pytest.mark.usefixtures("clock")  # because the header Expires contains the time
def test_a_reset_request_does_not_reveal_whether_a_user_exists(alice: User) -> None:
    answers = set()
    for email in ("alice@example.org", "nobody@example.org"):
        with CaptureQueriesContext(connection) as queries:
            answer = Person().post("password/reset/", email=email)
        statements = [re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in queries]
        assert "accounts_user" not in " ".join(statements)
        assert answer.headers.pop("X-Request-ID")  # differs in each answer
        headers = sorted(answer.headers.items())
        answers.add(f"{answer.status_code} {answer.content} {headers} {statements}")
    assert len(answers) == 1
    assert answer["Location"] == "/accounts/password/reset/sent/"
    assert "If there is such an account" in Person().get("password/reset/sent/").text
    assert [message.to for message in post_office()] == [["alice@example.org"]]


@pytest.mark.parametrize("path", ["password/reset/", "password/reset/sent/"])
def test_only_anonymous_people_see_the_link_back_to_sign_in(path: str, alice: User) -> None:
    assert "Back to sign-in" in Person().get(path).text
    assert "Back to sign-in" not in signed_in(alice).get(path).text


def test_the_well_known_url_leads_to_the_password_change(alice: User) -> None:
    answer = signed_in(alice).client.get("/.well-known/change-password")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/password/change/")


def test_an_invalid_email_is_refused_and_not_queued() -> None:
    for email in ("", "alice", "a@b", "a\0@example.org", "a" * 300 + "@example.org"):
        assert Person().post("password/reset/", email=email).status_code == 400
    assert "Enter a valid e-mail address." in Person().post("password/reset/", email="a@b").text
    assert not DBTaskResult.objects.exists()


def test_a_mailed_link_sets_the_password_once(api: API, alice: User) -> None:
    phone, person = api.login(alice), Person()
    person.post("password/reset/", email=alice.email)
    link = link_in(post_office()[0])
    assert person.client.get(link).status_code == 200
    form = {**query_of(link), "new_password": NEW_PASSWORD}
    done = person.post("password/choose/", **form)
    assert done["Location"] == "/accounts/password/chosen/"
    assert "Your password is set" in person.get("password/chosen/").text
    assert row(phone).revoked_reason == Reason.CREDENTIALS_CHANGED
    again = person.post("password/choose/", **form)
    assert (again.status_code, without_csrf_token(again)) == (
        400,
        without_csrf_token(person.get("password/choose/")),
    )
    assert person.sign_in("alice", NEW_PASSWORD).status_code == 302


@pytest.mark.parametrize("form", [{}, {"new_password": "short"}], ids=["opened", "refused"])
@pytest.mark.parametrize("invited", [True, False], ids=["a new user", "a forgotten password"])
def test_only_a_user_with_a_password_reads_of_signed_in_devices(
    alice: User, invited: bool, form: dict[str, str]
) -> None:
    if invited:
        alice.set_unusable_password()
        alice.save()
    query, person = query_of(password_link(alice)), Person()
    page = person.post("password/choose/", **query, **form) if form else None
    text = (page or person.get("password/choose/", **query)).text
    assert ("every device that is signed in" in text) is not invited
    assert ("sign in to your new account" in text) is invited


@pytest.mark.parametrize("name", ["alice", "bob"])
def test_a_signed_in_person_chooses_a_password_by_a_link(alice: User, bob: User, name: str) -> None:
    person = signed_in(User.objects.get(username=name))
    alice.refresh_from_db()
    form = {**query_of(password_link(alice)), "new_password": NEW_PASSWORD}
    assert person.post("password/choose/", **form)["Location"] == "/accounts/password/chosen/"
    page = person.client.get("/accounts/password/chosen/", follow=True)
    sentences = ["Sign in with it now.", "The password of alice is set."]
    assert [sentence in page.text for sentence in sentences] == [name == "alice", name == "bob"]


@pytest.mark.usefixtures("fresh_counters")
def test_requesting_and_trying_links_is_throttled(alice: User, settings: Settings) -> None:
    rates = {"reset_account": "1 per hour", "link": "2 per hour"}
    settings.TOKENS = {**settings.TOKENS, "THROTTLES": rates}
    statuses = [Person().post("password/reset/", email=alice.email).status_code for _ in range(2)]
    assert statuses == [302, 429]
    link = password_link(alice)
    person = Person()
    assert person.client.get(link).status_code == 200
    assert person.get("password/choose/", uid="x", token="y").status_code == 400
    form = {**query_of(link), "new_password": NEW_PASSWORD}
    for refused in (person.client.get(link), person.post("password/choose/", **form)):
        assert refused.status_code == 429
    assert person.get("email/confirm/", token="x").status_code == 429
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


@pytest.mark.spec("ASVS 5.0", "3.5.1")
def test_a_password_change_needs_a_csrf_token(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    form = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert browser.post("/accounts/password/change/", form).status_code == 403
    browser.get("/accounts/password/change/")
    form["csrfmiddlewaretoken"] = browser.cookies[site.CSRF_COOKIE_NAME].value
    assert browser.post("/accounts/password/change/", form).status_code == 302
