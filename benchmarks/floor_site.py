"""The floors: what Django costs without middleware, by the same server.

One view only answers, another one does so by Django REST framework, and one executes one statement.
No site that does the same is faster.
"""

from benchmarks.stock_site import *  # noqa: F403  (the same project with less)

ROOT_URLCONF = "benchmarks.floor_urls"
MIDDLEWARE = []
