"""A program that calls APIs for itself (RFC 6749, section 4.4)."""

import time
from collections.abc import Sequence
from concurrent.futures import Future

import httpx

from latchkey_client.bearer import Bearer
from latchkey_client.core import Issued, Retry, Stop, judge_service, service_request
from latchkey_client.errors import Refused
from latchkey_client.flight import SingleFlight
from latchkey_client.transport import Limit, Transport


class ServiceAccount(Bearer[Issued]):
    """Gets access tokens with the secret of a service account, and authenticates requests.

    `scope` is a text or a sequence of names; `audience` is the service that the tokens are for.
    `timeout` is for each request, `patience` for a call with all its retries; both in seconds.
    Threads and tasks share one object and one request. Pass `http` to use a proxy or a private
    certificate authority, and close it yourself.
    """

    def __init__(
        self,
        site: str,
        client_id: str,
        secret: str,
        *,
        scope: str | Sequence[str] = "",
        audience: str = "",
        timeout: float = 10,
        patience: float = 30,
        http: httpx.Client | None = None,
    ) -> None:
        super().__init__(patience)
        names = scope if isinstance(scope, str) else " ".join(scope)
        self._request = service_request(client_id, secret, names, audience)
        self._transport = Transport(site, timeout=timeout, http=http)
        self._issued: Issued | None = None
        self._flights: SingleFlight[Issued] = SingleFlight()

    def _held(self) -> Issued | None:
        return self._issued

    def _renewed(self, held: Issued | None, patience: float) -> Future[Issued]:
        return self._flights.join(lambda: self._fetch(held, patience))

    def _fetch(self, held: Issued | None, patience: float) -> Issued:
        """Return another token than this one: a new one, unless another caller got one."""
        limit = Limit(patience)
        while self._issued is None or self._issued is held:
            requested_at = time.time()
            match judge_service(self._transport.send(self._request), requested_at):
                case Issued() as issued:
                    self._issued = issued
                case Retry() as retry:
                    limit.wait(retry)
                case Stop(reason, status, code):
                    raise Refused(reason, status=status, code=code)
        return self._issued
