"""Latchkey's side: the site's own settings, and one address more.

Fair, because it is the site as it ships, with every middleware and application it has.
"""

from project.settings import *  # noqa: F403  (all of them: it is the site as it ships)

ROOT_URLCONF = "benchmarks.latchkey_urls"
