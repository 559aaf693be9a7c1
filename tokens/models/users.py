"""How a user is called: by user name or, if there is an “@” in it, by e-mail address."""

from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

MAX_LOGIN_LENGTH = 254  # characters of an e-mail address: RFC 5321, section 4.5.3.1.3


def find_by_login(name: str) -> QuerySet[Any]:
    """Return the users who sign in by this name: one or none.

    What can be nobody's name costs no query. SQLite compares with no more than 50,000 characters,
    and PostgreSQL with no NUL.
    """
    model = get_user_model()
    users = model._base_manager.all()
    if not name or len(name) > MAX_LOGIN_LENGTH or "\0" in name:
        return users.none()
    if "@" in name:
        lowered = users.alias(lowered=Lower(model.get_email_field_name()))
        return lowered.filter(lowered=Lower(Value(name)))
    return users.filter(**{model.USERNAME_FIELD: model.normalize_username(name)})
