"""What `make serve` runs: prepare and check everything, then become what runs the server."""

import os
import re
import secrets
import socket
import sys
from pathlib import Path

import django
import structlog
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError

from project import env
from project.serving.server import bind_address
from project.web import logs, pool

#: Pages of others that the site does not use.
UNUSED = ["redoc", "rest_framework"]
#: A line that sets a secret key, however it is written, to more than nothing.
KEY_LINE = re.compile(r"""\s*(export\s+)?SECRET_KEY\s*=[\s'"]*[^\s'"]""")

log = structlog.stdlib.get_logger(logs.OPERATOR)


def main() -> None:
    """Start the site, or stop with one clear sentence about what is wrong."""
    os.umask(0o077)  # What is written from here on holds secrets.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    logs.start()
    try:
        keep_secret_key(env.file())
        django.setup()
        from django.conf import settings

        from tokens.keys.lifecycle import import_key_file

        claim_port(*bind_address())
        check(deploy=settings.SECURE)
        call_command("migrate", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=UNUSED)
        import_key_file(settings.STATE_DIR / "access-key.pem")
        announce_first_admin()
    except (CommandError, ImproperlyConfigured, DatabaseError, OSError) as error:
        sentence = pool.explain(error) if isinstance(error, DatabaseError) else str(error)
        log.critical("not_started", message=sentence)
        sys.exit(1)
    url = settings.PUBLIC_URL
    log.info("starting", message=f"Starting Latchkey at {url}", url=url)
    os.environ.pop("ADMIN_PASSWORD", None)
    if settings.EMAIL_BACKEND == "project.web.console.EmailBackend":
        sentence = "Mail is printed here and not sent: EMAIL_URL is not set."
        log.warning("mail_is_printed", message=sentence)
    os.execv(sys.executable, [sys.executable, "-m", "project.serving.supervisor"])


def check(*, deploy: bool) -> None:
    """Run the system checks and log what they find; raise CommandError if there is an error."""
    found = [
        message
        for message in checks.run_checks(include_deployment_checks=deploy)
        if not message.is_silenced()
    ]
    for message in found:
        sentence = " ".join(filter(None, (f"{message.id}: {message.msg}", message.hint)))
        log.log(message.level, "system_check", message=sentence, id=message.id)
    if any(message.is_serious() for message in found):
        raise CommandError("The site cannot start with these settings.")


def announce_first_admin() -> None:
    """Create the first administrator of a new site, and log the password if it was made up."""
    from accounts.management.commands.createfirstadmin import announcement, create_first_admin

    created = create_first_admin()
    if created:
        sentence = "\n".join(announcement(**created))
        log.info("first_administrator_created", message=sentence, **created)


def keep_secret_key(path: Path) -> None:
    """Write a random SECRET_KEY into the file, readable for its owner only, unless there is one.

    What the file has already stays; the new one takes its place in one step. Raise
    ImproperlyConfigured if the file has one that is not read: nothing may take its place.
    """
    if "SECRET_KEY" in env.read(path):
        return
    lines = path.read_text().splitlines() if path.exists() else []
    if any(KEY_LINE.match(line) for line in lines):
        raise ImproperlyConfigured(
            f"A SECRET_KEY of {path} cannot be read: write it on one line, as SECRET_KEY=…"
        )
    kept = "".join(f"{line}\n" for line in lines if not re.match(r"\s*SECRET_KEY\s*=", line))
    draft = path.with_name(f".env.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{kept}SECRET_KEY={secrets.token_urlsafe(48)}\n")
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)


def claim_port(host: str, port: int) -> None:
    """Raise OSError if somebody listens there already.

    The server itself would not notice: it shares its port with whoever else does.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise OSError(
                f"Port {port} of {host} cannot be listened at: {error.strerror}"
            ) from error


if __name__ == "__main__":
    main()
