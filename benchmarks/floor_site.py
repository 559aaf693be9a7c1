"""The floors: what Django costs without middleware, by the same server.

One view only answers, the other one executes one statement. No site that does either is faster.
"""

from benchmarks.stock_site import *  # noqa: F403  (the same project with less)

ROOT_URLCONF = "benchmarks.floor_urls"
MIDDLEWARE = []
