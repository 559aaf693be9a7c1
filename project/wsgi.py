"""The WSGI application, which the production server loads."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup(set_prefix=False)

from django.core.handlers.base import reset_urlconf  # noqa: E402  (It needs the settings.)
from django.core.signals import request_finished  # noqa: E402

from project.web.handler import Handler  # noqa: E402

application = Handler()
# The handler does this for the requests that need it. For each request it would cost a twentieth of
# an authenticated read.
request_finished.disconnect(reset_urlconf)
