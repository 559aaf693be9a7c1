"""Mail: queued in the transaction that it tells of, written and sent by the worker.

The queue holds ids, addresses and kinds, never a link: a link is made when it is sent. What is sent
leaves the queue at once; what could not be sent leaves it after `KEPT`.
"""

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.dispatch import receiver
from django.utils import timezone
from django_tasks import TaskResultStatus, task
from django_tasks.signals import task_finished
from django_tasks_db.models import DBTaskResult

from accounts.mail.letters import COMPOSE, Mail

RETRIES = [timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480)]
KEEP_FAILED = timedelta(days=1)
MAX_SENDING_TIME = timedelta(minutes=10)


def queue(mail: Mail, **about: str) -> None:
    """Write this mail into the queue; in a transaction it is sent only if that is committed."""
    deliver.enqueue(mail.value, about)


@task()
def deliver(mail: str, about: dict[str, str], attempt: int = 0) -> None:
    """Send the mail, if there is still somebody to send it to; try again if it does not leave."""
    message = COMPOSE[Mail(mail)](**about)
    if message is None:
        return
    try:
        message.send()
    except OSError:  # of which SMTPException is one
        if attempt == len(RETRIES):
            raise
        later = deliver.using(run_after=timezone.now() + RETRIES[attempt])
        later.enqueue(mail, about, attempt + 1)


@receiver(task_finished)
def clean_up(**kwargs: Any) -> None:
    """Forget what is done, and give what a killed worker left behind to another."""
    now = timezone.now()
    sent = Q(status=TaskResultStatus.SUCCESSFUL)
    DBTaskResult.objects.finished().filter(sent | Q(finished_at__lt=now - KEEP_FAILED)).delete()
    left = DBTaskResult.objects.running().filter(started_at__lt=now - MAX_SENDING_TIME)
    left.update(status=TaskResultStatus.READY)
