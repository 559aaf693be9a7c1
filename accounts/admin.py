"""Users in Django admin."""

from django.contrib import admin
from django.contrib.auth import admin as auth

from accounts.invitations import send_invitation
from accounts.models import User


@admin.register(User)
class UserAdmin(auth.UserAdmin):  # type: ignore[type-arg]
    actions = [send_invitation]
