"""Staff users, and users with more rights than the staff user dave, whom he may not manage."""

import re
from collections.abc import Callable
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django_tasks_db.models import DBTaskResult

from accounts.models import User
from tests.conftest import HASHED, Answer
from tokens.models import BlacklistedToken, DeviceSession
from tokens.sessions.lifecycle import Device, open_session

USERS = "/admin/accounts/user/"
GROUPS = "/admin/auth/group/"
SESSIONS = "/admin/tokens/devicesession/"
BLACKLIST = "/admin/tokens/blacklistedtoken/"
#: The permissions of dave.
MAY = (
    *("view_user", "add_user", "change_user", "delete_user"),
    *("view_group", "add_group", "change_group", "delete_group"),
    *("view_devicesession", "change_devicesession", "add_blacklistedtoken"),
)


def permission(name: str) -> Permission:
    return Permission.objects.get(codename=name)


def confirm(client: Client, page: str, fields: dict[str, Any]) -> Answer:
    """Post an action, and confirm it if there is a preview. Return the page that follows."""
    answer = client.post(page, fields, follow=True)
    found = re.search(r'name="confirmed" value="([\w ]+)"', answer.content.decode())
    if found is None:
        return answer
    return client.post(page, {**fields, "confirmed": found[1]}, follow=True)


def create_superuser(name: str) -> tuple[User, Client]:
    """Return a new superuser, and their browser, which is signed in."""
    user = User.objects.create(username=name, password=HASHED, is_staff=True, is_superuser=True)
    client = Client()
    client.force_login(user)
    return user, client


class Staff:
    """A staff user with only these permissions, and their browser."""

    def __init__(self, name: str, *permissions: str) -> None:
        self.user = User.objects.create(
            username=name, email=f"{name}@example.org", password=HASHED, is_staff=True
        )
        self.user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        self.client = Client()
        self.client.force_login(self.user)

    def post(self, path: str, fields: dict[str, Any]) -> Answer:
        return self.client.post(path, fields)

    def save(self, user: User, **changes: Any) -> Answer:
        """Post the form of this user with these changes. None removes a field."""
        user.refresh_from_db()
        form = {
            "username": user.username,
            "email": user.email,
            "first_name": user.first_name,
            "is_active": "on" if user.is_active else None,
            "groups": [group.pk for group in user.groups.all()],
            "user_permissions": [held.pk for held in user.user_permissions.all()],
        }
        filled = {name: value for name, value in {**form, **changes}.items() if value is not None}
        return self.post(f"{USERS}{user.pk}/change/", filled)

    def run(self, page: str, *rows: Any, action: str, **fields: str) -> list[str]:
        """Run an action on these rows, confirm its preview, and return the messages after it."""
        chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
        answer = confirm(self.client, page, {**chosen, **fields})
        assert answer.status_code == 200
        return [str(message) for message in answer.context["messages"]]


def a_superuser(user: User) -> None:
    User._base_manager.filter(pk=user.pk).update(is_superuser=True)


def an_inactive_superuser(user: User) -> None:
    User._base_manager.filter(pk=user.pk).update(is_superuser=True, is_active=False)


def a_user_with_another_permission(user: User) -> None:
    user.user_permissions.add(permission("change_signingkey"))


def an_inactive_user_with_another_permission(user: User) -> None:
    a_user_with_another_permission(user)
    User._base_manager.filter(pk=user.pk).update(is_active=False)


def a_member_of_a_group_with_another_permission(user: User) -> None:
    group = Group.objects.create(name="key keepers")
    group.permissions.add(permission("change_signingkey"))
    user.groups.add(group)


def a_user_with_another_role(user: User) -> None:
    user.groups.add(Group.objects.create(name="editors"))


PRIVILEGED: tuple[Callable[[User], None], ...] = (
    a_superuser,
    an_inactive_superuser,
    a_user_with_another_permission,
    an_inactive_user_with_another_permission,
    a_member_of_a_group_with_another_permission,
    a_user_with_another_role,
)


def make_privileged() -> list[User]:
    """Return a user of each kind that dave may not manage, each signed in on one device."""
    users = []
    for make in PRIVILEGED:
        name = f"eve.{make.__name__}"
        user = User.objects.create(
            username=name, email=f"{name}@example.org", password=HASHED, is_staff=True
        )
        open_session(user, Device(label="phone"))
        make(user)
        user.refresh_from_db()
        users.append(user)
    return users


def everything() -> list[Any]:
    """Return all rows that an administrator can change, for a comparison before and after."""
    return [
        list(rows.order_by("pk"))
        for rows in (
            User.objects.values(),
            User.groups.through.objects.values(),
            User.user_permissions.through.objects.values(),
            Group.objects.values(),
            Group.permissions.through.objects.values(),
            DeviceSession.objects.values(),
            BlacklistedToken.objects.values(),
            DBTaskResult.objects.values("args_kwargs"),
            LogEntry.objects.values(),
        )
    ]
