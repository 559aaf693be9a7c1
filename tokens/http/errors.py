"""Refusals that only an HTTP request can meet."""

from typing import Any

from django.core.exceptions import BadRequest
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework_simplejwt.exceptions import InvalidToken

from tokens.jwt.claims import RefreshToken


class RolesChangedError(InvalidToken):
    """401 `rights_changed`: the roles in the access token are outdated; a refresh brings others."""

    default_detail: Any = "Your rights have changed: refresh the token."
    default_code = "rights_changed"


class InactiveUserError(InvalidToken, BadRequest):
    """401: the token's user is deleted or inactive, and the row of the user was needed.

    Django answers an error of a middleware by its own class: handler400 gets a BadRequest. Without
    a handler400 of the site, the answer is 400, and not the 500 of an unknown class.
    """


class CsrfFailedError(APIException):
    """403: a cookie alone does not show that a page of this site sent the request."""

    status_code = status.HTTP_403_FORBIDDEN
    default_detail = "The CSRF token is missing or wrong, or the request is from another site."
    default_code = "csrf_failed"


class CookieTooLargeError(APIException):
    """400: the user has so many roles that a browser would drop the access token's cookie."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "The access token is too large for a cookie. Sign in without cookies."
    default_code = "cookie_too_large"


class SecretTooLargeError(APIException):
    """400: a service account has so many scopes that this site would refuse its access token."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = (
        "The access token of this secret would be too large, because its account has too many"
        " scopes."
    )
    default_code = "token_too_large"


class TokenDiffersError(APIException):
    """409: the request names another refresh token than the one that came with it.

    A tab cannot read its cookie. The answer tells it which token the browser has.
    """

    status_code = status.HTTP_409_CONFLICT
    default_detail = "The request came with another refresh token than the one that it names."
    default_code = "token_differs"

    def __init__(self, token: RefreshToken) -> None:
        super().__init__()
        answer: dict[str, Any] = {"detail": self.default_detail, "code": self.default_code}
        self.detail = answer | {"session": str(token.sid), "generation": token.generation}
