"""The key set and the metadata are public and can be cached."""

import pytest
from django.db import OperationalError
from django.test import Client

from accounts.models import User
from tests.conftest import API, Answer
from tokens.keys import lifecycle
from tokens.keys.jwk import thumbprint
from tokens.keys.keyring import keyring, load_keyring
from tokens.models import SigningKey
from tokens.revocation import status_list

pytestmark = pytest.mark.django_db(transaction=True)

#: Members of a JWK that only its owner may have (RFC 7518, sections 6.2.2, 6.3.2 and 6.4).
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@pytest.mark.spec("RFC 7517", "5", "4.1", "4.2", "4.4", "4.5")
def test_the_key_set_has_all_published_keys_and_no_secret(client: Client) -> None:
    load_keyring()
    lifecycle.rotate()
    answer = client.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/jwk-set+json"
    assert answer["Cache-Control"] == "public, max-age=300"
    assert answer["Access-Control-Allow-Origin"] == "*"
    keys = answer.json()["keys"]
    assert [key["kid"] for key in keys] == [row.kid for row in SigningKey.objects.order_by("pk")]
    for key in keys:
        assert not PRIVATE & key.keys()
        assert (key["kty"], key["alg"], key["use"]) == ("EC", "ES256", "sig")
        assert key["kid"] == thumbprint(key)


@pytest.mark.spec("RFC 8414", "2", "3.1", "3.3")
def test_the_metadata_names_only_existing_endpoints(api: API, alice: User) -> None:
    answer = api.client.get("/.well-known/oauth-authorization-server")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer["Access-Control-Allow-Origin"] == "*"
    facts = answer.json()
    assert facts["issuer"] == "http://localhost:8000"
    addresses = [value for value in facts.values() if str(value).startswith("http")]
    addresses.remove(facts["issuer"])
    assert len(addresses) == 5
    for address in addresses:
        path = address.removeprefix("http://localhost:8000")
        if path.startswith("/oauth/"):
            assert api.client.post(path).json()["error"] in ("invalid_request", "invalid_client")
        else:
            assert api.client.get(path).status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["jwks.json", "oauth-authorization-server", "status/0"])
def test_the_endpoints_are_read_only(api: API, alice: User, *, path: str, method: str) -> None:
    """Guards csrf_exempt: without it the answer is a 403 about a form."""
    api.login(alice)
    client = Client(enforce_csrf_checks=True)
    answer = client.generic(method.upper(), f"/.well-known/{path}")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert client.head(f"/.well-known/{path}").status_code == 200


def is_told(answer: Answer, status: int, code: str) -> None:
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/json"
    assert answer["Cache-Control"] == "no-store"
    assert answer.json()["code"] == code
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["status/1", "status/x", "status/00", "status/000", "nowhere"])
def test_an_unknown_well_known_url_is_json(client: Client, path: str) -> None:
    is_told(client.get(f"/.well-known/{path}"), 404, "not_found")


@pytest.mark.parametrize("path", ["jwks.json", "status/0"])
def test_an_outage_at_a_well_known_url_is_json(
    client: Client, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def away() -> None:
        raise OperationalError

    monkeypatch.setattr(keyring, "_load", away)
    monkeypatch.setattr(status_list.list_count, "_load", away)
    status_list.list_count.invalidate()
    answer = client.get(f"/.well-known/{path}")
    is_told(answer, 503, "unavailable")
    assert answer["Retry-After"]


def test_the_key_set_costs_at_most_one_query_a_second(
    client: Client, django_assert_num_queries: object
) -> None:
    keyring.current()
    with django_assert_num_queries(0):  # type: ignore[operator]
        for _ in range(5):
            client.get("/.well-known/jwks.json")
