"""Set the environment of the tests. It is imported before the settings.

All other settings have their defaults: this module removes every setting, and every name that
looks like a misspelt one, from the environment. No value is empty, because the settings treat an
empty value as missing. Neither the tests nor the programs that they start read a `.env` file.

`TEST_ENGINE=postgresql` selects the database of TEST_DATABASE_URL. Otherwise the tests use SQLite
in a file, because several threads and processes open it.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from project.spelling import EXAMPLE, NAME, misspelt

STATE = Path(tempfile.mkdtemp(prefix="latchkey-test-"))
atexit.register(shutil.rmtree, STATE, ignore_errors=True)

(STATE / "empty.env").touch()

GIVEN = {
    "LATCHKEY_ENV_FILE": str(STATE / "empty.env"),
    "SECRET_KEY": "tests-" + "k" * 50,
    "SECRET_KEY_FALLBACKS": ",",
    "DEBUG": "False",
    "SNAPSHOT_INTERVAL": "60",  # no reload of the snapshot while a test counts queries
    "PUBLIC_URL": "http://localhost:8000",
    "THROTTLES": "off",
    "SESSION_STORE": "database",
    "CORS_ORIGINS": ",",
    "STATIC_ROOT": str(STATE / "static"),
    "ALLOWED_HOSTS": "testserver",
    "EMAIL_URL": "consolemail://",
    "DEFAULT_FROM_EMAIL": "Latchkey <no-reply@localhost>",
    "LINK_LIFETIME": "86400",
    "NEW_DEVICE_MAIL": "off",  # tests of other mails sign in on several devices
    "DATABASE_URL": os.environ["TEST_DATABASE_URL"]
    if os.environ.get("TEST_ENGINE") == "postgresql"
    else f"sqlite:///{STATE / 'latchkey.sqlite3'}",
}

for name in {*NAME.findall(EXAMPLE.read_text()), *misspelt(os.environ)}:
    os.environ.pop(name, None)
os.environ.update(GIVEN)
