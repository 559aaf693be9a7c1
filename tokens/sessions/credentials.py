"""Bind sessions to the stored password hash and user name, and revoke those bound to others.

A session's credential tag depends on a subkey, the password hash and the user name (tokens/crypto/
subkeys.py). Therefore the stored rows alone show which sessions a change of the user has ended, and
no code remembers old values.
"""

from collections.abc import Iterable
from typing import Any, cast

from django.contrib.auth import get_user_model, hashers
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils.crypto import constant_time_compare

from tokens.crypto.subkeys import all_subkeys, credential_tag, newest_subkeys, tag_subkeys
from tokens.models import DeviceSession, Reason


def sign_in_fields(model: type[AbstractBaseUser]) -> frozenset[str]:
    """Return the names of the fields that decide whether a user's sessions are valid."""
    name = cast("type[AbstractUser]", model).USERNAME_FIELD
    return frozenset({"password", name, "is_active"})


def watched_fields(model: type[AbstractBaseUser]) -> frozenset[str]:
    """Return the names of the fields whose changes are security events."""
    rights = {"is_staff", "is_superuser"}
    names = {model.get_email_field_name(), "first_name", "last_name"}
    return sign_in_fields(model) | rights | names


def on_user_saved(
    instance: Model, created: bool, update_fields: frozenset[str] | None = None, **kwargs: Any
) -> None:
    """Revoke the sessions that a saved user ends: post_save, also of a proxy of the user model."""
    model = get_user_model()
    if created or not isinstance(instance, model):
        return
    if update_fields is None or update_fields & sign_in_fields(model):
        revoke_outdated([instance.pk])


def revoke_outdated(users: Iterable[Any]) -> None:
    """Revoke each session of these primary keys that its user's stored row does not match.

    One SELECT reads the sessions together with their users, so it cannot see the tag of one moment
    and the password hash of another. Call it after the user's row is written: a sign-in writes
    that row before it adds its session, so it is either visible here or refused.
    """
    sessions = DeviceSession.objects.filter(user__in=users, revoked_at=None)
    name = f"user__{get_user_model().USERNAME_FIELD}"
    inactive, changed = [], []
    for pk, tag, is_active, password_hash, username in sessions.values_list(
        "pk", "credential_tag", "user__is_active", "user__password", name
    ):
        if not is_active:
            inactive.append(pk)
        elif not tag_subkeys(tag, password_hash, username):
            changed.append(pk)
    DeviceSession.objects.filter(pk__in=inactive).revoke(Reason.DEACTIVATED)
    DeviceSession.objects.filter(pk__in=changed).revoke(Reason.CREDENTIALS_CHANGED)


def check_password(user: AbstractBaseUser, raw_password: str) -> bool:
    """Return whether the password is right; replace its hash if the hash is outdated."""
    outdated: list[str] = []
    correct = hashers.check_password(raw_password, user.password, outdated.append)
    return upgrade_hash(user, raw_password) if outdated else correct


def upgrade_hash(user: AbstractBaseUser, raw_password: str) -> bool:
    """Store a new hash of the password just verified; return whether the password is still right.

    One transaction stores the hash and binds the user's sessions to it, so an upgrade signs no
    device out. The hash is stored only in place of the verified one, so an upgrade cannot undo a
    password change.
    """
    old, new = user.password, hashers.make_password(raw_password)
    users = type(user)._base_manager.filter(pk=user.pk)
    with transaction.atomic():
        if swap_password_hash(users, old, new):
            rebind(user, old_hash=old, new_hash=new)
    try:
        user.refresh_from_db(fields=["password"])
    except ObjectDoesNotExist:
        return False
    is_stored = constant_time_compare(user.password, new)
    return is_stored or hashers.check_password(raw_password, user.password)


def swap_password_hash(users: QuerySet[Any], old: str, new: str) -> bool:
    """Replace this hash by another; return False if none of the users has it any longer.

    No session is revoked.
    """
    return bool(QuerySet.update(users.filter(password=old), password=new))


def rebind(user: AbstractBaseUser, *, old_hash: str, new_hash: str) -> None:
    """Bind the user's sessions to another hash of the same password.

    Call it in the transaction that stores the hash. The rows are locked in the order of their ids,
    as `revoke` locks them.
    """
    name = user.get_username()
    old = [credential_tag(subkeys, old_hash, name) for subkeys in all_subkeys()]
    new = credential_tag(newest_subkeys(), new_hash, name)
    bound = DeviceSession.objects.filter(user=user.pk, revoked_at=None, credential_tag__in=old)
    rows = list(bound.order_by("pk").select_for_update().values_list("pk", flat=True))
    DeviceSession.objects.filter(pk__in=rows).update(credential_tag=new)
