"""Decide which accounts and groups a staff user may manage, and which rights they may grant.

Every admin page and action that changes an account asks this module. Two rules hold for
everyone except superusers:

- Nobody may grant a right that they do not have.
- Nobody may manage an account that has a right that they lack. Setting a password, changing an
  e-mail address or sending an invitation would otherwise lend them that right.

The rights of a user are their permissions, their groups and superuser status. A group counts even
if it has no permissions, because access tokens carry its name as a role. An inactive account counts
with the rights that it would have if it were active, because managing it includes activating it.
"""

from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import HttpRequest

from tokens.models.bidi import isolate

MAX_NAMED = 5  # rows that a message lists; messages travel in a cookie
MAX_NAME = 30  # characters of each


def held_permissions(actor: Any) -> QuerySet[Permission]:
    """Return the permissions that this user has and may therefore grant."""
    if actor.is_superuser:
        return Permission.objects.all()
    by_group = Permission.objects.filter(group__in=actor.groups.all())
    own = Q(pk__in=actor.user_permissions.values("pk"))
    return Permission.objects.filter(own | Q(pk__in=by_group.values("pk")))


def held_groups(actor: Any) -> QuerySet[Group]:
    """Return the groups that this user is in and may therefore put others into."""
    return (Group.objects if actor.is_superuser else actor.groups).order_by("name")


def may_manage(actor: Any, row: Model) -> bool:
    """Return whether this staff user may change and delete this user or group."""
    rows = type(row)._base_manager.filter(pk=row.pk)
    return not rows.filter(_exceeds(actor, type(row))).exists()


def select_manageable(request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the users or groups that an action may change, and warn about those it leaves out."""
    exceeds = _exceeds(request.user, rows.model)
    left_out = rows.filter(exceeds)
    if count := left_out.count():
        messages.warning(request, _left_out(left_out, count))
    return rows.exclude(exceeds)


def _exceeds(actor: Any, model: type[Model]) -> Q:
    """Return the condition that a user or group has a right that this staff user lacks."""
    if actor.is_superuser:
        return Q(pk__in=[])  # No row matches, and Django runs no query to find that out.
    return _group_exceeds(actor) if model is Group else _user_exceeds(actor)


def _user_exceeds(actor: Any) -> Q:
    groups = Group.objects.exclude(pk__in=actor.groups.values("pk"))
    permissions = Permission.objects.exclude(pk__in=held_permissions(actor).values("pk"))
    return (
        Q(is_superuser=True)
        | Exists(groups.filter(user=OuterRef("pk")))
        | Exists(permissions.filter(user=OuterRef("pk")))
    )


def _group_exceeds(actor: Any) -> Q:
    # Changing or deleting a group changes the rights of its members.
    permissions = Permission.objects.exclude(pk__in=held_permissions(actor).values("pk"))
    members = get_user_model()._base_manager.filter(_user_exceeds(actor))
    return Q(Exists(permissions.filter(group=OuterRef("pk")))) | Q(
        Exists(members.filter(groups=OuterRef("pk")))
    )


def _left_out(rows: QuerySet[Any], count: int) -> str:
    names = [str(row) for row in rows.order_by("pk")[:MAX_NAMED]]
    short = [isolate(name[:MAX_NAME]) + "…" * (len(name) > MAX_NAME) for name in names]
    more = f" and {count - MAX_NAMED} more" if count > MAX_NAMED else ""
    return f"Left out, because they have rights that you do not have: {', '.join(short)}{more}."
