"""Send requests to the site, and wait between tries."""

import re
import ssl
import time
from contextlib import AbstractContextManager, nullcontext
from functools import cache

import httpx

from latchkey_client.core import Answer, Request, Retry, pause
from latchkey_client.errors import Unavailable

ORIGIN = re.compile(r"https://[a-z0-9.:\[\]-]+|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?")
USER_AGENT = "latchkey-client"


class Transport:
    """Sends requests to one site. It keeps no connections open, so processes may be forked."""

    def __init__(self, site: str, *, timeout: float, http: httpx.Client | None) -> None:
        self.site = site.rstrip("/")
        if not ORIGIN.fullmatch(self.site):
            raise ValueError(f"A site is an origin with https, or http on loopback: {site!r}.")
        self._timeout = timeout
        self._http = http

    def send(self, request: Request) -> Answer | None:
        """Return the site's answer, or None if none arrived. Redirects are not followed."""
        body = {"data": request.body} if request.form else {"json": request.body}
        try:
            with self._open() as http:
                response = http.request(
                    "POST",
                    self.site + request.path,
                    headers={"User-Agent": USER_AGENT, **request.headers},
                    timeout=self._timeout,
                    follow_redirects=False,
                    **body,  # type: ignore[arg-type]  # one of two keyword arguments
                )
        except httpx.HTTPError:
            return None
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, response.content)

    def _open(self) -> AbstractContextManager[httpx.Client]:
        return nullcontext(self._http) if self._http else httpx.Client(verify=trusted())


class Limit:
    """The time that a caller may wait for the site in total, in seconds."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds
        self._tries = 0

    def remaining(self) -> float:
        return max(0, self._ends_at - time.monotonic())

    def wait(self, retry: Retry) -> None:
        """Wait before the next try, or raise Unavailable if the limit would be exceeded."""
        self._tries += 1
        seconds = pause(retry, self._tries)
        if seconds > self.remaining():
            raise Unavailable(retry.reason, retry_after=retry.after)
        time.sleep(seconds)


@cache
def trusted() -> ssl.SSLContext:
    """Return the certificate authorities of the system, which take milliseconds to read."""
    return ssl.create_default_context()
