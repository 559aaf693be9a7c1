"""The worker beside the server: sends what is queued, and ends when the server does.

`make serve` starts one. `manage.py db_worker` is the same without a server to end with.
"""

import os
import signal
import sys
import threading
import time

import django
from django.core.management import call_command
from django.db import DatabaseError

PAUSE = 5  # seconds, before a database that was away is tried again


def main(server: int) -> None:
    """Work until the process of this id is no longer our parent, however it ended."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    threading.Thread(target=end_with, args=(server,), daemon=True).start()
    django.setup()
    while True:
        try:
            call_command("db_worker", reload=False)
        except DatabaseError as error:
            print(f"The mail worker waits for the database: {error}", file=sys.stderr, flush=True)
            time.sleep(PAUSE)


def end_with(server: int) -> None:
    """Ask this process to end once its parent is another than the server; a mail is finished."""
    while os.getppid() == server:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(int(sys.argv[1]))
