"""The side of django-allauth's headless API: a site that is set up as its documentation says.

Fair to it: the applications and middleware are those of `django-admin startproject` and its own,
and its settings are its defaults. So it signs its access and refresh tokens with RS256.
"""

import os

from benchmarks.stock_site import *  # noqa: F403  (the same project around another application)
from benchmarks.stock_site import INSTALLED_APPS as PROJECT_APPS
from benchmarks.stock_site import MIDDLEWARE as PROJECT_MIDDLEWARE

ROOT_URLCONF = "benchmarks.allauth_urls"
INSTALLED_APPS = [*PROJECT_APPS[:-1], "allauth", "allauth.account", "allauth.headless"]
MIDDLEWARE = [*PROJECT_MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]
HEADLESS_ONLY = True
HEADLESS_TOKEN_STRATEGY = "allauth.headless.tokens.strategies.jwt.JWTTokenStrategy"
HEADLESS_JWT_PRIVATE_KEY = os.environ["BENCH_PRIVATE_KEY"]
HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN = int(os.environ["ACCESS_TOKEN_LIFETIME"])
