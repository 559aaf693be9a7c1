"""Status lists tell services that verify tokens alone which sessions are revoked."""

import zlib
from base64 import urlsafe_b64decode
from typing import Any

import jwt
import pytest
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Answer, Clock, row
from tokens.jwt.claims import STATUS_LIST_SIZE, AccessToken
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession
from tokens.revocation import status_list

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.spec("Token Status List", "4", "5.1", "6.1"),
]


def fetch(api: API, number: int = 0) -> Answer:
    status_list.cached_bits.cache_clear()
    status_list.list_count.invalidate()
    return api.client.get(f"/.well-known/status/{number}")


def claims_of(answer: Answer) -> dict[str, Any]:
    """Return the verified claims, as a service reads them."""
    assert answer.status_code == 200
    signer = keyring.current().signer
    read = jwt.decode_complete(answer.content, signer.public, algorithms=["ES256"])
    assert read["header"] == {"alg": "ES256", "kid": signer.kid, "typ": "statuslist+jwt"}
    claims: dict[str, Any] = read["payload"]
    return claims


def is_set(api: API, token: str) -> bool:
    """Return the bit at the index in the token."""
    place = AccessToken(token, verify=False)["status"]["status_list"]
    number = int(place["uri"].rpartition("/")[2])
    claims = claims_of(fetch(api, number))
    assert claims["sub"] == place["uri"]
    packed = claims["status_list"]["lst"]
    bits = zlib.decompress(urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    return bool(bits[place["idx"] // 8] >> place["idx"] % 8 & 1)


def test_the_list_is_signed_and_has_a_ttl(api: API, alice: User) -> None:
    api.login(alice)
    answer = fetch(api)
    assert answer["Content-Type"] == "application/statuslist+jwt"
    assert answer["Cache-Control"] == "public, max-age=5"
    assert answer["Access-Control-Allow-Origin"] == "*"
    claims = claims_of(answer)
    assert claims["sub"] == "http://localhost:8000/.well-known/status/0"
    assert claims["ttl"] == 5
    assert claims["exp"] - claims["iat"] == 10
    assert claims["status_list"]["bits"] == 1
    packed = claims["status_list"]["lst"]
    assert "=" not in packed
    raw = urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    assert raw[:2] == b"\x78\xda"  # zlib with the best compression
    assert len(zlib.decompress(raw)) == STATUS_LIST_SIZE // 8


def test_the_list_is_at_the_issuer(api: API, alice: User, settings: Settings) -> None:
    """latchkey-verifier fetches the keys there too, and no list from another origin."""
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ISSUER": "https://id.example.org"}
    place = AccessToken(api.login(alice)["access"])["status"]["status_list"]
    assert place["uri"] == "https://id.example.org/.well-known/status/0"
    assert claims_of(fetch(api))["sub"] == place["uri"]


def test_only_the_bit_of_a_revoked_session_is_set(api: API, alice: User, bob: User) -> None:
    sessions = [api.login(user) for user in (alice, bob, alice, bob, alice)]
    for pair in sessions[1:3]:
        api.post("logout/", {"refresh": pair["refresh"]})
    assert [is_set(api, pair["access"]) for pair in sessions] == [False, True, True, False, False]


def test_the_first_of_eight_sessions_is_the_lowest_bit(alice: User, api: API) -> None:
    pair = api.login(alice)
    DeviceSession.objects.filter(sid=pair["session"]).update(id=STATUS_LIST_SIZE + 9)
    api.post("logout/", {"refresh": pair["refresh"]})
    assert zlib.decompress(status_list.load_bits(1))[:3] == bytes([0, 0b10, 0])
    for other in (0, 2):  # Guards that the query of a list reads its own sessions only.
        assert not any(zlib.decompress(status_list.load_bits(other)))


@pytest.mark.trap(27)
def test_a_bit_is_set_until_the_last_token_has_expired(api: API, alice: User, clock: Clock) -> None:
    pair = api.login(alice)
    api.post("logout/", {"refresh": pair["refresh"]})
    clock.forward(seconds=300 + 20 + 59)
    assert is_set(api, pair["access"])
    clock.forward(seconds=2)
    assert not is_set(api, pair["access"])


@pytest.mark.parametrize("number", ["1", "7", "9" * 30])
def test_a_list_without_sessions_is_404(api: API, alice: User, number: str) -> None:
    api.login(alice)
    assert api.client.get(f"/.well-known/status/{number}").status_code == 404


def test_all_tokens_of_a_session_have_the_same_index(api: API, alice: User) -> None:
    pair = api.login(alice)
    second = api.rotated(pair["refresh"])
    places = [AccessToken(one["access"])["status"] for one in (pair, second)]
    assert places[0] == places[1]
    assert places[0]["status_list"]["idx"] == row(pair).pk % STATUS_LIST_SIZE


def test_without_status_lists_tokens_have_no_index(
    api: API, alice: User, settings: Settings
) -> None:
    settings.TOKENS = {**settings.TOKENS, "STATUS_LIST": False}
    assert "status" not in AccessToken(api.login(alice)["access"]).payload


def test_many_readings_of_a_list_cost_one_query(
    api: API, alice: User, django_assert_num_queries: Any
) -> None:
    api.login(alice)
    fetch(api)
    with django_assert_num_queries(0):
        for _ in range(5):
            assert api.client.get("/.well-known/status/0").status_code == 200
