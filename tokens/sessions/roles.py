"""Roles: the names of a user's groups, which access tokens contain.

A change of roles increases the `roles_version` of the user's sessions in the same transaction. Only
a group that is saved outside of a transaction is renamed a moment earlier. The site then refuses
access tokens with a smaller version, and the next refresh returns the new roles. The users are
locked first, so that a sign-in comes before the change or after it. A rotation that waited for the
lock detects it by itself (tokens/sessions/rotation.py).
"""

from collections import deque
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from tokens.models import DeviceSession
from tokens.signals import after_commit, roles_changed


def bump_version(users: QuerySet[Any]) -> None:
    """Refuse the access tokens that these users have now. Their sessions continue."""
    with transaction.atomic():
        lock_rows(users)
        sessions = DeviceSession.objects.filter(user__in=users.values("pk"), revoked_at=None)
        lock_rows(sessions)
        sessions.update(roles_version=F("roles_version") + 1, roles_changed_at=timezone.now())
        roles_changed.in_transaction.send(DeviceSession, users=users)
        after_commit(roles_changed, DeviceSession)


def lock_rows(rows: QuerySet[Any]) -> None:
    """Lock the rows in the order of their keys, so that two callers cannot block each other."""
    locked = rows.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True)
    deque(locked.iterator(), maxlen=0)


def members(group: Any) -> QuerySet[Any]:
    """Return the members of the group."""
    users = get_user_model()._base_manager
    return users.filter(pk__in=users.filter(groups=group).values("pk"))


def on_membership_change(
    action: str, instance: Any, reverse: bool, pk_set: set[Any] | None, **kwargs: Any
) -> None:
    """Increase the version of the users whose groups change: a receiver of m2m_changed.

    Django names only groups to add that the user lacks, but also groups to remove that the user
    lacks. The users are locked before the second query, so that another transaction cannot add the
    group between the two.
    """
    users = get_user_model()._base_manager
    if reverse:
        named = members(instance) if pk_set is None else users.filter(pk__in=pk_set)
        losing = Q(groups=instance)
    else:
        named = users.filter(pk=instance.pk)
        losing = Q(groups__isnull=False) if pk_set is None else Q(groups__in=pk_set)
    if action == "pre_add" and pk_set:
        bump_version(named)
    elif action in ("pre_remove", "pre_clear"):
        lock_rows(named)
        bump_version(named.filter(pk__in=users.filter(losing).values("pk")))


def remember_group_name(instance: Group, **kwargs: Any) -> None:
    """Remember the stored name of a group before it is saved.

    In a transaction the row stays locked, so that another one cannot rename the group in between.
    """
    groups = Group.objects.filter(pk=instance.pk)
    if transaction.get_connection(groups.db).in_atomic_block:
        groups = groups.select_for_update()
    vars(instance)["_stored_name"] = groups.values_list("name", flat=True).first()


def on_group_saved(instance: Group, created: bool, **kwargs: Any) -> None:
    """Increase the version of the members if the group was renamed."""
    if not created and cast("Any", instance)._stored_name != instance.name:
        bump_version(members(instance))


def on_group_deleted(instance: Group, **kwargs: Any) -> None:
    """Increase the version of the members in the transaction that deletes the group."""
    bump_version(members(instance))
