"""Programs that others wrote to verify tokens: each is given the address of the key set alone.

A reader returns verified claims or raises RefusedError. Its library checks what it does by itself
when told the algorithm, the issuer and the audience; `typ` is looked at where it leaves that out.
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
class Asked:
    """A token to be verified: its kind and algorithm, and of whom and for whom it has to be."""

    jwks: str
    algorithm: str
    typ: str
    token: str
    issuer: str = ""
    audience: str = ""

    @property
    def expected(self) -> dict[str, str]:
        """Return the claims that have to be so."""
        claims = {"iss": self.issuer, "aud": self.audience}
        return {name: value for name, value in claims.items() if value}


Claims: TypeAlias = dict[str, Any]
Reader: TypeAlias = Callable[[Asked], Claims]


class RefusedError(Exception):
    """The library does not believe the token."""


def with_joserfc(asked: Asked) -> Claims:
    keys = KeySet.import_key_set(httpx.get(asked.jwks).json())
    rules: dict[str, Any] = {
        name: {"essential": True, "value": value} for name, value in asked.expected.items()
    }
    try:
        with catch_warnings():
            simplefilter("ignore", SecurityWarning)  # of the name EdDSA, where RFC 9864 has another
            token = joserfc.jwt.decode(asked.token, keys, algorithms=[asked.algorithm])
        joserfc.jwt.JWTClaimsRegistry(exp={"essential": True}, **rules).validate(token.claims)
    except (JoseError, ValueError) as error:
        raise RefusedError from error
    return of_kind(asked, token.header, token.claims)


def with_jwcrypto(asked: Asked) -> Claims:
    keys = JWKSet.from_json(httpx.get(asked.jwks).text)
    wanted = {"exp": None, **asked.expected}
    try:
        token = JWT(jwt=asked.token, key=keys, algs=[asked.algorithm], check_claims=wanted)
    except (JWException, ValueError) as error:
        raise RefusedError from error
    return of_kind(asked, json.loads(token.header), json.loads(token.claims))


def with_pyjwt(asked: Asked) -> Claims:
    client = jwt.PyJWKClient(asked.jwks)
    try:
        read = jwt.decode_complete(
            asked.token,
            client.get_signing_key_from_jwt(asked.token),
            algorithms=[asked.algorithm],
            issuer=asked.issuer or None,
            audience=asked.audience or None,
            options={"require": ["exp", *asked.expected]},
        )
    except jwt.PyJWTError as error:
        raise RefusedError from error
    return of_kind(asked, read["header"], read["payload"])


def of_kind(asked: Asked, header: dict[str, Any], claims: Claims) -> Claims:
    """Return the claims if the header says that it is this kind of token."""
    if header["typ"] != asked.typ:
        raise RefusedError
    return claims


def with_jose(folder: Path) -> Reader:
    """Return a reader that asks jose in Node; it is installed in this folder."""

    def read(asked: Asked) -> Claims:
        claims: Claims = in_node(folder, asked)["claims"]
        return claims

    return read


def in_node(folder: Path, asked: Asked, **more: int) -> dict[str, Any]:
    """Return what verify.mjs answers, or raise RefusedError."""
    options = {"issuer": asked.issuer, "audience": asked.audience, "requiredClaims": ["exp"]}
    question = {
        "jwks": asked.jwks,
        "algorithm": asked.algorithm,
        "typ": asked.typ,
        "token": asked.token,
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
    """Return the bit at this place of a status list, read by hand."""
    packed = claims["status_list"]
    assert packed["bits"] == 1
    row = zlib.decompress(urlsafe_b64decode(packed["lst"] + "=" * (-len(packed["lst"]) % 4)))
    return row[index // 8] >> index % 8 & 1
