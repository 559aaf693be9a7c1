"""The site with the apps whose keys clients exchange."""

from project.settings import *  # noqa: F403  (it is the site as shipped)

INSTALLED_APPS += ["rest_framework.authtoken", "knox"]  # noqa: F405
