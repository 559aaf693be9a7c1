"""The mail queue. A mail is queued in the transaction that it reports; the worker sends it.

The queue contains ids, addresses and kinds of mail. It never contains a link, because the worker
makes the link when it sends the mail. A sent mail is deleted immediately; a mail that could not be
sent is deleted after `KEEP_FAILED`.
"""

from datetime import timedelta
from typing import Any

from django.db.models import Case, Q, QuerySet, When
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
    """Queue this mail. It is sent only if the current transaction is committed."""
    deliver.enqueue(mail.value, about)


@task()
def deliver(mail: str, about: dict[str, str], attempt: int = 0) -> None:
    """Send the mail if its recipient still exists; if sending fails, queue another attempt."""
    message = COMPOSE[Mail(mail)](**about)
    if message is None:
        return
    try:
        message.send()
    except OSError:  # SMTPException is a subclass.
        if attempt == len(RETRIES):
            raise
        later = deliver.using(run_after=timezone.now() + RETRIES[attempt])
        later.enqueue(mail, about, attempt + 1)


def queued() -> QuerySet[Any]:
    """Return the tasks of the queue, except reminders of a later day (`remind_owners`)."""
    is_mail = Q(task_path=deliver.module_path)
    return DBTaskResult.objects.exclude(~is_mail, run_after__gt=timezone.now())


#: When a task of the queue began to wait. A reminder is queued up to years before it is due.
WAITING_SINCE = Case(When(task_path=deliver.module_path, then="enqueued_at"), default="run_after")


@receiver(task_finished)
def clean_up(**kwargs: Any) -> None:
    """Delete finished tasks, and make the tasks of a killed worker ready for another worker."""
    now = timezone.now()
    sent = Q(status=TaskResultStatus.SUCCESSFUL)
    DBTaskResult.objects.finished().filter(sent | Q(finished_at__lt=now - KEEP_FAILED)).delete()
    left = DBTaskResult.objects.running().filter(started_at__lt=now - MAX_SENDING_TIME)
    left.update(status=TaskResultStatus.READY)
