"""The settings of a project whose user model has an e-mail address as its user name."""

from tests.support import django_user
from tests.support.django_user import *  # noqa: F403  (as settings are extended)

INSTALLED_APPS = [*django_user.INSTALLED_APPS, "tests.support.members"]
AUTH_USER_MODEL = "members.Member"
