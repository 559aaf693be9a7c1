"""The errors: signed out, a site or a store that is unavailable now, and a refused request."""


class ClientError(Exception):
    """The base of all errors of this package."""


class SignedOut(ClientError):
    """The store has no session, or the session has ended. Sign in again."""

    def __init__(self, message: str = "There is no session: sign in.") -> None:
        super().__init__(message)


class Unavailable(ClientError):
    """The site or the store cannot be used now. The session continues, so try again later.

    `retry_after` is the number of seconds that the site asked the client to wait, or None.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StoreError(Unavailable):
    """The store cannot be read or written. The stored session was not changed."""


class Refused(ClientError):
    """The site refuses the request, and would refuse the same request again.

    For example, the password is wrong, or a service account's secret is disabled. `code` is the
    site's word for the reason, or empty.
    """

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
