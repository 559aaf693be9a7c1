"""The program of `make serve`: prepare and check everything, then run the supervisor.

With the argument `prepare` it does not run the supervisor, which starts it so before a restart.
"""

import os
import re
import secrets
import socket
import sys
from pathlib import Path

import django
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError

from project import env
from project.checks import findings
from project.connections import explain
from project.serving.server import CONNECTIONS, bind_address
from project.web import logs

#: Pages of other packages that the site does not use.
UNUSED = ["redoc", "rest_framework"]
REDIS_TIME = 1  # seconds in which Redis must accept a connection, and answer
#: A line that sets a secret key that is not empty.
KEY_LINE = re.compile(r"""(export )?SECRET_KEY=[\s'"]*[^\s'"]""")

log = structlog.stdlib.get_logger(logs.OPERATOR)


def main() -> None:
    """Start the site, or exit with one sentence about the error."""
    os.umask(0o077)  # The files that are written after this line contain secrets.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    environment = {**os.environ}  # without the variables of `.env`, which a restart reads again
    logs.start()
    restarts = sys.argv[1:] == ["prepare"]
    try:
        has_new_key = keep_secret_key(env.file())
        django.setup()
        port = None if restarts else open_port(*bind_address())
        prepare()
        if has_new_key:
            report_new_key()
    except (CommandError, ImproperlyConfigured, DatabaseError, OSError) as error:
        sentence = explain(error) if isinstance(error, DatabaseError) else str(error)
        log.critical("not_started", message=sentence)
        sys.exit(1)
    if port is not None:
        environment.pop("ADMIN_PASSWORD", None)
        command = [sys.executable, "-m", "project.serving.supervisor", str(port)]
        os.execve(sys.executable, command, environment)


def prepare() -> None:
    """Check the settings, and bring the database and the static files up to date."""
    from django.conf import settings

    from tokens.keys.lifecycle import import_key_file

    check(deploy=settings.SECURE)
    call_command("migrate", verbosity=0)
    collect_static_files()
    import_key_file(settings.STATE_DIR / "access-key.pem")
    announce_first_admin()
    url = settings.PUBLIC_URL
    log.info("starting", message=f"Starting Latchkey at {url}", url=url)
    if settings.EMAIL_BACKEND == "project.web.console.EmailBackend":
        sentence = "Mail is printed here and not sent: EMAIL_URL is not set."
        log.warning("mail_is_printed", message=sentence)
    if settings.REDIS_URL:
        warn_without_redis(settings.REDIS_URL)


def check(*, deploy: bool) -> None:
    """Run the system checks and log what they find; raise CommandError if there is an error."""
    found = findings(deploy=deploy)
    for message in found:
        sentence = " ".join(filter(None, (f"{message.id}: {message.msg}", message.hint)))
        log.log(message.level, "system_check", message=sentence, id=message.id)
    if any(message.is_serious() for message in found):
        raise CommandError("The site cannot start with these settings.")


def collect_static_files() -> None:
    """Bring STATIC_ROOT up to date; raise ImproperlyConfigured if the system refuses to write."""
    from django.conf import settings

    try:
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=UNUSED)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The static files cannot be written into {settings.STATIC_ROOT}, the directory of"
            f" STATIC_ROOT: {error.strerror}."
        ) from error


def warn_without_redis(url: str) -> None:
    """Warn if Redis does not answer. The site starts, as it also continues without Redis."""
    from django.conf import settings
    from redis import Redis, RedisError

    limits = {"socket_connect_timeout": REDIS_TIME, "socket_timeout": REDIS_TIME}
    try:
        with Redis.from_url(url, **limits) as client:
            client.ping()
    except RedisError as error:
        sentence = (
            f"The Redis of REDIS_URL does not answer: {str(error).rstrip('.')}. Until it does,"
            " each process counts attempts by itself."
        )
        if settings.SESSION_STORE == "redis":
            sentence += " Pages that use the data of browsers are answered 503."
        log.warning("redis_unavailable", message=sentence)


def announce_first_admin() -> None:
    """Create the first administrator of a new site, and log the password if it is random.

    Warn if the site has users and no superuser.
    """
    from accounts.management.commands.createfirstadmin import announcement, create_first_admin
    from accounts.models import User

    created = create_first_admin()
    if created:
        sentence = "\n".join(announcement(**created))
        log.info("first_administrator_created", message=sentence, **created)
    elif not User.objects.filter(is_superuser=True, is_active=True).exists():
        sentence = "The site has no active superuser. Create one with manage.py createsuperuser."
        log.warning("no_superuser", message=sentence)


def report_new_key() -> None:
    """Warn if the database has signing keys of an earlier SECRET_KEY, which was lost."""
    from tokens.models import SigningKey

    if SigningKey.objects.exists():
        sentence = (
            "SECRET_KEY was empty, and a new one was written. Everything that the previous one has"
            " signed is refused: set it again, or add it to SECRET_KEY_FALLBACKS."
        )
        log.warning("secret_key_replaced", message=sentence)


def keep_secret_key(path: Path) -> bool:
    """Write a random SECRET_KEY into the file, readable for its owner only, unless there is one.

    The other lines of the file stay, and the file is replaced in one step. Return whether a key
    was written. Raise ImproperlyConfigured if a line of the file cannot be read, if the file has a
    key before an empty one, which must not be replaced, or if the file cannot be written, as in a
    container.
    """
    given = env.read(path)
    if "SECRET_KEY" in given:
        return False
    if env.Environment(given).texts("SECRET_KEY_FALLBACKS"):
        raise ImproperlyConfigured(
            "SECRET_KEY is empty although SECRET_KEY_FALLBACKS is set: set SECRET_KEY."
        )
    lines = env.content(path).splitlines()
    if any(KEY_LINE.match(line) for line in lines):
        raise ImproperlyConfigured(
            f"{path} sets SECRET_KEY, and then an empty one: remove the line with the empty one."
        )
    kept = "".join(f"{line}\n" for line in lines if not line.startswith("SECRET_KEY="))
    text = f"{kept}SECRET_KEY={secrets.token_urlsafe(48)}\n"
    try:
        replace_file(path, text)
    except OSError as error:
        raise ImproperlyConfigured(
            f"Set SECRET_KEY: the start cannot write one into {path} ({error.strerror})."
        ) from error
    return True


def replace_file(path: Path, text: str) -> None:
    """Write the file, readable for its owner only, in one step. If that fails, it stays as it is.

    Raise OSError if the system refuses it, for example because the disk is full.
    """
    draft = path.with_name(f".env.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
    except OSError:
        draft.unlink()
        raise


def open_port(host: str, port: int) -> int:
    """Return the number of a listening socket that child processes inherit.

    Connections wait until the server accepts them. Raise OSError if another program uses the port.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    try:
        listening = socket.create_server(address[:2], family=family, backlog=CONNECTIONS)
    except OSError as error:
        raise OSError(f"Port {port} of {host} is not available: {error.strerror}") from error
    listening.set_inheritable(True)
    return listening.detach()


if __name__ == "__main__":
    main()
