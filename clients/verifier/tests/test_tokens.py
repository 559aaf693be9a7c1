"""Which tokens are believed, and that every other is refused without a call too many."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import FrozenInstanceError

import jwt
import pytest
from conftest import Clock
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from issuer import AUDIENCE, JWKS, Issuer, Pair, encoded, new_pair, signed
from latchkey_verifier import Refusal, RoleLacking, TokenRefused, Verifier

Forge = Callable[[Issuer], str]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256", "EdDSA"])
def test_a_good_token_is_believed_and_says_who_comes(
    issuer: Issuer, verifier: Verifier, algorithm: str
) -> None:
    issuer.pair = new_pair("key-2", algorithm)
    issuer.publish(issuer.pair)
    said = issuer.claims(roles=["support", "shipping"])
    claims = verifier.verify(signed(issuer.header, said, issuer.pair))
    assert (claims.sub, claims.sid, claims.jti) == (said["sub"], said["sid"], said["jti"])
    assert (claims.client_id, claims.roles, claims.rv) == ("latchkey", ("support", "shipping"), 1)
    assert (claims.exp, claims.iat) == (said["exp"], said["iat"])
    assert claims.auth_time == said["auth_time"]
    assert claims.place is None
    assert issuer.calls == {JWKS: 1}


def test_no_caller_changes_the_claims_that_others_get(issuer: Issuer, verifier: Verifier) -> None:
    """Every call with the same token returns the same object; a set holds only immutable ones."""
    token = issuer.token(roles=["support"])
    claims = verifier.verify(token)
    assert verifier.verify(token) is claims
    assert {claims} == {verifier.verify(token)}
    with pytest.raises(FrozenInstanceError):
        claims.roles = ("shipping",)  # type: ignore[misc]
    with pytest.raises(AttributeError):
        claims.roles.append("shipping")  # type: ignore[attr-defined]
    assert verifier.verify(token).roles == ("support",)


GOOD: dict[str, Forge] = {
    "unchanged": lambda issuer: issuer.token(),
    "typ as a whole media type": lambda issuer: issuer.token(header={"typ": "application/at+jwt"}),
    "typ in capitals": lambda issuer: issuer.token(header={"typ": "AT+JWT"}),
    "an audience of several": lambda issuer: issuer.token(aud=["https://b.example", AUDIENCE]),
    "no roles at all": lambda issuer: issuer.token(roles=[]),
    "a claim that nobody knows": lambda issuer: issuer.token(tenant="north"),
    "not before now": lambda issuer: issuer.token(nbf=issuer.claims()["iat"]),
    "another server's clock five seconds ahead": lambda issuer: issuer.token(
        iat=issuer.claims()["iat"] + 5
    ),
    "expired five seconds ago": lambda issuer: issuer.token(exp=issuer.claims()["iat"] - 5),
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_the_forger_of_these_tests_makes_tokens_that_are_believed(
    issuer: Issuer, verifier: Verifier, make: Forge
) -> None:
    assert verifier.verify(make(issuer)).client_id == "latchkey"


def hs256(issuer: Issuer, key: bytes, **header: str) -> str:
    """Return a token as a program makes it that takes the public key for a shared secret."""
    text = f"{encoded({**issuer.header, 'alg': 'HS256', **header})}.{encoded(issuer.claims())}"
    return f"{text}.{encoded(hmac.digest(key, text.encode(), hashlib.sha256))}"


def public_pem(issuer: Issuer) -> bytes:
    public = issuer.pair.private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def foreign(issuer: Issuer) -> Pair:
    """Return a pair that is called like the issuer's and is not."""
    return new_pair(issuer.pair.kid)


def resign(token: str, change: Callable[[bytes], bytes]) -> str:
    """Return the token with another signature."""
    text, _, signature = token.rpartition(".")
    return f"{text}.{encoded(change(urlsafe_b64decode(signature + '==')))}"


def as_der(raw: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))


def tampered(issuer: Issuer) -> str:
    head, _, signature = issuer.token().split(".")
    return f"{head}.{encoded(issuer.claims(roles=['shipping']))}.{signature}"


def twice(name: str, first: str, second: str, issuer: Issuer) -> str:
    """Return a token whose claims have this one twice, of which a lenient reader takes the last."""
    claims = json.dumps(issuer.claims(**{name: None}))
    return signed(
        issuer.header, f'{{"{name}":{first},"{name}":{second},{claims[1:]}'.encode(), issuer.pair
    )


def uncanonical(token: str) -> str:
    """Return the token with a bit set in its last character that means nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) + 1]


def place(issuer: Issuer, uri: str = "", index: object = 3) -> str:
    return issuer.token(status={"status_list": {"idx": index, "uri": uri or issuer.status_uri}})


def with_claim(name: str, value: object) -> Forge:
    return lambda issuer: issuer.token(**{name: value})  # type: ignore[arg-type]


def with_index(value: object) -> Forge:
    return lambda issuer: place(issuer, index=value)


#: What it is, how it is made, why it is refused. All of these cost one fetch of the keys at most.
HOSTILE: dict[str, tuple[Forge, Refusal]] = {
    "nothing": (lambda i: "", Refusal.MALFORMED),
    "no token": (lambda i: "garbage", Refusal.MALFORMED),
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
    "nested deep": (
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
    "an expiry that is no number": (
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
    "a key of its own": (
        lambda i: signed({**i.header, "jwk": foreign(i).jwk}, i.claims(), foreign(i)),
        Refusal.HEADER,
    ),
    "an address of keys": (
        lambda i: i.token(header={"jku": f"{i.url}/elsewhere.json"}),
        Refusal.HEADER,
    ),
    "an address of certificates": (
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
    "b64 that says what is so anyway": (lambda i: i.token(header={"b64": True}), Refusal.HEADER),
    "packed claims": (lambda i: i.token(header={"zip": "DEF"}), Refusal.HEADER),
    "no kid": (lambda i: i.token(header={"kid": None}), Refusal.HEADER),
    "an empty kid": (lambda i: i.token(header={"kid": ""}), Refusal.HEADER),
    "a kid that is a number": (lambda i: i.token(header={"kid": 1}), Refusal.HEADER),
    "a kid that is a path": (lambda i: i.token(header={"kid": "../../dev/null"}), Refusal.HEADER),
    "a kid that is an address": (
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
    "a signature with more at its end": (
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
    "a place without an address": (
        lambda i: i.token(status={"status_list": {"idx": 1}}),
        Refusal.STATUS,
    ),
    "a status list elsewhere": (
        lambda i: place(i, "http://127.0.0.1:9/.well-known/status/0"),
        Refusal.STATUS,
    ),
    "a status list of a host that begins like ours": (
        lambda i: place(i, f"{i.url}0/.well-known/status/0"),
        Refusal.STATUS,
    ),
    "a status list with a user in its address": (
        lambda i: place(i, f"{i.url}@thief.example/.well-known/status/0"),
        Refusal.STATUS,
    ),
    "a status list at another path": (lambda i: place(i, f"{i.url}{JWKS}"), Refusal.STATUS),
    "a status list up a path": (
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
def test_a_hostile_token_is_refused_and_costs_one_fetch_at_most(
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


def test_no_mutation_of_a_token_is_believed(issuer: Issuer, verifier: Verifier) -> None:
    """Every character is changed, and every one is left out, one at a time."""
    token = issuer.token()
    verifier.verify(token)
    for position, character in enumerate(token):
        for other in ("", "A" if character != "A" else "B", chr(ord(character) ^ 1)):
            with pytest.raises(TokenRefused):
                verifier.verify(token[:position] + other + token[position + 1 :])
    assert issuer.calls == {JWKS: 1}


def test_no_algorithm_is_accepted_that_the_service_did_not_choose(issuer: Issuer) -> None:
    verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, algorithms=["EdDSA"])
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(issuer.token())
    assert refused.value.reason is Refusal.ALGORITHM


def test_a_token_that_was_believed_is_not_once_it_has_expired(
    issuer: Issuer, verifier: Verifier, clock: Clock
) -> None:
    """Guards the check of times for a token whose signature is remembered."""
    token = issuer.token()
    verifier.verify(token)
    clock.forward(309)
    verifier.verify(token)
    clock.forward(1)
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(token)
    assert refused.value.reason is Refusal.EXPIRED


def test_a_believed_token_is_checked_without_its_signature_again(
    issuer: Issuer, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signature is counted where it is verified, in the library below."""
    verified = []
    algorithm = type(jwt.get_algorithm_by_name("ES256"))
    verify = algorithm.verify

    def counted(*arguments: object) -> bool:
        verified.append(arguments)
        return bool(verify(*arguments))  # type: ignore[arg-type]

    monkeypatch.setattr(algorithm, "verify", counted)
    token = issuer.token()
    assert [verifier.verify(token) for _ in range(3)] == [verifier.verify(token)] * 3
    assert len(verified) == 1


def test_what_is_remembered_is_bounded(issuer: Issuer) -> None:
    verifier = Verifier(issuer=issuer.url, audience=AUDIENCE, remembered=2)
    for number in range(5):
        verifier.verify(issuer.token(jti=f"token {number}"))
    assert len(verifier._believed._kept) == 2


def test_a_role_is_asked_for(issuer: Issuer, verifier: Verifier) -> None:
    claims = verifier.verify(issuer.token(roles=["support"]))
    assert claims.has_role("support")
    assert not claims.has_role("supp")
    claims.require_role("support")
    with pytest.raises(RoleLacking, match="shipping"):
        claims.require_role("shipping")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"issuer": "http://id.example.org"}, "An issuer is an origin"),
        ({"issuer": "https://id.example.org/"}, "An issuer is an origin"),
        ({"issuer": "https://user@id.example.org"}, "An issuer is an origin"),
        ({"issuer": "http://localhost.example.org"}, "An issuer is an origin"),
        ({"algorithms": ["HS256"]}, "Algorithms are among"),
        ({"algorithms": ["none"]}, "Algorithms are among"),
        ({"algorithms": []}, "Algorithms are among"),
        ({"status_list": "fail"}, "status_list is"),
    ],
    ids=str,
)
def test_a_verifier_that_would_believe_too_much_is_not_made(
    change: dict[str, str], sentence: str
) -> None:
    given = {"issuer": "https://id.example.org", "audience": AUDIENCE, **change}
    with pytest.raises(ValueError, match=sentence):
        Verifier(**given)  # type: ignore[arg-type]


def test_nothing_of_a_token_is_in_what_is_raised(issuer: Issuer, verifier: Verifier) -> None:
    token = tampered(issuer)
    with pytest.raises(TokenRefused) as refused:
        verifier.verify(token)
    assert str(refused.value) == "wrong signature"
