"""The environment that the tests run in: loaded before the settings, so that no other matters.

Nothing in it is empty, since that would be as good as not set. Of what it does not name everything
has its default: settings, and names that look like one, are taken out of the environment. No `.env`
is read, neither by the tests nor by a program that they start.

`TEST_ENGINE=postgresql` takes the database of TEST_DATABASE_URL; anything else takes SQLite, in a
file, because several threads and processes open it.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from project.checks import EXAMPLE, NAME, misspelt

STATE = Path(tempfile.mkdtemp(prefix="latchkey-test-"))
atexit.register(shutil.rmtree, STATE, ignore_errors=True)

(STATE / "empty.env").touch()

GIVEN = {
    "LATCHKEY_ENV_FILE": str(STATE / "empty.env"),
    "SECRET_KEY": "tests-" + "k" * 50,
    "SECRET_KEY_FALLBACKS": ",",
    "DEBUG": "False",
    "SNAPSHOT_INTERVAL": "60",  # so that no second that ends asks the database while a test counts
    "PUBLIC_URL": "http://localhost:8000",
    "THROTTLES": "off",
    "SESSION_STORE": "database",
    "CORS_ORIGINS": ",",
    "STATIC_ROOT": str(STATE / "static"),
    "ALLOWED_HOSTS": "testserver",
    "EMAIL_URL": "consolemail://",
    "DEFAULT_FROM_EMAIL": "Latchkey <no-reply@localhost>",
    "LINK_LIFETIME": "86400",
    "DATABASE_URL": os.environ["TEST_DATABASE_URL"]
    if os.environ.get("TEST_ENGINE") == "postgresql"
    else f"sqlite:///{STATE / 'latchkey.sqlite3'}",
}

for name in {*NAME.findall(EXAMPLE.read_text()), *misspelt(os.environ)}:
    os.environ.pop(name, None)
os.environ.update(GIVEN)
