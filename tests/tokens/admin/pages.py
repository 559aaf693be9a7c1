"""The admin pages of sessions and tokens, as tests open them."""

from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import User
from tests.conftest import HASHED, Answer, row
from tests.support.staff import SESSIONS, confirm
from tokens.models import Kind


def staff(name: str, *permissions: str) -> Client:
    """Return the browser of a new staff user with these permissions."""
    user = User.objects.create(username=name, password=HASHED, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def listed(answer: Answer) -> set[Any]:
    assert answer.status_code == 200
    return set(answer.context["cl"].result_list)


def tokens_listed(answer: Answer) -> set[Any]:
    """Return the listed sessions, without those of browsers such as the administrator's."""
    return {session for session in listed(answer) if session.kind == Kind.TOKEN}


def end(client: Client, *pairs: dict[str, Any], **fields: str) -> Answer:
    """Revoke the sessions of these pairs, confirm it, and return the list."""
    chosen = [str(row(pair).pk) for pair in pairs]
    return confirm(client, SESSIONS, {"action": "revoke", "_selected_action": chosen, **fields})
