"""The worker beside the server: sends what is queued, and ends with whoever started it.

`make serve` starts one. `manage.py db_worker` is the same without a parent to end with.
"""

import os
import sys
import time
from contextlib import suppress
from threading import Thread

import django
import structlog
from django.core.management import call_command
from django.db import DatabaseError, connection

from project.serving.supervisor import exit_with_parent
from project.web import logs

RETRY_DELAY = 5  # seconds, before a database that was away is tried again
CLEANUP_INTERVAL = 60  # seconds between two looks at what a killed worker left behind

log = structlog.stdlib.get_logger("latchkey.worker")


def main(parent: int) -> None:
    """Work until the process of this id is no longer our parent, however it ended."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    logs.start()
    exit_with_parent(parent)
    django.setup()
    Thread(target=clean_up_forever, daemon=True).start()
    while True:
        try:
            call_command("db_worker", reload=False)
        except DatabaseError as error:
            reason = str(error)  # A traceback every few seconds would say no more.
            log.error("mail_worker_waits_for_database", reason=reason)  # noqa: TRY400
            time.sleep(RETRY_DELAY)


def clean_up_forever() -> None:
    """Look at the queue now and then, also while nothing is sent."""
    from accounts.mail.queue import clean_up  # noqa: PLC0415  (models are there after the setup)

    while True:
        with suppress(DatabaseError):
            clean_up()
        connection.close()
        time.sleep(CLEANUP_INTERVAL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
