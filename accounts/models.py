"""The user: who signs in, and what becomes of their sessions when that changes."""

import uuid
from collections.abc import Collection, Iterable
from typing import Any, ClassVar, Self

from asgiref.sync import sync_to_async
from django.contrib.auth.hashers import acheck_password, check_password, make_password
from django.contrib.auth.models import AbstractUser, UserManager
from django.core.validators import RegexValidator
from django.db import models, transaction
from django.db.models.functions import Lower

from tokens.models import Reason
from tokens.sessions import roles
from tokens.sessions.credentials import rebind
from tokens.sessions.lifecycle import revoke_sessions

CREDENTIALS = frozenset({"password", "username"})
RIGHTS = frozenset({"is_staff", "is_superuser"})
WATCHED = CREDENTIALS | RIGHTS | {"is_active"}


class UserQuerySet(models.QuerySet["User"]):
    """Users, whose sessions end together with what they were built on."""

    def update(self, **values: Any) -> int:
        """Update the users; end the sessions of whose credentials changed or who are inactive.

        Access tokens of whose rights changed are refused.
        """
        if not WATCHED & values.keys():
            return super().update(**values)
        with transaction.atomic(using=self.db):
            users = self.lock()
            chosen = User._base_manager.using(self.db).filter(pk__in=users)
            changed = chosen.update(**values)
            if CREDENTIALS & values.keys():
                revoke_sessions(users, Reason.CREDENTIALS_CHANGED)
            if RIGHTS & values.keys():
                roles.bump_version(User._base_manager.filter(pk__in=users))
            inactive = User._base_manager.filter(pk__in=users, is_active=False)
            revoke_sessions(inactive.values_list("pk", flat=True), Reason.DEACTIVATED)
        return changed

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the users, locked first so that no sign-in slips between."""
        with transaction.atomic(using=self.db):
            self.lock()
            return super().delete()

    def swap_password_hash(self, old: str, new: str) -> bool:
        """Store another hash of the same password, unless the password was changed meanwhile."""
        return bool(models.QuerySet.update(self.filter(password=old), password=new))

    def lock(self) -> list[uuid.UUID]:
        """Lock the users in the order of their keys, and return the keys of those that match.

        The conditions are in a subquery, because PostgreSQL cannot lock the rows of a query that
        groups or is distinct. It does not check them again after it has waited for a lock; the
        second query does.
        """
        rows = User._base_manager.using(self.db).filter(pk__in=self.order_by().values("pk"))
        locked = list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))
        return list(rows.filter(pk__in=locked).values_list("pk", flat=True))


class Users(UserManager["User"]):
    """The manager of users; whatever changes users through it ends sessions as it must."""

    use_in_migrations = False

    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)


class User(AbstractUser):
    """A person or a program that signs in. The primary key is the `sub` of their tokens."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(
        "user name",
        max_length=150,
        unique=True,
        help_text="At most 150 characters: letters, digits and . + - _",
        validators=[
            RegexValidator(r"^[\w.+-]+\Z", "Use letters, digits and the characters . + - _ only.")
        ],
        error_messages={"unique": "A user with that user name already exists."},
    )
    email = models.EmailField("e-mail address", blank=True)
    email_changed_at = models.DateTimeField("e-mail address changed", null=True, editable=False)

    objects: ClassVar[Users] = Users()

    class Meta:
        verbose_name = "user"
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(username__contains="@"),
                name="accounts_user_name_without_at",
                violation_error_message="A user name cannot contain an “@”.",
            ),
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="accounts_user_email_unique",
                violation_error_message="A user with that e-mail address already exists.",
            ),
        ]

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[Any], values: Collection[Any]) -> Self:
        user = super().from_db(db, field_names, values)
        user._remember(WATCHED)
        return user

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Self] | None = None,
    ) -> None:
        names = None if fields is None else [*fields]
        super().refresh_from_db(using, names, from_queryset)
        self._remember(WATCHED if names is None else names)

    def save(
        self,
        *,
        force_insert: bool | tuple[models.base.ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save, and end the sessions of a user whose credentials changed or who became inactive.

        Access tokens of whose rights changed are refused.
        What this instance did not change of `WATCHED` is not written: a stale instance cannot undo
        a password change or a deactivation that was committed since it was read.
        """
        if self._uncommitted:
            self._read_again(using)
        changed = {
            name
            for name in WATCHED & self.__dict__.keys()
            if self._read.get(name) != self.__dict__[name]
        }
        if update_fields is not None:
            update_fields = {*update_fields}
            changed &= update_fields
        elif not self._state.adding and not force_insert and self._read:
            stored = {field.name for field in self._meta.concrete_fields if not field.primary_key}
            update_fields = stored - self.get_deferred_fields() - (WATCHED - changed)
        with transaction.atomic(using=using):
            super().save(
                force_insert=force_insert,
                force_update=force_update,
                using=using,
                update_fields=update_fields,
            )
            if changed & CREDENTIALS:
                revoke_sessions([self.pk], Reason.CREDENTIALS_CHANGED)
            if "is_active" in changed and not self.is_active:
                revoke_sessions([self.pk], Reason.DEACTIVATED)
            if changed & RIGHTS:
                roles.bump_version(User._base_manager.filter(pk=self.pk))
        self._remember(WATCHED if update_fields is None else update_fields)
        self._uncommitted.update(changed)
        transaction.on_commit(self._uncommitted.clear, using=using)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic(using=kwargs.get("using")):
            User.objects.get_queryset().filter(pk=self.pk).lock()
            return super().delete(*args, **kwargs)

    def check_password(self, raw_password: str) -> bool:
        """Return whether the password is right; store its hash anew if the old one is outdated."""
        outdated: list[str] = []
        correct = check_password(raw_password, self.password, outdated.append)
        return self._upgrade_hash(raw_password) if outdated else correct

    async def acheck_password(self, raw_password: str) -> bool:
        """Do what `check_password` does, for asynchronous callers."""
        outdated: list[str] = []

        async def note(password: str) -> None:
            outdated.append(password)

        correct = await acheck_password(raw_password, self.password, note)
        return await sync_to_async(self._upgrade_hash)(raw_password) if outdated else correct

    def get_session_auth_hash(self) -> str:
        """Return nothing: a browser is believed by its device session, whatever Django compares.

        So neither a hash upgrade nor a new secret key signs another browser out.
        """
        return ""

    def _upgrade_hash(self, raw_password: str) -> bool:
        """Store a new hash of the password just verified; return whether it is still right.

        The hash is swapped and the user's sessions are bound to the new one in one transaction, so
        an upgrade signs nobody out and cannot overwrite a password change committed meanwhile.
        """
        users = User.objects.get_queryset().filter(pk=self.pk)
        old, new = self.password, make_password(raw_password)
        with transaction.atomic():
            swapped = users.swap_password_hash(old, new)
            if swapped:
                rebind(self, old_hash=old, new_hash=new)
        stored = new if swapped else users.values_list("password", flat=True).first()
        if stored is None or not (swapped or check_password(raw_password, stored)):
            return False
        self.password = self._read["password"] = stored
        return True

    @property
    def _read(self) -> dict[str, Any]:
        """What was in the database of `WATCHED` when this instance was last read or written."""
        read: dict[str, Any] = self.__dict__.setdefault("_watched_as_read", {})
        return read

    @property
    def _uncommitted(self) -> set[str]:
        """What was written in a transaction that may yet be rolled back."""
        names: set[str] = self.__dict__.setdefault("_watched_uncommitted", set())
        return names

    def _read_again(self, using: str | None) -> None:
        """Note what the database has now of what may have been rolled back."""
        users = User._base_manager.using(using or self._state.db).filter(pk=self.pk)
        stored = users.values(*self._uncommitted).first()
        # Where there is no such row any more, nothing is known of it: all of it is written.
        self.__dict__["_watched_as_read"] = {} if stored is None else {**self._read, **stored}

    def _remember(self, names: Iterable[str]) -> None:
        """Note that these fields now stand in the database as in this instance."""
        known = {name: self.__dict__[name] for name in WATCHED & self.__dict__.keys() & {*names}}
        self.__dict__["_watched_as_read"] = {**self._read, **known}
