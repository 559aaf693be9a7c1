"""Hostile tokens are refused without unnecessary requests to the issuer."""

import json

import jwt
import pytest
from forging import (
    Forge,
    as_der,
    foreign,
    hs256,
    place,
    public_pem,
    resign,
    tampered,
    twice,
    uncanonical,
    with_claim,
    with_index,
)
from issuer import AUDIENCE, JWKS, Issuer, encoded, signed
from latchkey_verifier import Refusal, TokenRefused, Verifier

#: Description: how the token is made, and why it is refused. Each costs at most one key fetch.
HOSTILE: dict[str, tuple[Forge, Refusal]] = {
    "nothing": (lambda i: "", Refusal.MALFORMED),
    "not a token": (lambda i: "garbage", Refusal.MALFORMED),
    "two parts": (lambda i: i.token().rpartition(".")[0], Refusal.MALFORMED),
    "four parts": (lambda i: i.token() + ".AA", Refusal.MALFORMED),
    "only dots": (lambda i: "..", Refusal.MALFORMED),
    "not ASCII": (lambda i: i.token() + "é", Refusal.MALFORMED),
    "a lone surrogate": (lambda i: i.token() + "\ud800", Refusal.MALFORMED),
    "blanks inside": (lambda i: i.token().replace(".", " .", 1), Refusal.MALFORMED),
    "a line break inside": (lambda i: i.token().replace(".", ".\n", 1), Refusal.MALFORMED),
    "padding": (lambda i: i.token() + "==", Refusal.MALFORMED),
    "the standard alphabet": (
        lambda i: signed(i.header, i.claims(sub="??>>~~"), i.pair).replace("_", "/"),
        Refusal.MALFORMED,
    ),
    "non-canonical last bits": (lambda i: uncanonical(i.token()), Refusal.MALFORMED),
    "huge": (lambda i: i.token(note="x" * 8000), Refusal.TOO_LONG),
    "deeply nested": (
        lambda i: signed(b'{"a":' + b"[" * 5000, i.claims(), i.pair),
        Refusal.MALFORMED,
    ),
    "a header that is a list": (lambda i: signed([], i.claims(), i.pair), Refusal.MALFORMED),
    "claims that are a list": (lambda i: signed(i.header, [1], i.pair), Refusal.MALFORMED),
    "claims that are null": (lambda i: signed(i.header, None, i.pair), Refusal.MALFORMED),
    "claims in invalid UTF-8": (
        lambda i: signed(i.header, b'{"iss":"\xff"}', i.pair),
        Refusal.MALFORMED,
    ),
    "claims in UTF-16": (
        lambda i: signed(i.header, json.dumps(i.claims()).encode("utf-16"), i.pair),
        Refusal.MALFORMED,
    ),
    "an expiry that is not a number": (
        lambda i: signed(i.header, json.dumps(i.claims(exp=float("nan"))).encode(), i.pair),
        Refusal.MALFORMED,
    ),
    "an expiry of five thousand digits": (
        lambda i: signed(i.header, b'{"exp":' + b"9" * 5000 + b"}", i.pair),
        Refusal.MALFORMED,
    ),
    "the audience twice": (
        lambda i: twice("aud", '"https://b.example"', f'"{AUDIENCE}"', i),
        Refusal.MALFORMED,
    ),
    "the algorithm twice": (
        lambda i: signed(
            b'{"alg":"none","alg":"ES256","kid":"key-1","typ":"at+jwt"}', i.claims(), i.pair
        ),
        Refusal.MALFORMED,
    ),
    "algorithm none": (
        lambda i: f"{encoded({**i.header, 'alg': 'none'})}.{encoded(i.claims())}.",
        Refusal.ALGORITHM,
    ),
    "algorithm nOnE": (
        lambda i: f"{encoded({**i.header, 'alg': 'nOnE'})}.{encoded(i.claims())}.",
        Refusal.ALGORITHM,
    ),
    "HS256 with the public key": (lambda i: hs256(i, public_pem(i)), Refusal.ALGORITHM),
    "HS256 with the key set": (lambda i: hs256(i, i.pages[JWKS].body), Refusal.ALGORITHM),
    "another algorithm than the key's": (
        lambda i: i.token(header={"alg": "RS256"}),
        Refusal.ALGORITHM,
    ),
    "an algorithm of a stronger curve": (
        lambda i: i.token(header={"alg": "ES512"}),
        Refusal.ALGORITHM,
    ),
    "no algorithm": (lambda i: i.token(header={"alg": None}), Refusal.HEADER),
    "an algorithm that is a list": (lambda i: i.token(header={"alg": ["ES256"]}), Refusal.HEADER),
    "a refresh token": (
        lambda i: jwt.encode({**i.claims(token_type="refresh", gen=1)}, "k" * 32),
        Refusal.HEADER,
    ),
    "a refresh token that names our key": (
        lambda i: hs256(i, b"k" * 32, typ="JWT"),
        Refusal.WRONG_KIND,
    ),
    "a key in the header": (
        lambda i: signed({**i.header, "jwk": foreign(i).jwk}, i.claims(), foreign(i)),
        Refusal.HEADER,
    ),
    "a URL of keys": (
        lambda i: i.token(header={"jku": f"{i.url}/elsewhere.json"}),
        Refusal.HEADER,
    ),
    "a URL of certificates": (
        lambda i: i.token(header={"x5u": f"{i.url}/elsewhere.pem"}),
        Refusal.HEADER,
    ),
    "a certificate": (lambda i: i.token(header={"x5c": ["MIIB"]}), Refusal.HEADER),
    "a critical extension": (lambda i: i.token(header={"crit": ["exp"]}), Refusal.HEADER),
    "an empty list of critical extensions": (
        lambda i: i.token(header={"crit": []}),
        Refusal.HEADER,
    ),
    "claims that are not encoded": (
        lambda i: i.token(header={"b64": False, "crit": ["b64"]}),
        Refusal.HEADER,
    ),
    "b64 with its default": (lambda i: i.token(header={"b64": True}), Refusal.HEADER),
    "compressed claims": (lambda i: i.token(header={"zip": "DEF"}), Refusal.HEADER),
    "no kid": (lambda i: i.token(header={"kid": None}), Refusal.HEADER),
    "an empty kid": (lambda i: i.token(header={"kid": ""}), Refusal.HEADER),
    "a kid that is a number": (lambda i: i.token(header={"kid": 1}), Refusal.HEADER),
    "a kid that is a path": (lambda i: i.token(header={"kid": "../../dev/null"}), Refusal.HEADER),
    "a kid that is a URL": (
        lambda i: i.token(header={"kid": "https://thief.example/k"}),
        Refusal.HEADER,
    ),
    "a kid with a line break": (lambda i: i.token(header={"kid": "key-1\n"}), Refusal.HEADER),
    "an unknown kid": (lambda i: i.token(header={"kid": "key-9"}), Refusal.UNKNOWN_KEY),
    "no typ": (lambda i: i.token(header={"typ": None}), Refusal.WRONG_KIND),
    "typ JWT": (lambda i: i.token(header={"typ": "JWT"}), Refusal.WRONG_KIND),
    "typ of a status list": (
        lambda i: i.token(header={"typ": "statuslist+jwt"}),
        Refusal.WRONG_KIND,
    ),
    "typ that is a list": (lambda i: i.token(header={"typ": ["at+jwt"]}), Refusal.WRONG_KIND),
    "tampered": (tampered, Refusal.SIGNATURE),
    "a foreign key": (lambda i: signed(i.header, i.claims(), foreign(i)), Refusal.SIGNATURE),
    "no signature": (lambda i: i.token().rpartition(".")[0] + ".", Refusal.SIGNATURE),
    "a truncated signature": (lambda i: resign(i.token(), lambda s: s[:63]), Refusal.SIGNATURE),
    "a signature with a trailing byte": (
        lambda i: resign(i.token(), lambda s: s + b"\0"),
        Refusal.SIGNATURE,
    ),
    "a signature in DER": (lambda i: resign(i.token(), as_der), Refusal.SIGNATURE),
    "r is zero": (lambda i: resign(i.token(), lambda s: bytes(32) + s[32:]), Refusal.SIGNATURE),
    "s is zero": (lambda i: resign(i.token(), lambda s: s[:32] + bytes(32)), Refusal.SIGNATURE),
    "both are zero": (lambda i: resign(i.token(), lambda s: bytes(64)), Refusal.SIGNATURE),
    "expired": (lambda i: i.token(exp=i.claims()["iat"] - 10), Refusal.EXPIRED),
    "expired in 1970": (lambda i: i.token(exp=0), Refusal.EXPIRED),
    "not yet valid": (lambda i: i.token(nbf=i.claims()["iat"] + 60), Refusal.NOT_YET),
    "issued tomorrow": (lambda i: i.token(iat=i.claims()["iat"] + 86_400), Refusal.NOT_YET),
    "another issuer": (lambda i: i.token(iss="https://other.example"), Refusal.ISSUER),
    "the issuer with a slash": (lambda i: i.token(iss=f"{i.url}/"), Refusal.ISSUER),
    "the issuer in a list": (lambda i: i.token(iss=[i.url]), Refusal.ISSUER),
    "no issuer": (lambda i: i.token(iss=None), Refusal.ISSUER),
    "another audience": (lambda i: i.token(aud="https://other.example"), Refusal.AUDIENCE),
    "an audience of several others": (lambda i: i.token(aud=["a", "b"]), Refusal.AUDIENCE),
    "an audience with a number in it": (lambda i: i.token(aud=[AUDIENCE, 1]), Refusal.AUDIENCE),
    "an audience that begins like ours": (lambda i: i.token(aud=AUDIENCE + ".x"), Refusal.AUDIENCE),
    "no audience": (lambda i: i.token(aud=None), Refusal.AUDIENCE),
    "token type refresh": (lambda i: i.token(token_type="refresh"), Refusal.WRONG_KIND),
    "no token type": (lambda i: i.token(token_type=None), Refusal.WRONG_KIND),
    **{
        f"no {name}": (with_claim(name, None), Refusal.CLAIMS)
        for name in ("sub", "exp", "iat", "jti", "sid", "client_id", "roles", "rv", "auth_time")
    },
    **{
        f"{name} is {value!r}": (with_claim(name, value), Refusal.CLAIMS)
        for name, value in (
            *(("sub", 1), ("sub", ""), ("jti", 1), ("sid", ["x"]), ("client_id", {})),
            *(("exp", "9999999999"), ("exp", True), ("exp", 9999999999.5), ("iat", "0")),
            *(("nbf", "0"), ("nbf", False), ("rv", "1"), ("rv", True), ("auth_time", 1.5)),
            *(("roles", "shipping"), ("roles", {"shipping": 1}), ("roles", ["shipping", 1])),
        )
    },
    "a status that is a list": (lambda i: i.token(status=[]), Refusal.STATUS),
    "a status of another mechanism": (lambda i: i.token(status={"other": {}}), Refusal.STATUS),
    "a status list without a URI": (
        lambda i: i.token(status={"status_list": {"idx": 1}}),
        Refusal.STATUS,
    ),
    "a status list of another host": (
        lambda i: place(i, "http://127.0.0.1:9/.well-known/status/0"),
        Refusal.STATUS,
    ),
    "a status list of a host that begins like ours": (
        lambda i: place(i, f"{i.url}0/.well-known/status/0"),
        Refusal.STATUS,
    ),
    "a status list with a user in its URI": (
        lambda i: place(i, f"{i.url}@thief.example/.well-known/status/0"),
        Refusal.STATUS,
    ),
    "a status list at another path": (lambda i: place(i, f"{i.url}{JWKS}"), Refusal.STATUS),
    "a status list with dots in its path": (
        lambda i: place(i, f"{i.url}/.well-known/status/../../x/0"),
        Refusal.STATUS,
    ),
    "a status list with a query": (
        lambda i: place(i, f"{i.status_uri}?next=https://thief.example"),
        Refusal.STATUS,
    ),
    "a status list that is a file": (lambda i: place(i, "file:///etc/passwd"), Refusal.STATUS),
    **{
        f"index {value!r}": (with_index(value), Refusal.STATUS)
        for value in (-1, "3", 3.0, True, None)
    },
}


@pytest.mark.spec("RFC 8725", "3.1", "3.2", "3.3", "3.8", "3.9", "3.10", "3.11", "3.12")
@pytest.mark.spec("ASVS 5.0", "9.1.1", "9.1.2", "9.1.3", "9.2.1", "9.2.2", "9.2.3", "10.3.1")
@pytest.mark.parametrize(("forge", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_token_is_refused_with_at_most_one_fetch(
    issuer: Issuer, verifier: Verifier, forge: Forge, reason: Refusal
) -> None:
    forged = forge(issuer)
    for _ in range(3):
        with pytest.raises(TokenRefused) as refused:
            verifier.verify(forged)
        assert refused.value.reason is reason
    assert issuer.calls.total() <= 1
    assert not issuer.calls.keys() - {JWKS}
    verifier.verify(issuer.token())
    assert issuer.calls == {JWKS: 1}


def test_every_mutation_of_a_token_is_refused(issuer: Issuer, verifier: Verifier) -> None:
    """The test changes and removes every character, one at a time."""
    token = issuer.token()
    verifier.verify(token)
    for position, character in enumerate(token):
        for other in ("", "A" if character != "A" else "B", chr(ord(character) ^ 1)):
            with pytest.raises(TokenRefused):
                verifier.verify(token[:position] + other + token[position + 1 :])
    assert issuer.calls == {JWKS: 1}


def test_the_exception_contains_no_part_of_the_token(issuer: Issuer, verifier: Verifier) -> None:
    token = tampered(issuer)
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(token)
    assert str(refused.value) == "wrong signature"
