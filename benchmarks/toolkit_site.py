"""The side of django-oauth-toolkit: a site that is set up as its documentation says.

Fair to it: the applications and middleware are those of `django-admin startproject` and its own,
and its settings are its defaults. Its access token is a random text, which it stores; Latchkey's is
signed and not stored.
"""

from benchmarks.stock_site import *  # noqa: F403  (the same project around another application)
from benchmarks.stock_site import INSTALLED_APPS as PROJECT_APPS

ROOT_URLCONF = "benchmarks.toolkit_urls"
INSTALLED_APPS = [*PROJECT_APPS[:-2], "oauth2_provider"]
LOGIN_URL = "/admin/login/"
