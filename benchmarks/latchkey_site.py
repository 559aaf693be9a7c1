"""Latchkey's side: the site's own settings, one more URL, and secrets as keys.

Fair, because it is the site as it ships, with every middleware and application it has.
"""

from project.settings import *  # noqa: F403  (all of them: it is the site as it ships)

ROOT_URLCONF = "benchmarks.latchkey_urls"
TOKENS["SERVICE_SECRETS_AS_TOKENS"] = True  # noqa: F405  (off as shipped)
