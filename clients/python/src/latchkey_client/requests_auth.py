"""Authentication for the library requests, which this module does not import."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from requests import PreparedRequest, Response


class TokenSource(Protocol):
    """Where the tokens come from."""

    def access_token(self) -> str: ...
    def replace_token(self, token: str) -> str: ...
    def may_replace(self, request: Any, status: int, token: str) -> bool: ...
    def note_status(self, request: Any, status: int) -> None: ...


class RequestsAuth:
    """Adds the access token to a request, and sends it once more after a 401."""

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    def __call__(self, request: "PreparedRequest") -> "PreparedRequest":
        token = self._source.access_token()
        request.headers["Authorization"] = f"Bearer {token}"
        start = position(request.body)

        def answered(response: "Response", **options: Any) -> "Response":
            return self._answered(response, token, start, options)

        request.register_hook("response", answered)
        return request

    def _answered(
        self, response: "Response", token: str, start: int | None, options: dict[str, Any]
    ) -> "Response":
        """Return the response, or that of a second request with another token."""
        if not self._source.may_replace(response.request, response.status_code, token):
            return response
        response.content  # noqa: B018  (It is read, so that the connection can be used again.)
        token = self._source.replace_token(token)
        if not rewind(response.request.body, start):
            return response
        request = response.request.copy()
        request.headers["Authorization"] = f"Bearer {token}"
        connection: Any = response.connection
        second: Response = connection.send(request, **options)
        second.history.append(response)
        second.request = request
        self._source.note_status(request, second.status_code)
        return second


def position(body: Any) -> int | None:
    """Return where a file starts to be read, or None if it is not a file that can be rewound."""
    try:
        return int(body.tell())
    except (AttributeError, OSError):
        return None


def rewind(body: Any, start: int | None) -> bool:
    """Return whether the body can be sent again, after setting a file back to its start."""
    if body is None or isinstance(body, bytes | str):
        return True
    if start is None:
        return False
    try:
        body.seek(start)
    except (AttributeError, OSError, ValueError):
        return False
    return True
