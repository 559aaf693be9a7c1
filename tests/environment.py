"""The environment that the tests run in: loaded before the settings, so that no `.env` matters.

`TEST_ENGINE=postgresql` takes the database of TEST_DATABASE_URL; anything else takes SQLite, in a
file, because several threads and processes open it.
"""

import os
import tempfile
from pathlib import Path

STATE = Path(tempfile.mkdtemp(prefix="latchkey-test-"))

os.environ.update(
    SECRET_KEY="tests-" + "k" * 50,
    SECRET_KEY_FALLBACKS="",
    DEBUG="False",
    PUBLIC_URL="http://localhost:8000",
    ALLOWED_HOSTS="testserver",
    DATABASE_URL=os.environ["TEST_DATABASE_URL"]
    if os.environ.get("TEST_ENGINE") == "postgresql"
    else f"sqlite:///{STATE / 'latchkey.sqlite3'}",
)
