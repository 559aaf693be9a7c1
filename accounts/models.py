"""The user: a person or a program that signs in."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth import models as auth
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from tokens.models.users import find_by_login
from tokens.sessions.users import UserMixin, UserQuerySet

#: The error of a form at an address that cannot exist. Django spells it another way.
INVALID_EMAIL = _("Enter a valid e-mail address.")
TAKEN_EMAIL = _("A user with that e-mail address already exists.")


class UserEmailField(models.EmailField):  # type: ignore[type-arg]  # not generic when it runs
    """The e-mail address of a user.

    `createsuperuser` validates it before there is a user. A taken one is refused then, because the
    command does not validate the constraint of the table, and would end with a traceback.
    """

    def clean(self, value: Any, model_instance: models.Model | None) -> Any:
        email = super().clean(value, model_instance)
        if model_instance is None and find_by_login(email).exists():
            raise ValidationError(TAKEN_EMAIL)
        return email

    def deconstruct(self) -> Any:
        """Return the class of Django: in the database this is an EmailField."""
        name, _path, arguments, options = super().deconstruct()
        return name, "django.db.models.EmailField", arguments, options


class UserManager(auth.UserManager["User"]):
    """The manager of users. A change or a deletion through it revokes sessions."""

    use_in_migrations = False

    def get_queryset(self) -> UserQuerySet["User"]:
        return UserQuerySet(self.model, using=self._db)


class User(UserMixin, auth.AbstractUser):
    """A person or a program that signs in. The primary key is the `sub` of their tokens."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(
        _("user name"),
        max_length=150,
        unique=True,
        help_text=_("At most 150 characters: letters, digits and . + - _"),
        validators=[
            RegexValidator(
                r"^[\w.+-]+\Z", _("Use letters, digits and the characters . + - _ only.")
            )
        ],
        error_messages={"unique": _("A user with that user name already exists.")},
    )
    email: "models.EmailField[str, str]" = UserEmailField(_("e-mail address"), blank=True)
    #: The address that this user has proved to receive mail at. It can differ from `email`.
    verified_email = models.EmailField(
        _("verified e-mail address"), blank=True, default="", db_default="", editable=False
    )
    email_changed_at = models.DateTimeField(_("e-mail address changed"), null=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("user")
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(username__contains="@"),
                name="accounts_user_name_without_at",
                violation_error_message=_("A user name cannot contain an “@”."),
            ),
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="accounts_user_email_unique",
                violation_error_message=TAKEN_EMAIL,
            ),
        ]

    @property
    def display_name(self) -> str:
        """The full name, or the user name of a user without one."""
        return self.get_full_name() or self.username

    @property
    def has_verified_email(self) -> bool:
        """Whether the user has followed a link that was mailed to the present address."""
        return self.email != "" and self.email == self.verified_email

    def get_session_auth_hash(self) -> str:
        """Return nothing: the device session decides whether a browser is signed in.

        So neither a hash upgrade nor a new secret key signs another browser out.
        """
        return ""
