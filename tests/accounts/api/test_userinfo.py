"""What OpenID Connect clients ask about the user of an access token."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from accounts import changes, links
from accounts.models import User
from tests.conftest import API, row
from tests.tokens.oauth.conftest import create_service
from tokens.service_accounts.accounts import authenticate, issue

pytestmark = pytest.mark.django_db


def parameters(link: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(link).query))


def userinfo(api: API, pair: dict[str, Any]) -> dict[str, Any]:
    answer = api.get("userinfo/", bearer=pair["access"])
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    claims: dict[str, Any] = answer.json()
    return claims


def test_a_client_reads_the_standard_claims_of_its_user(api: API, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(first_name="Alice", last_name="Ames")
    assert userinfo(api, api.login(alice)) == {
        "sub": str(alice.pk),
        "preferred_username": "alice",
        "name": "Alice Ames",
        "email": "alice@example.org",
        "email_verified": False,
    }


def test_an_empty_claim_is_left_out(api: API, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(email="")
    assert userinfo(api, api.login(alice)) == {
        "sub": str(alice.pk),
        "preferred_username": "alice",
        "name": "alice",
    }


def test_an_address_is_verified_by_the_link_that_was_mailed_to_it(api: API, alice: User) -> None:
    fingerprint = links.email_fingerprint(alice, "new@example.org")
    link = links.email_link(alice, "new@example.org", fingerprint)
    changes.confirm_email(parameters(link)["token"])
    claims = userinfo(api, api.login(alice))
    assert (claims["email"], claims["email_verified"]) == ("new@example.org", True)


def test_a_password_link_verifies_the_address_too(api: API, alice: User) -> None:
    link = parameters(links.password_link(alice))
    changes.choose_password(link["uid"], link["token"], "seven wet otters")
    assert userinfo(api, api.login(alice))["email_verified"] is True


def test_an_address_that_others_set_is_not_verified(api: API, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(verified_email="alice@example.org")
    assert userinfo(api, api.login(alice))["email_verified"] is True
    User.objects.filter(pk=alice.pk).update(email="other@example.org")
    assert userinfo(api, api.login(alice))["email_verified"] is False


def test_only_people_with_a_valid_session_are_answered(api: API, alice: User) -> None:
    pair = api.login(alice)
    assert api.client.get("/api/auth/userinfo/").status_code == 401
    token = str(issue(authenticate(create_service().secret)))
    assert api.get("userinfo/", bearer=token).status_code == 403
    row(pair).delete()
    assert api.get("userinfo/", bearer=pair["access"]).status_code == 401
