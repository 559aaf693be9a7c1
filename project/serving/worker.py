"""The mail worker: it sends the queued mails, and stops when its parent process stops.

`make serve` starts one. `manage.py db_worker` does the same without a parent process.
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

RETRY_DELAY = 5  # seconds before the next attempt to reach the database
CLEANUP_INTERVAL = 60  # seconds between two clean-ups after killed workers

log = structlog.stdlib.get_logger("latchkey.worker")


def main(parent: int) -> None:
    """Work until the process with this id stops being the parent of this one."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    logs.start()
    exit_with_parent(parent)
    django.setup()
    Thread(target=clean_up_forever, daemon=True).start()
    while True:
        try:
            call_command("db_worker", reload=False)
        except DatabaseError as error:
            reason = str(error)  # A traceback every few seconds would add no information.
            log.error("mail_worker_waits_for_database", reason=reason)  # noqa: TRY400  (the reason says it)
            connection.close()
            time.sleep(RETRY_DELAY)


def clean_up_forever() -> None:
    """Clean up the queue, and after killed demonstrations, also while no mail is sent."""
    from accounts.mail.queue import clean_up  # noqa: PLC0415  (after the setup)
    from project.compare.demo import remove_forgotten  # noqa: PLC0415  (after the setup)

    while True:
        with suppress(DatabaseError):
            clean_up()
            remove_forgotten()
        connection.close()
        time.sleep(CLEANUP_INTERVAL)


if __name__ == "__main__":
    main(int(sys.argv[1]))
