"""Bind sessions to the stored password hash and user name."""

from django.contrib.auth.models import AbstractUser

from tokens.crypto.subkeys import all_subkeys, credential_tag, newest_subkeys
from tokens.models import DeviceSession


def rebind(user: AbstractUser, *, old_hash: str, new_hash: str) -> None:
    """Bind the user's sessions to another hash of the same password.

    To be called in the transaction that stores the hash. The rows are locked in the order of their
    ids, as `revoke` locks them.
    """
    name = user.get_username()
    old = [credential_tag(subkeys, old_hash, name) for subkeys in all_subkeys()]
    new = credential_tag(newest_subkeys(), new_hash, name)
    bound = DeviceSession.objects.filter(user=user.pk, revoked_at=None, credential_tag__in=old)
    rows = list(bound.order_by("pk").select_for_update().values_list("pk", flat=True))
    DeviceSession.objects.filter(pk__in=rows).update(credential_tag=new)
