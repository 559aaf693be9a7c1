"""Latchkey's side: the site's own settings, and one address more.

Fair, because it is the site as it ships, with every middleware and application it has. Beside the
address only the signing key's file is other, so that a run leaves nothing behind.
"""

import os
from pathlib import Path

from project.settings import *  # noqa: F403  (all of them: it is the site as it ships)
from project.settings import TOKENS

ROOT_URLCONF = "benchmarks.latchkey_urls"
TOKENS = {**TOKENS, "ACCESS_KEY_FILE": Path(os.environ["BENCH_STATE"]) / "access-key.pem"}
