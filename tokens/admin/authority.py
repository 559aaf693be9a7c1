"""Decide which users, groups and service accounts a staff user may manage and what they may grant.

Every admin page and action that changes an account calls this module. Two rules apply to every
staff user except superusers:

- A staff user may not grant a right that they do not have.
- A staff user may not manage an account that has more rights than they have. Otherwise they could
  use those rights by setting its password, changing its e-mail address or inviting its user.

The rights of a user are their permissions, their groups and superuser status. A group counts even
if it has no permissions, because access tokens contain its name as a role. An inactive account has
the rights that it would have if it were active, because managing it includes activating it.

The rights of a service account are its scopes. The tokens of every person can have each scope of
TOKENS["SCOPES"] and each audience, so every staff user may grant these. The tokens of people never
have a built-in scope such as `introspect`, so only a superuser may grant it.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from tokens.conf import conf
from tokens.jwt.grants import SERVICE_SCOPES, known_scopes
from tokens.models import ServiceAccount
from tokens.models.bidi import isolate

MAX_NAMED = 5  # rows that a message names; a message is stored in a cookie
MAX_NAME = 30  # characters of each name


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


def held_scopes(actor: Any) -> Mapping[str, str]:
    """Return the scopes that this user may grant to a service account, each with its sentence."""
    return known_scopes() if actor.is_superuser else conf().SCOPES


def may_manage(actor: Any, row: Model) -> bool:
    """Return whether this staff user may change and delete this row."""
    rows = type(row)._base_manager.filter(pk=row.pk)
    return not rows.filter(_exceeds(actor, type(row))).exists()


def select_manageable(request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the rows that an action may change, and warn about those it leaves out."""
    exceeds = _exceeds(request.user, rows.model)
    left_out = rows.filter(exceeds)
    if count := left_out.count():
        messages.warning(request, _left_out(left_out, count))
    return rows.exclude(exceeds)


def _exceeds(actor: Any, model: type[Model]) -> Q:
    """Return the condition that a row has a right that this staff user lacks."""
    if actor.is_superuser:
        return Q(pk__in=[])  # Django knows that no row matches, and runs no query.
    if model is ServiceAccount:
        return _service_account_exceeds()
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


def _service_account_exceeds() -> Q:
    built_in = "|".join(map(re.escape, SERVICE_SCOPES))
    return Q(scope__regex=f"(^| )({built_in})( |$)")


def _left_out(rows: QuerySet[Any], count: int) -> str:
    names = [str(row) for row in rows.order_by("pk")[:MAX_NAMED]]
    short = [isolate(name[:MAX_NAME]) + "…" * (len(name) > MAX_NAME) for name in names]
    named = ", ".join(short)
    if count > MAX_NAMED:
        named = _("%(names)s and %(count)s more") % {"names": named, "count": count - MAX_NAMED}
    sentence = _("Left out, because they have rights that you do not have: %(names)s.")
    return sentence % {"names": named}
