"""Users with many roles."""

from django.contrib.auth.models import Group

from accounts.models import User


def give_roles(user: User, count: int, length: int) -> None:
    """Replace all groups by so many, with names of this length, and add the user to them."""
    Group.objects.all().delete()
    names = (f"{number:03}".ljust(length, "r") for number in range(count))
    user.groups.set(Group.objects.bulk_create(Group(name=name) for name in names))
