"""A service account keeps scopes and audiences that the settings no longer define."""

import re

import pytest
from django.test import Client
from pytest_django import Settings

from tests.tokens.admin.pages import staff
from tests.tokens.admin.service_pages import MAY, PAGE, change, history
from tests.tokens.oauth.conftest import PAYMENTS, SCOPES, SITE, Service, create_service
from tokens.models import DeviceSession, Kind, ServiceAccount

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("known_scopes")]

ORDERS = "https://orders.example.org"
STORED = {"scope": "stock orders:write orders:read", "audience": f"{PAYMENTS} {ORDERS}"}


@pytest.fixture
def shipping(settings: Settings, known_scopes: None) -> Service:
    """A program whose scope `stock` and audience PAYMENTS were removed from the settings."""
    scopes = {name: text for name, text in SCOPES.items() if name != "stock"}
    settings.TOKENS = {**settings.TOKENS, "SCOPES": scopes}
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "AUDIENCE": [SITE, ORDERS]}
    return create_service("shipping", **STORED)


def checked(client: Client, service: Service) -> dict[str, list[str]]:
    """Return the checked scopes and audiences of the form, as a browser submits them."""
    page = client.get(f"{PAGE}{service.client_id}/change/").text
    return {
        name: re.findall(rf'name="{name}" value="([^"]+)"[^>]*checked', page)
        for name in ("scope", "audience")
    }


def stored() -> tuple[dict[str, str], dict[str, str], int]:
    """Return the scopes and audiences of the account and of its session, and the roles version."""
    session = DeviceSession.objects.get(kind=Kind.SERVICE)
    return (
        ServiceAccount.objects.values(*STORED).get(),
        {"scope": session.scope or "", "audience": session.audience or ""},
        session.roles_version,
    )


def test_another_change_keeps_the_removed_names(carol: Client, shipping: Service) -> None:
    """The form has the order of the settings; the stored one decides which is the default."""
    answer = change(carol, shipping, name="shipping", **checked(carol, shipping))
    assert answer.status_code == 302
    assert stored() == (STORED, STORED, 1)
    assert history() == ["Changed Description."]


def test_a_removed_name_is_marked_and_can_be_unchecked(carol: Client, shipping: Service) -> None:
    page = carol.get(f"{PAGE}{shipping.client_id}/change/").text
    for sentence in (
        "stock – no longer in the setting TOKEN_SCOPES",
        f"{PAYMENTS} – no longer in the setting TOKEN_AUDIENCE",
    ):
        assert page.count(sentence) == 1
    assert page.count("no longer in the setting") == 2
    assert change(carol, shipping, scope=["orders:read"], audience=[ORDERS]).status_code == 302
    changed = {"scope": "orders:read", "audience": ORDERS}
    assert stored() == (changed, changed, 2)
    answer = change(carol, shipping, scope=["stock"], audience=[PAYMENTS])
    assert answer.text.count("is not one of the available choices") == 2
    assert stored() == (changed, changed, 2)


@pytest.mark.parametrize(
    ("audience", "status"),
    [(PAYMENTS, 200), (ORDERS, 200), (f"{SITE} {PAYMENTS}", 302), ("", 302)],
    ids=["removed", "another service", "this site", "none"],
)
def test_without_audiences_an_account_does_not_gain_this_site(
    carol: Client, shipping: Service, audience: str, status: int
) -> None:
    ServiceAccount.objects.update(audience=audience)
    answer = change(carol, shipping, name="shipping")
    assert answer.status_code == status
    assert ("Choose at least one audience." in answer.text) is (status == 200)
    assert ServiceAccount.objects.get().audience == (audience if status == 200 else "")


def test_staff_keep_a_removed_scope(shipping: Service) -> None:
    dave = staff("dave", *MAY)
    assert change(dave, shipping, **checked(dave, shipping)).status_code == 302
    assert stored() == (STORED, STORED, 1)
    answer = change(dave, shipping, scope=["introspect"], audience=[ORDERS])
    assert "is not one of the available choices" in answer.text


def test_an_address_with_names_offers_no_unknown_ones(carol: Client) -> None:
    page = carol.get(f"{PAGE}add/", {"scope": "oders:read", "audience": "https://evil.example"})
    assert "no longer in the setting" not in page.text
