"""What somebody may do: the names of their groups, which access tokens carry as roles.

When it changes, the `rights_version` of the user's sessions moves in the same transaction; a group
saved outside of one is renamed a moment before. Access tokens with a smaller version are refused
from then on, and the next refresh brings the new roles. The users are locked first, so that a
sign-in is before the change or after it; a rotation notices by itself that it has waited
(tokens/sessions/statements.py).
"""

from collections import deque
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from tokens.models import DeviceSession
from tokens.signals import after_commit, rights_changed


def bump_version(users: QuerySet[Any]) -> None:
    """Refuse the access tokens that these users have now; nobody is signed out."""
    with transaction.atomic():
        lock_rows(users)
        sessions = DeviceSession.objects.filter(user__in=users.values("pk"), revoked_at=None)
        lock_rows(sessions)
        sessions.update(rights_version=F("rights_version") + 1, rights_changed_at=timezone.now())
        after_commit(rights_changed, DeviceSession)


def lock_rows(rows: QuerySet[Any]) -> None:
    """Lock the rows in the order of their keys, lest two callers wait for each other."""
    locked = rows.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True)
    deque(locked.iterator(), maxlen=0)


def members(group: Any) -> QuerySet[Any]:
    """Return the users who are in the group."""
    users = get_user_model()._base_manager
    return users.filter(pk__in=users.filter(groups=group).values("pk"))


def on_membership_change(
    action: str, instance: Any, reverse: bool, pk_set: set[Any] | None, **kwargs: Any
) -> None:
    """Groups are given to a user or taken away, or users put into a group: m2m_changed.

    What is given is really missing (Django has looked); what is taken need not be there. The users
    are locked before it is asked, lest somebody gives it meanwhile.
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
    """Note the name that a group had before it is saved."""
    stored = Group.objects.filter(pk=instance.pk).values_list("name", flat=True).first()
    vars(instance)["_stored_name"] = stored


def on_group_saved(instance: Group, created: bool, **kwargs: Any) -> None:
    """A group was saved."""
    if not created and cast("Any", instance)._stored_name != instance.name:
        bump_version(members(instance))


def on_group_deleted(instance: Group, **kwargs: Any) -> None:
    """A group is about to be deleted, in the transaction that does it."""
    bump_version(members(instance))
