"""The messages of the checks: a message names a mistake, and its hint the correction."""

from django.core import checks
from django.core.checks import CheckMessage, Error


def error(number: int, message: str, hint: str) -> Error:
    return Error(message, hint=hint, id=f"tokens.E{number:03}")


def warning(number: int, message: str, hint: str) -> CheckMessage:
    return checks.Warning(message, hint=hint, id=f"tokens.W{number:03}")
