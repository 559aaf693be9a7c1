"""A bad status list counts as missing, and is fetched once per pause."""

import zlib
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Clock
from issuer import JWKS, STATUS, Issuer, Page, encoded, new_pair
from latchkey_verifier import Refusal, Verifier, VerifierUnavailable
from refusals import refusal
from test_statuslist import REVOKED_3


def bad_list(issuer: Issuer, **changes: Any) -> Page:
    return Page(issuer.list_token(**{"status_list": bits(bytes(16)), **changes}).encode())


def bits(data: bytes, number: object = 1) -> dict[str, object]:
    return {"bits": number, "lst": encoded(zlib.compress(data, 9))}


def lst(text: str) -> dict[str, object]:
    return {"bits": 1, "lst": text}


def by_header(issuer: Issuer, **header: object) -> Page:
    return Page(issuer.list_token(header=header, status_list=bits(bytes(16))).encode())


def by_foreign_key(issuer: Issuer) -> Page:
    own, issuer.pair = issuer.pair, new_pair(issuer.pair.kid)
    try:
        return bad_list(issuer)
    finally:
        issuer.pair = own


def redirected(issuer: Issuer) -> Page:
    issuer.pages["/moved"] = issuer.pages[STATUS]
    return Page(b"", {"Location": f"{issuer.url}/moved"}, status=307)


BAD_LISTS: dict[str, Callable[[Issuer], Page]] = {
    "missing": lambda i: Page(b"", status=404),
    "a redirect": redirected,
    "not ASCII": lambda i: Page(i.pages[STATUS].body + b"\xff"),
    "not a token": lambda i: Page(b"[]"),
    "huge": lambda i: Page(b"A" * (2 * 1024 * 1024 + 1)),
    "compressed by HTTP": lambda i: Page(i.pages[STATUS].body, {"Content-Encoding": "gzip"}),
    "signed by a foreign key": by_foreign_key,
    "signed by an unknown key": lambda i: by_header(i, kid="key-9"),
    "algorithm none": lambda i: by_header(i, alg="none"),
    "an access token": lambda i: Page(i.listed().encode()),
    "typ JWT": lambda i: by_header(i, typ="JWT"),
    "with a jku": lambda i: by_header(i, jku=i.url),
    "for another URI": lambda i: bad_list(i, sub=f"{i.url}/.well-known/status/1"),
    "for no URI": lambda i: bad_list(i, sub=None),
    "lifetime zero": lambda i: bad_list(i, iat=i.claims()["iat"] + 5, exp=i.claims()["iat"] + 5),
    "expired": lambda i: bad_list(i, exp=i.claims()["iat"] - 10),
    "without an exp": lambda i: bad_list(i, exp=None),
    "issued tomorrow": lambda i: bad_list(i, iat=i.claims()["iat"] + 86_400),
    "without an iat": lambda i: bad_list(i, iat=None),
    "without a ttl": lambda i: bad_list(i, ttl=None),
    "ttl zero": lambda i: bad_list(i, ttl=0),
    "ttl true": lambda i: bad_list(i, ttl=True),
    "without a status_list": lambda i: bad_list(i, status_list=None),
    "a list of numbers": lambda i: bad_list(i, status_list=[0, 1]),
    "two bits per session": lambda i: bad_list(i, status_list=bits(bytes(16), 2)),
    "bits that are text": lambda i: bad_list(i, status_list=bits(bytes(16), "1")),
    "bits true": lambda i: bad_list(i, status_list=bits(bytes(16), True)),
    "without a lst": lambda i: bad_list(i, status_list={"bits": 1}),
    "not compressed": lambda i: bad_list(i, status_list=lst(encoded(bytes(16)))),
    "compressed and truncated": lambda i: bad_list(
        i, status_list=lst(encoded(zlib.compress(bytes(16))[:-1]))
    ),
    "compressed with trailing bytes": lambda i: bad_list(
        i, status_list=lst(encoded(zlib.compress(bytes(16)) + b"x"))
    ),
    "padded": lambda i: bad_list(i, status_list=lst(encoded(zlib.compress(bytes(16))) + "==")),
    "a bomb": lambda i: bad_list(i, status_list=bits(bytes(1024 * 1024 + 1))),
    "a larger bomb": lambda i: bad_list(i, status_list=bits(bytes(200 * 1024 * 1024))),
}


@pytest.mark.spec("Token Status List", "5.1", "8.3")
@pytest.mark.parametrize("make", BAD_LISTS.values(), ids=BAD_LISTS)
def test_a_bad_list_counts_as_missing_until_the_next_fetch(
    issuer: Issuer, verifier: Verifier, clock: Clock, make: Callable[[Issuer], Page]
) -> None:
    issuer.pages[STATUS] = make(issuer)
    for _ in range(3):
        with pytest.raises(VerifierUnavailable):
            verifier.verify(issuer.listed())
    assert issuer.calls == {JWKS: 1, STATUS: 1}
    issuer.publish_list(bytes(16))
    clock.forward(1)
    verifier.verify(issuer.listed())


def test_each_list_is_fetched_separately(issuer: Issuer, verifier: Verifier) -> None:
    other = f"{issuer.url}/.well-known/status/1"
    issuer.publish_list(REVOKED_3)
    issuer.pages["/.well-known/status/1"] = bad_list(issuer, sub=other)
    verifier.verify(issuer.token(status={"status_list": {"idx": 3, "uri": other}}))
    assert refusal(verifier, issuer.listed(3)) is Refusal.ENDED


def test_the_log_has_the_reason_why_a_list_is_refused(
    issuer: Issuer, verifier: Verifier, caplog: pytest.LogCaptureFixture
) -> None:
    issuer.pages[STATUS] = bad_list(issuer, exp=issuer.claims()["iat"] - 10)
    with pytest.raises(VerifierUnavailable):
        verifier.verify(issuer.listed())
    ours = [record.getMessage() for record in caplog.records if record.name == "latchkey_verifier"]
    assert ours == [f"{issuer.status_uri} cannot be had: expired"]
