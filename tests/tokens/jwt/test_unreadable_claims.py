"""A token with claims that the site does not write is refused, even if the site's key signed it."""

import hmac
import re
import time
from collections.abc import Callable

import pytest

from accounts.models import User
from tests.conftest import API, row
from tests.tokens.jwt.forging import encoded, parts, signer
from tokens.crypto.encoding import from_base64url
from tokens.crypto.subkeys import newest_subkeys
from tokens.errors import UnknownTokenError
from tokens.management.inspection import inspect
from tokens.models import Reason
from tokens.revocation.blacklist import blacklist

pytestmark = pytest.mark.django_db(transaction=True)

#: Changes to the text of the claims, which the site's own key then signs.
UNREADABLE: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda text: b"",
    "no JSON": lambda text: b"{",
    "something after it": lambda text: text + b"x",
    "not UTF-8": lambda text: b"\xff\xfe",
    "UTF-16": lambda text: text.decode().encode("utf-16"),
    "nested deep": lambda text: b"[" * 2500 + b"]" * 2500,
    "a number of 5000 digits": lambda text: changed(text, b'"exp":', b"9" * 5000),
    "an expiry in the year 10000": lambda text: changed(text, b'"exp":', b"253402300800"),
    "an expiry beyond every calendar": lambda text: changed(text, b'"exp":', b"1" + b"0" * 30),
    "issued before 1970": lambda text: changed(text, b'"iat":', b"-1"),
    "not a number": lambda text: changed(text, b"{", b'"aside":NaN,'),
    "a claim twice": lambda text: changed(text, b"{", b'"sub":"somebody else",'),
    "a user without a name": lambda text: changed(text, b'"sub":', b'""'),
    "a user that is not a UUID": lambda text: changed(text, b'"sub":', b'"x"'),
    "a jti without a character": lambda text: changed(text, b'"jti":', b'""'),
    "a jti that no database can store": lambda text: changed(text, b'"jti":', rb'"\u0000"'),
    "a jti that is half a character": lambda text: changed(text, b'"jti":', rb'"\ud800"'),
    "not before a text": lambda text: changed(text, b"{", b'"nbf":"now",'),
    "not before true": lambda text: changed(text, b"{", b'"nbf":true,'),
}
UNREADABLE_ACCESS: dict[str, Callable[[bytes], bytes]] = {
    "not before tomorrow": lambda text: changed(text, b"{", b'"nbf":%d,' % (time.time() + 86_400)),
    "a client without a name": lambda text: changed(text, b'"client_id":', b'""'),
    "roles that are numbers": lambda text: changed(text, b'"roles":', b"[1]"),
    "roles that are one text": lambda text: changed(text, b'"roles":', b'"editors"'),
    "a scope that is a list": lambda text: changed(text, b"{", b'"scope":["orders:read"],'),
    "an actor that is a text": lambda text: changed(text, b"{", b'"act":"client",'),
    "an actor that is a list": lambda text: changed(text, b"{", b'"act":["client"],'),
    "an actor without a name": lambda text: changed(text, b"{", b'"act":{},'),
    "actors' sessions that are a number": lambda text: changed(text, b"{", b'"actor_sids":7,'),
    "an actor's session that is a number": lambda text: changed(text, b"{", b'"actor_sids":[7],'),
    "an actor's session that is not a UUID": lambda text: changed(
        text, b"{", b'"actor_sids":["0b7e3a52-7f0e-4a8e-9a57-2f8a3c1d9e64","x"],'
    ),
}


def changed(text: bytes, after: bytes, value: bytes) -> bytes:
    """Return the text with this value after that; after an opening bracket it is one more claim."""
    head, _, rest = text.partition(after)
    if after != b"{":
        rest = rest[re.match(rb'"[^"]*"|\[[^]]*\]|[^,}]*', rest).end() :]  # type: ignore[union-attr]
    return head + after + value + rest


def signed_again(token: str, change: Callable[[bytes], bytes]) -> str:
    """Return the token with other text for its claims, signed with the right key of its kind."""
    head, body, _ = token.split(".")
    text = f"{head}.{encoded(change(from_base64url(body)))}"
    if parts(token)[0]["alg"] == "HS256":
        signature = hmac.digest(newest_subkeys().signature, text.encode(), "sha256")
    else:
        signature = signer().sign(text.encode())
    return f"{text}.{encoded(signature)}"


@pytest.mark.spec("RFC 7519", "4", "4.1.5", "7.2")
@pytest.mark.spec("RFC 8725", "3.10", "3.11")
@pytest.mark.parametrize(
    "change", (UNREADABLE | UNREADABLE_ACCESS).values(), ids=UNREADABLE | UNREADABLE_ACCESS
)
def test_unusual_claims_are_refused_despite_our_signature(
    api: API, alice: User, *, change: Callable[[bytes], bytes]
) -> None:
    pair = api.login(alice)
    forged = signed_again(pair["access"], change)
    headers = {"Authorization": f"Bearer {forged}"}
    for path in ("/api/example/", "/api/auth/sessions/"):
        answer = api.client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert api.post("verify/", {"token": forged}).status_code == 401
    with pytest.raises(UnknownTokenError):
        blacklist(forged, Reason.ADMIN)
    assert inspect(forged).refusal
    assert api.get("sessions/", bearer=signed_again(pair["access"], bytes)).status_code == 200


@pytest.mark.parametrize("change", UNREADABLE.values(), ids=UNREADABLE)
def test_an_unusual_refresh_token_is_refused(
    api: API, alice: User, *, change: Callable[[bytes], bytes]
) -> None:
    pair = api.login(alice)
    forged = signed_again(pair["refresh"], change)
    answer = api.refresh(forged)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_not_valid")
    assert api.post("logout/", {"refresh": forged}).status_code == 204
    assert api.post("verify/", {"token": forged}).status_code == 401
    assert inspect(forged).refusal
    assert row(pair).revoked_at is None
    assert api.refresh(signed_again(pair["refresh"], bytes)).status_code == 200
