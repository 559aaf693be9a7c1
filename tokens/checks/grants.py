"""Check the settings of what tokens may contain: scopes, audiences and additional claims."""

from collections.abc import Iterator

from django.core.checks import CheckMessage
from django.urls import get_resolver

from tokens.checks.messages import error, warning
from tokens.conf import conf
from tokens.http.permissions import REQUIRED_SCOPES
from tokens.jwt.custom_claims import claims_function
from tokens.jwt.grants import SCOPE, SERVICE_SCOPES, known_scopes


def check_grants() -> list[CheckMessage]:
    """Return the mistakes in SCOPES, the audiences and CLAIMS."""
    return [*_check_scopes(), *_check_required_scopes(), *_check_audiences(), *_check_claims()]


def _check_scopes() -> Iterator[CheckMessage]:
    for name, sentence in conf().SCOPES.items():
        if not SCOPE.fullmatch(name):
            yield error(
                31,
                f"{name!r} cannot be a scope.",
                'Use 1 to 100 ASCII characters without spaces, " and \\ (RFC 6749, section 3.3).',
            )
        if name in SERVICE_SCOPES:
            yield error(
                32,
                f"The scope {name!r} exists already: the OAuth endpoints require it.",
                "Remove it from TOKEN_SCOPES, or give your scope another name.",
            )
        if not str(sentence).strip():
            yield error(
                33,
                f"The scope {name!r} has no sentence.",
                "Write in TOKEN_SCOPES what a token with this scope allows.",
            )


def _check_required_scopes() -> Iterator[CheckMessage]:
    """Compare the scopes that views require. Importing the URLconf imports the views.

    The message is a warning on http without any scope: tests and `make lint` read no `.env`.
    """
    report = error if conf().SCOPES or conf().COOKIES_SECURE else warning
    get_resolver().url_patterns  # noqa: B018  (for its effect)
    for name in sorted(REQUIRED_SCOPES - known_scopes().keys()):
        yield report(
            34,
            f"A view requires the scope {name!r}, which no token can have.",
            f"Correct the name in has_scope(…), or add it to TOKEN_SCOPES: {[*known_scopes()]}.",
        )


def _check_audiences() -> Iterator[CheckMessage]:
    audiences = conf().audiences
    if len(set(audiences)) < len(audiences):
        yield error(
            35,
            "An audience is listed twice.",
            "Write each audience once in TOKEN_AUDIENCE.",
        )
    for name in audiences:
        if not isinstance(name, str) or not name or name.split() != [name]:
            yield error(
                36,
                f"{name!r} cannot be an audience.",
                "Write texts without spaces in TOKEN_AUDIENCE, separated by commas.",
            )


def _check_claims() -> Iterator[CheckMessage]:
    path = conf().CLAIMS
    if not path:
        return
    hint = "Set TOKEN_CLAIMS to the dotted path of a function, or leave it empty."
    try:
        function = claims_function(path)
    except ImportError as missing:
        reason = str(missing).removesuffix(".")
        yield error(
            37, f"The function {path!r} of TOKEN_CLAIMS cannot be imported: {reason}.", hint
        )
        return
    if not callable(function):
        yield error(37, f"{path!r} of TOKEN_CLAIMS is not a function.", hint)
