"""Find a user by login: a user name or, if it contains “@”, an e-mail address."""

import unicodedata
from contextlib import suppress
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

MAX_LOGIN_LENGTH = 254  # characters of an e-mail address: RFC 5321, section 4.5.3.1.3
#: Databases and locales disagree about these: the dot of “İ”, and the “i” without a dot.
LETTERS = str.maketrans({"\u0307": None, "ı": "i"})


def find_by_login(login: str) -> QuerySet[Any]:
    """Return a QuerySet of the user with this login, which has one row or none.

    An impossible login runs no query: SQLite cannot compare with more than 50,000 characters, and
    PostgreSQL cannot compare with NUL.
    """
    model = get_user_model()
    users = model._base_manager.all()
    if not login or len(login) > MAX_LOGIN_LENGTH or "\0" in login:
        return users.none()
    if "@" in login:
        lowered = users.alias(lowered=Lower(model.get_email_field_name()))
        return lowered.filter(lowered=Lower(Value(login)))
    return users.filter(**{model.USERNAME_FIELD: model.normalize_username(login)})


def fold_login(login: str) -> str:
    """Return one text for all spellings that a database or a mail server takes for one login.

    It is for counting only: a few logins of different accounts have the same text. `lower()` of
    PostgreSQL turns “İ” into “i” and Python does not, so a count of Python's spellings would allow
    several times as many tries. Mail is sent to the domain in its ASCII form (RFC 5891).
    """
    name, at, domain = unicodedata.normalize("NFKC", login).casefold().rpartition("@")
    if at:
        with suppress(UnicodeError):  # The text has another form than a domain.
            domain = domain.encode("idna").decode("ascii")
    return f"{name}{at}{domain}".translate(LETTERS)
