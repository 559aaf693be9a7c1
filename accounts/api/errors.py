"""How the account endpoints answer the errors of accounts/errors.py."""

from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken

from accounts.errors import AccountError, InvalidLinkError, RefusedInputError


class AccountErrorsView(APIView):
    """A view that answers the errors of accounts."""

    def handle_exception(self, exc: Exception) -> Response:
        error = to_api_exception(exc) if isinstance(exc, AccountError) else exc
        return super().handle_exception(error)


def to_api_exception(error: AccountError) -> APIException:
    """Return the exception of Django REST framework that answers this error."""
    if isinstance(error, RefusedInputError):
        return ValidationError({error.field: error.sentences})
    if isinstance(error, InvalidLinkError):
        return ParseError(InvalidLinkError.message, "invalid_link")
    return InvalidToken()  # The session has ended, so its refresh token is refused as well.
