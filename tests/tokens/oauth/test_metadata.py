"""The metadata of RFC 8414 lists what the site answers, and nothing else."""

import pytest
from django.test import Client
from django.urls import get_resolver
from pytest_django import Settings

from tests.conftest import API
from tests.tokens.oauth.conftest import SCOPES, SITE, OAuth, Service
from tokens import urls
from tokens.oauth.token import GRANTS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def metadata() -> dict[str, object]:
    answer = Client().get("/.well-known/oauth-authorization-server")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    found: dict[str, object] = answer.json()
    return found


@pytest.mark.trap(76)
@pytest.mark.spec("RFC 8414", "2", "3.2")
def test_the_metadata_has_these_members(metadata: dict[str, object]) -> None:
    assert metadata == {
        "issuer": SITE,
        "jwks_uri": f"{SITE}/.well-known/jwks.json",
        "token_endpoint": f"{SITE}/oauth/token",
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "none",
        ],
        "revocation_endpoint": f"{SITE}/oauth/revoke",
        "revocation_endpoint_auth_methods_supported": ["none"],
        "introspection_endpoint": f"{SITE}/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
        ],
        "grant_types_supported": [*GRANTS],
        "response_types_supported": [],
        "scopes_supported": [*SCOPES, "introspect"],
        "service_documentation": f"{SITE}/api/docs/",
    }


@pytest.mark.trap(76)
def test_another_issuer_is_no_address_of_an_endpoint(
    settings: Settings, request: pytest.FixtureRequest
) -> None:
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ISSUER": "https://id.example.org"}
    found = request.getfixturevalue("metadata")
    assert found["issuer"] == "https://id.example.org"
    assert {found[name] for name in found if name.endswith("_endpoint")} == {
        f"{SITE}/oauth/token",
        f"{SITE}/oauth/revoke",
        f"{SITE}/oauth/introspect",
    }


@pytest.mark.trap(76)
@pytest.mark.spec("RFC 8414", "2")
def test_every_url_in_the_metadata_answers(metadata: dict[str, object], api: API) -> None:
    for name, url in metadata.items():
        if isinstance(url, str) and name != "issuer":
            path = url.removeprefix(SITE)
            expected = {405} if name.endswith("endpoint") else {200}
            assert Client().get(path).status_code in expected, name


def test_every_oauth_endpoint_is_in_the_metadata(metadata: dict[str, object]) -> None:
    assert get_resolver().resolve("/oauth/token").url_name == "oauth-token"
    listed = {url for name, url in metadata.items() if name.endswith("_endpoint")}
    assert listed == {f"{SITE}/oauth/{pattern.pattern}" for pattern in urls.oauth}


@pytest.mark.trap(76)
@pytest.mark.parametrize("grant", [*GRANTS, "password", "authorization_code"])
def test_the_listed_grants_are_those_that_answer(
    metadata: dict[str, object], oauth: OAuth, service: Service, grant: str
) -> None:
    listed = metadata["grant_types_supported"]
    assert isinstance(listed, list)
    error = oauth.token(service, grant_type=grant).json().get("error")
    assert (error == "unsupported_grant_type") is (grant not in listed)
