"""The ASGI application, for servers that also run asynchronous code."""

import os

import django
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

django.setup(set_prefix=False)

from project.web.handler import Cookies  # noqa: E402  (It needs the settings.)


class Request(Cookies, ASGIRequest):  # type: ignore[override]  # the stubs declare an attribute
    """Django's request, with valid cookies."""


application = ASGIHandler()
application.request_class = Request

# Under ASGI each request opens its connections, so it also closes them.
for database in connections.settings.values():
    database["CONN_MAX_AGE"] = 0
