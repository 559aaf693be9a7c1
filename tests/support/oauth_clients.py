"""OAuth clients that we did not write, each behind the same five calls."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import httpx
import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from oauthlib.oauth2 import BackendApplicationClient, LegacyApplicationClient, OAuth2Error
from requests_oauthlib import OAuth2Session

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

Answer: TypeAlias = dict[str, Any]


class OAuthRefusedError(Exception):
    """The library reports this error code of the site."""


@dataclass
class Account:
    """The site's URL, and the credentials of a service account."""

    site: str
    client_id: str
    secret: str

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the site (RFC 8414), for libraries that do not read it themselves."""
        url = f"{self.site}/.well-known/oauth-authorization-server"
        metadata: dict[str, str] = httpx.get(url).json()
        return metadata


class OAuthClient(Protocol):
    """A library that calls the site's endpoints with the credentials of a service account."""

    def client_credentials(self, scope: str) -> Answer: ...

    def refresh(self, refresh_token: str) -> Answer: ...

    def exchange(self, subject: str, audience: str) -> Answer: ...

    def introspect(self, token: str) -> Answer: ...

    def revoke(self, token: str) -> None: ...


class WithAuthlib:
    """Authlib's client for httpx. `method` is how it sends the credentials."""

    def __init__(self, account: Account, method: str) -> None:
        self.account = account
        self.urls = account.metadata
        self.method = method

    def client_credentials(self, scope: str) -> Answer:
        return self._token(grant_type="client_credentials", scope=scope)

    def refresh(self, refresh_token: str) -> Answer:
        with self._client("latchkey") as client:
            url = self.urls["token_endpoint"]
            return dict(client.refresh_token(url, refresh_token=refresh_token))

    def exchange(self, subject: str, audience: str) -> Answer:
        return self._token(
            grant_type=EXCHANGE,
            subject_token=subject,
            subject_token_type=ACCESS_TOKEN,
            audience=audience,
        )

    def introspect(self, token: str) -> Answer:
        with self._client() as client:
            url = self.urls["introspection_endpoint"]
            return dict(client.introspect_token(url, token=token).json())

    def revoke(self, token: str) -> None:
        with self._client() as client:
            answer = client.revoke_token(self.urls["revocation_endpoint"], token=token)
        assert answer.status_code == 200

    def _token(self, **form: str) -> Answer:
        with self._client() as client:
            return dict(client.fetch_token(self.urls["token_endpoint"], **form))

    @contextmanager
    def _client(self, public: str | None = None) -> Iterator[OAuth2Client]:
        """Yield a client with the account's credentials, or the public client of this id."""
        id_and_secret = (public,) if public else (self.account.client_id, self.account.secret)
        method = "none" if public else self.method
        with OAuth2Client(*id_and_secret, token_endpoint_auth_method=method) as client:
            try:
                yield client
            except OAuthError as error:
                raise OAuthRefusedError(error.error) from error


class WithRequestsOAuthlib:
    """requests-oauthlib. It has no function for introspection, so that is a plain POST."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.urls = account.metadata

    def client_credentials(self, scope: str) -> Answer:
        client = BackendApplicationClient(client_id=self.account.client_id, scope=scope)
        return self._token(client)

    def refresh(self, refresh_token: str) -> Answer:
        client = LegacyApplicationClient(client_id="latchkey")
        with oauthlib_errors(), OAuth2Session(client=client) as session:
            url = self.urls["token_endpoint"]
            return dict(session.refresh_token(url, refresh_token=refresh_token))

    def exchange(self, subject: str, audience: str) -> Answer:
        client = BackendApplicationClient(client_id=self.account.client_id)
        client.grant_type = EXCHANGE
        return self._token(
            client, subject_token=subject, subject_token_type=ACCESS_TOKEN, audience=audience
        )

    def introspect(self, token: str) -> Answer:
        url = self.urls["introspection_endpoint"]
        credentials = (self.account.client_id, self.account.secret)
        answer: Answer = requests.post(
            url, data={"token": token}, auth=credentials, timeout=30
        ).json()
        return answer

    def revoke(self, token: str) -> None:
        client = BackendApplicationClient(client_id=self.account.client_id)
        url, headers, body = client.prepare_token_revocation_request(
            self.urls["revocation_endpoint"], token
        )
        answer = requests.post(url, headers=headers, data=body, timeout=30)
        assert answer.status_code == 200

    def _token(self, client: BackendApplicationClient, **form: str) -> Answer:
        url, secret = self.urls["token_endpoint"], self.account.secret
        with oauthlib_errors(), OAuth2Session(client=client) as session:
            return dict(session.fetch_token(url, client_secret=secret, **form))


@contextmanager
def oauthlib_errors() -> Iterator[None]:
    try:
        yield
    except OAuth2Error as error:
        raise OAuthRefusedError(error.error) from error


@dataclass
class WithOpenidClient:
    """openid-client in Node, which finds the endpoints by the site's metadata."""

    account: Account
    folder: Path

    def client_credentials(self, scope: str) -> Answer:
        return self._call("client_credentials", scope=scope)

    def refresh(self, refresh_token: str) -> Answer:
        return self._call("refresh", token=refresh_token)

    def exchange(self, subject: str, audience: str) -> Answer:
        form = {"subject_token": subject, "subject_token_type": ACCESS_TOKEN}
        return self._call("exchange", **form, audience=audience)

    def introspect(self, token: str) -> Answer:
        return self._call("introspect", token=token)

    def revoke(self, token: str) -> None:
        self._call("revoke", token=token)

    def _call(self, call: str, **parameters: str) -> Answer:
        done = subprocess.run(
            ["node", "oauth.mjs"],
            cwd=self.folder,
            input=json.dumps({**vars(self.account), "call": call, "parameters": parameters}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode == 3:
            raise OAuthRefusedError(done.stderr)
        assert done.returncode == 0, done.stderr
        answer: Answer = json.loads(done.stdout)
        return answer
