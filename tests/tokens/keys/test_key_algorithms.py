"""Each algorithm signs tokens that are accepted, under the thumbprint of its public key."""

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock
from tests.tokens.keys.key_set import is_accepted
from tokens.keys import jwk as keys_jwk
from tokens.keys.keyring import keyring

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.spec("RFC 9068", "2.1", "5")
@pytest.mark.spec("ASVS 5.0", "11.2.3")
@pytest.mark.parametrize(
    ("algorithm", "kind", "strength"),
    [
        ("ES256", ec.EllipticCurvePublicKey, 256),
        ("RS256", rsa.RSAPublicKey, 3072),
        ("EdDSA", ed25519.Ed25519PublicKey, None),
    ],
)
def test_each_algorithm_signs_accepted_tokens(
    api: API,
    alice: User,
    settings: Settings,
    *,
    algorithm: str,
    kind: type,
    strength: int | None,
) -> None:
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ALGORITHM": algorithm}
    token = api.login(alice)["access"]
    public = keyring.current().signer.public
    assert isinstance(public, kind)
    assert getattr(public, "key_size", None) == strength
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    assert is_accepted(api, token)
    assert not is_accepted(api, token[:-8] + ("AAAAAAAA" if token[-8:] != "A" * 8 else "B" * 8))


def test_another_algorithm_starts_with_the_next_key(
    api: API, alice: User, settings: Settings, clock: Clock
) -> None:
    pair = api.login(alice)
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ALGORITHM": "EdDSA"}
    keyring.invalidate()
    keys = api.client.get("/.well-known/jwks.json").json()["keys"]
    assert [key["alg"] for key in keys] == ["ES256", "EdDSA"]
    assert is_accepted(api, pair["access"])
    clock.forward(minutes=10)
    keyring.invalidate()
    pair = api.rotated(pair["refresh"])
    assert jwt.get_unverified_header(pair["access"])["alg"] == "EdDSA"
    assert is_accepted(api, pair["access"])


@pytest.mark.spec("RFC 7638", "3.1")
@pytest.mark.parametrize(
    ("jwk", "thumbprint"),
    [
        pytest.param(
            {
                "kty": "RSA",
                "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxu"
                "hDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf"
                "0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91"
                "CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-"
                "csFCur-kEgU8awapJzKnqDKgw",
                "e": "AQAB",
                "alg": "RS256",
                "kid": "2011-04-29",
            },
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
            id="RFC 7638, section 3.1",
        ),
        pytest.param(
            {
                "kty": "EC",
                "crv": "P-256",
                "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
                "use": "enc",
                "kid": "1",
            },
            "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",
            id="the key of RFC 7517, appendix A.1",
        ),
        pytest.param(
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            },
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            id="RFC 8037, appendix A.3",
        ),
    ],
)
def test_the_kid_is_the_thumbprint_of_the_public_key(jwk: dict[str, str], thumbprint: str) -> None:
    assert keys_jwk.thumbprint(jwk) == thumbprint
