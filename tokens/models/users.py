"""Find a user by login: a user name or, if it contains “@”, an e-mail address."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

MAX_LOGIN_LENGTH = 254  # characters of an e-mail address: RFC 5321, section 4.5.3.1.3


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
