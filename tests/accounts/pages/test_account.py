"""The account pages: people change names and e-mail address, and delete the account."""

import pytest

from accounts.links import email_fingerprint, email_link
from accounts.models import User
from tests.accounts.conftest import link_in, post_office, query_of
from tests.conftest import API, PASSWORD, row
from tests.support.people import Person, signed_in, without_csrf_token
from tokens.models import Reason

pytestmark = pytest.mark.django_db

NEW = "alice@example.net"


def test_the_form_shows_and_saves_only_names(alice: User) -> None:
    person = signed_in(alice)
    form = {"first_name": " Alice ", "last_name": "<b>", "username": "eve", "email": NEW}
    assert person.post("", **form, is_staff="on")["Location"] == "/accounts/"
    page = person.get("").text
    assert "Your name is saved." in page
    assert 'value="Alice"' in page
    assert "<b>" not in page
    alice.refresh_from_db()
    assert (alice.first_name, alice.last_name) == ("Alice", "<b>")
    assert (alice.username, alice.email, alice.is_staff) == ("alice", "alice@example.org", False)
    assert person.is_signed_in


def test_the_error_of_a_long_name_links_to_its_field(alice: User) -> None:
    answer = signed_in(alice).post("", first_name="a" * 151)
    assert answer.status_code == 400
    assert 'href="#id_first_name"' in answer.text
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.parametrize("field", ["first_name", "last_name"])
def test_the_error_of_a_two_line_name_links_to_its_field(alice: User, field: str) -> None:
    answer = signed_in(alice).post("", **{field: "Alice\r\n\r\nVisit https://evil.example"})
    assert answer.status_code == 400
    assert f'href="#id_{field}"' in answer.text
    alice.refresh_from_db()
    assert (alice.first_name, alice.last_name) == ("", "")


@pytest.mark.spec("ASVS 5.0", "7.5.1")
def test_an_email_change_needs_the_password_and_the_link(
    alice: User,
) -> None:
    person = signed_in(alice)
    for word in ("wrong", ""):
        refused = person.post("email/change/", email=NEW, current_password=word)
        assert refused.status_code == 400
    assert post_office() == []
    accepted = person.post("email/change/", email=NEW, current_password=PASSWORD)
    assert accepted["Location"] == "/accounts/"
    assert f"A link is on its way to {NEW}." in person.get("").text
    (message,) = post_office()
    link = link_in(message)
    assert NEW in Person().client.get(link).text
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    done = Person().post("email/confirm/", **query_of(link))
    assert done["Location"] == "/accounts/email/confirmed/"
    assert "Your e-mail address is confirmed" in Person().get("email/confirmed/").text
    alice.refresh_from_db()
    assert alice.email == NEW
    for used in (Person().client.get(link), Person().post("email/confirm/", **query_of(link))):
        assert used.status_code == 400
        assert "This link is invalid or was used already." in used.text
        assert "<button>Confirm" not in used.text
    assert person.is_signed_in


def test_a_signed_in_person_confirms_an_email(alice: User) -> None:
    person = signed_in(alice)
    link = email_link(alice, NEW, email_fingerprint(alice, NEW))
    person.post("email/confirm/", **query_of(link))
    page = person.client.get("/accounts/email/confirmed/", follow=True)
    assert page.redirect_chain == [("/accounts/", 302)]
    assert "The e-mail address is confirmed." in page.text


@pytest.mark.spec("ASVS 5.0", "6.3.8")
def test_the_link_of_an_inactive_user_is_invalid(alice: User) -> None:
    """Guards `is_active` in links.claims_of_email_link."""
    link = email_link(alice, NEW, email_fingerprint(alice, NEW))
    assert Person().client.get(link).status_code == 200
    User.objects.filter(pk=alice.pk).update(is_active=False)
    page = Person().client.get(link)
    assert (page.status_code, NEW in page.text) == (400, False)


def test_the_page_does_not_reveal_that_an_email_is_taken(alice: User, bob: User) -> None:
    pages = []
    for email in (NEW, bob.email):
        person = signed_in(alice)
        person.post("email/change/", email=email, current_password=PASSWORD)
        pages.append(without_csrf_token(person.get("")).replace(email, "…"))
    assert pages[0] == pages[1]
    assert [message.to for message in post_office()] == [[NEW]]


def test_a_change_to_the_current_email_is_refused(alice: User) -> None:
    person = signed_in(alice)
    answer = person.post("email/change/", email=alice.email, current_password=PASSWORD)
    assert answer.status_code == 400
    assert "This is the address of your account already." in answer.text
    assert post_office() == []


def test_deleting_an_account_needs_the_password(api: API, alice: User, bob: User) -> None:
    phone, person = api.login(alice), signed_in(alice)
    assert person.post("delete/", current_password="wrong").status_code == 400
    assert person.get("delete/").status_code == 200
    assert User.objects.filter(pk=alice.pk).exists()
    done = person.post("delete/", current_password=PASSWORD)
    assert done["Location"] == "/accounts/deleted/"
    assert "Your account is deleted" in person.get("deleted/").text
    assert signed_in(bob).get("deleted/")["Location"] == "/accounts/"
    assert not User.objects.filter(pk=alice.pk).exists()
    assert row(phone).revoked_reason == Reason.DELETED
    assert not person.is_signed_in
    assert [message.to for message in post_office()] == [["alice@example.org"]]
    assert User.objects.filter(pk=bob.pk).exists()
