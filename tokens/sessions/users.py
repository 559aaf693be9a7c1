"""The mixin and the query set for a user model whose sessions end with its credentials.

A project writes

    class User(UserMixin, AbstractUser):
        objects = UserManager.from_queryset(UserQuerySet)()

Without them, tokens still revokes the sessions when a user is saved. The mixin adds that a stale
instance undoes no change of another request and that a hash upgrade signs no device out. The query
set covers `update()`, `bulk_update()` and `delete()`.
"""

from collections.abc import Collection, Iterable
from functools import cached_property, partial
from typing import Any, Self, TypeVar

from asgiref.sync import sync_to_async
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models, router, transaction
from django.db.models.base import ModelBase

from tokens import signals
from tokens.sessions.credentials import (
    check_password,
    revoke_outdated,
    sign_in_fields,
    watched_fields,
)

UserRow = TypeVar("UserRow", bound=AbstractBaseUser)


class UserQuerySet(models.QuerySet[UserRow]):
    """Users whose sessions end when their credentials change."""

    def update(self, **values: Any) -> int:
        """Update the users, and revoke the sessions whose user's credentials changed.

        All sessions of a user who became inactive are revoked. Each user with a change of
        `watched_fields` is reported by the signal `account_changed`.
        """
        watched = sorted(watched_fields(self.model) & values.keys())
        if not watched:
            return super().update(**values)
        with transaction.atomic(using=self.db):
            users = self.lock()
            chosen = self.model._base_manager.using(self.db).filter(pk__in=users)
            rows = chosen.only("is_active", *watched)
            before = {user.pk: user for user in rows.all()}
            changed = models.QuerySet.update(chosen, **values)
            if sign_in_fields(self.model) & values.keys():
                revoke_outdated(users)
            for user in rows.all():
                old = before[user.pk]
                differs = [name for name in watched if getattr(user, name) != getattr(old, name)]
                report_change(user, differs)
        return changed

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the users. The lock makes a simultaneous sign-in wait, and then fail."""
        with transaction.atomic(using=self.db):
            self.lock()
            return super().delete()

    def lock(self) -> list[Any]:
        """Lock the users in the order of their keys, and return the keys of those that match.

        The conditions are in a subquery, because PostgreSQL cannot lock the rows of a query that
        groups or is distinct. PostgreSQL does not check that subquery again after it has waited
        for a lock; the second query does.
        """
        rows = self.model._base_manager.using(self.db).filter(pk__in=self.order_by().values("pk"))
        locked = list(rows.order_by("pk").select_for_update().values_list("pk", flat=True))
        return list(rows.filter(pk__in=locked).values_list("pk", flat=True))


def report_change(user: AbstractBaseUser, fields: Iterable[str]) -> None:
    """Send the signal `account_changed` if there are changed fields."""
    if names := frozenset(fields):
        about = {"user_id": user.pk, "fields": names, "is_active": user.is_active}
        signals.publish(signals.account_changed, type(user), **about)


class UserMixin(AbstractBaseUser):
    """A user whose stale instances undo no change, and whose hash upgrades sign no device out.

    `save()` writes no field of `guarded_fields` that still has the value that was loaded. An
    instance that another request has made stale therefore cannot restore an old password, an
    inactive user or a right that was taken away.
    """

    class Meta:
        abstract = True

    @classmethod
    def guarded_fields(cls) -> frozenset[str]:
        """Return the names of the fields that `save()` writes only if they were changed."""
        return watched_fields(cls)

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[Any], values: Collection[Any]) -> Self:
        user = super().from_db(db, field_names, values)
        user._note_loaded(user._guarded_values())
        return user

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Self] | None = None,
    ) -> None:
        names = None if fields is None else [*fields]
        super().refresh_from_db(using, names, from_queryset)
        self._note_loaded(self._guarded_values(names))

    def save(
        self,
        *,
        force_insert: bool | tuple[ModelBase, ...] = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        """Save the changes, and revoke the sessions that they affect, in one transaction."""
        using = using or router.db_for_write(type(self), instance=self)
        if update_fields is None and not (self._state.adding or force_insert):
            update_fields = self._changed_fields()
        names = None if update_fields is None else {*update_fields}
        values = self._guarded_values(names)
        known = self._loaded.keys() & values.keys()
        changed = [name for name in known if self._loaded[name] != values[name]]
        with transaction.atomic(using=using):
            super().save(
                force_insert=force_insert,
                force_update=force_update,
                using=using,
                update_fields=names,
            )
            self._note_written(names, using)
            report_change(self, changed)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the user. The lock makes a simultaneous sign-in wait, and then fail."""
        users = type(self)._base_manager.using(kwargs.get("using") or self._state.db)
        with transaction.atomic(using=users.db):
            users.select_for_update().filter(pk=self.pk).first()
            return super().delete(*args, **kwargs)

    def check_password(self, raw_password: str) -> bool:
        """Return whether the password is right; replace its hash if the hash is outdated."""
        return check_password(self, raw_password)

    async def acheck_password(self, raw_password: str) -> bool:
        """Do the same as `check_password`, for asynchronous callers."""
        return await sync_to_async(self.check_password)(raw_password)

    @cached_property
    def _loaded(self) -> dict[str, Any]:
        """The guarded fields' values as this instance last loaded or committed them."""
        return {}

    def _guarded_values(self, names: Collection[str] | None = None) -> dict[str, Any]:
        """Return the present values of the guarded fields, or of those among `names`."""
        guarded = self.guarded_fields() & self.__dict__.keys()
        return {name: self.__dict__[name] for name in guarded if names is None or name in names}

    def _note_loaded(self, values: dict[str, Any]) -> None:
        self._loaded = {**self._loaded, **values}  # A shallow copy of the instance keeps its own.

    def _note_written(self, names: Collection[str] | None, using: str) -> None:
        """Let the written values count as loaded once they are committed.

        Until then they are unknown and every save writes them, because of a possible rollback.
        """
        written = self._guarded_values(names)
        self._loaded = {name: self._loaded[name] for name in self._loaded if name not in written}
        transaction.on_commit(partial(self._note_loaded, written), using=using)

    def _changed_fields(self) -> set[str] | None:
        """Return the names of the fields to write, or None to write all fields."""
        present = self._guarded_values()
        unchanged = {name for name in self._loaded if self._loaded[name] == present.get(name)}
        if not unchanged:
            return None
        return {
            field.name
            for field in self._meta.concrete_fields
            if not field.primary_key and field.attname in self.__dict__
        } - unchanged
