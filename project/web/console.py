"""Mail that is written into the log, where no mail server is set."""

import structlog
from django.core.mail import EmailMessage
from django.core.mail.backends import console

from project.web import logs

log = structlog.stdlib.get_logger(logs.OPERATOR)


class EmailBackend(console.EmailBackend):
    """Writes each mail as one event, which people are shown as Django prints it."""

    def write_message(self, message: EmailMessage) -> None:
        text = f"{message.message().as_string()}\n{'-' * 79}"
        log.info("mail_printed", message=text, to=message.to, subject=str(message.subject))
