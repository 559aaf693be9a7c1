"""A user model that has what tokens needs, and nothing else."""

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class Member(AbstractBaseUser, PermissionsMixin):
    """A user without a field `username`. The column has another name than the field."""

    email = models.EmailField(unique=True, db_column="mail")
    is_active = models.BooleanField(default=True)

    USERNAME_FIELD = "email"

    objects = BaseUserManager["Member"]()
