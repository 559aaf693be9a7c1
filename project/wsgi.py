"""The WSGI application, which the production server loads."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
django.setup(set_prefix=False)

from project.web.handler import Handler  # noqa: E402  (It needs the settings.)

application = Handler()
