"""Verify tokens with other projects' JWT libraries, which get only the URL of the key set.

A reader returns the verified claims or raises RefusedError. It gives the algorithm, issuer and
audience to its library, and checks `typ` itself if the library does not.
"""

import json
import subprocess
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from warnings import catch_warnings, simplefilter

import httpx
import joserfc.jwt
import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet
from jwcrypto.common import JWException
from jwcrypto.jwk import JWKSet
from jwcrypto.jwt import JWT


@dataclass(frozen=True)
class TokenQuery:
    """A token to verify, with its expected algorithm, type, issuer and audience."""

    jwks: str
    algorithm: str
    typ: str
    token: str
    issuer: str = ""
    audience: str = ""

    @property
    def expected(self) -> dict[str, str]:
        """Return the claims that must have these values."""
        claims = {"iss": self.issuer, "aud": self.audience}
        return {name: value for name, value in claims.items() if value}


Claims: TypeAlias = dict[str, Any]
Reader: TypeAlias = Callable[[TokenQuery], Claims]


class RefusedError(Exception):
    """The library refuses the token."""


def with_joserfc(query: TokenQuery) -> Claims:
    keys = KeySet.import_key_set(httpx.get(query.jwks).json())
    rules: dict[str, Any] = {
        name: {"essential": True, "value": value} for name, value in query.expected.items()
    }
    try:
        with catch_warnings():
            simplefilter("ignore", SecurityWarning)  # about the name EdDSA (RFC 9864)
            token = joserfc.jwt.decode(query.token, keys, algorithms=[query.algorithm])
        joserfc.jwt.JWTClaimsRegistry(exp={"essential": True}, **rules).validate(token.claims)
    except (JoseError, ValueError) as error:
        raise RefusedError from error
    return of_kind(query, token.header, token.claims)


def with_jwcrypto(query: TokenQuery) -> Claims:
    keys = JWKSet.from_json(httpx.get(query.jwks).text)
    wanted = {"exp": None, **query.expected}
    try:
        token = JWT(jwt=query.token, key=keys, algs=[query.algorithm], check_claims=wanted)
    except (JWException, ValueError) as error:
        raise RefusedError from error
    return of_kind(query, json.loads(token.header), json.loads(token.claims))


def with_pyjwt(query: TokenQuery) -> Claims:
    client = jwt.PyJWKClient(query.jwks)
    try:
        read = jwt.decode_complete(
            query.token,
            client.get_signing_key_from_jwt(query.token),
            algorithms=[query.algorithm],
            issuer=query.issuer or None,
            audience=query.audience or None,
            options={"require": ["exp", *query.expected]},
        )
    except jwt.PyJWTError as error:
        raise RefusedError from error
    return of_kind(query, read["header"], read["payload"])


def of_kind(query: TokenQuery, header: dict[str, Any], claims: Claims) -> Claims:
    """Return the claims if the header has the expected `typ`; otherwise raise RefusedError."""
    if header["typ"] != query.typ:
        raise RefusedError
    return claims


def with_jose(folder: Path) -> Reader:
    """Return a reader that uses jose in Node. jose must be installed in this folder."""

    def read(query: TokenQuery) -> Claims:
        claims: Claims = in_node(folder, query)["claims"]
        return claims

    return read


def in_node(folder: Path, query: TokenQuery, **more: int) -> dict[str, Any]:
    """Return the output of verify.mjs, or raise RefusedError."""
    options = {"issuer": query.issuer, "audience": query.audience, "requiredClaims": ["exp"]}
    question = {
        "jwks": query.jwks,
        "algorithm": query.algorithm,
        "typ": query.typ,
        "token": query.token,
        "options": {name: value for name, value in options.items() if value},
        **more,
    }
    done = subprocess.run(
        ["node", "verify.mjs"],
        cwd=folder,
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        assert done.stderr.startswith("ERR_J"), done.stderr
        raise RefusedError(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def bit(claims: Claims, index: int) -> int:
    """Return the bit at this index of a status list, decoded without a library."""
    packed = claims["status_list"]
    assert packed["bits"] == 1
    row = zlib.decompress(urlsafe_b64decode(packed["lst"] + "=" * (-len(packed["lst"]) % 4)))
    return row[index // 8] >> index % 8 & 1
