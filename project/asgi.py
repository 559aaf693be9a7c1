"""The ASGI application, for servers that also run asynchronous code."""

import os

from django.core.asgi import get_asgi_application
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")

application = get_asgi_application()

# Under ASGI each request opens its connections, so it also closes them.
for database in connections.settings.values():
    database["CONN_MAX_AGE"] = 0
