"""The side of knox: a site that is set up as its documentation says.

Fair to it: the applications and middleware are those of `django-admin startproject` and its own,
and its settings are its defaults. It has one kind of token, which it looks up for each request.
"""

from benchmarks.stock_site import *  # noqa: F403  (the same project around another application)
from benchmarks.stock_site import INSTALLED_APPS as PROJECT_APPS

ROOT_URLCONF = "benchmarks.knox_urls"
INSTALLED_APPS = [*PROJECT_APPS[:-1], "knox"]
REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["knox.auth.TokenAuthentication"]}
