"""The home page shows each visitor the links that concern them."""

import re

import pytest
from django.test import Client

from accounts.models import User
from tests.support.people import signed_in

pytestmark = pytest.mark.django_db

OPERATOR_LINKS = {"/admin/", "/readyz", "/healthz"}


def links_of(client: Client) -> set[str]:
    """Return the targets of the links on the home page."""
    return {*re.findall(r'<a (?:class="[^"]*" )?href="([^"]+)"', client.get("/").text)}


def test_a_visitor_can_sign_in_and_read_about_the_api() -> None:
    links = links_of(Client())
    assert {"/accounts/login/", "/accounts/password/reset/", "/api/docs/", "/api/schema/"} <= links
    assert not OPERATOR_LINKS & links


def test_a_user_finds_devices_account_password_and_api(alice: User) -> None:
    links = links_of(signed_in(alice).client)
    own = {"/accounts/devices/", "/accounts/", "/accounts/password/change/", "/api/docs/"}
    assert own <= links
    assert not OPERATOR_LINKS & links


def test_only_staff_see_the_links_for_operators(alice: User) -> None:
    User.objects.update(is_staff=True)
    page = signed_in(alice).client
    assert links_of(page) >= OPERATOR_LINKS
    shown = page.get("/").text
    assert "docs/operating.md" in shown
    assert "Manage users, sessions and service accounts" in shown


def test_no_line_of_the_home_page_ends_within_the_word_e_mail(alice: User) -> None:
    for client in (Client(), signed_in(alice).client):
        shown = client.get("/").text
        assert "e\N{NON-BREAKING HYPHEN}mail" in shown
        assert "e-mail" not in shown


def test_the_home_page_tells_developers_how_programs_sign_in() -> None:
    shown = Client().get("/").text
    assert "An app signs in a person through the API" in shown
    assert "A program without a person has a service account" in shown
