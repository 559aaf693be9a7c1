"""Logs: one line an event, as JSON for programs or in colour for people, with the request it is of.

Every process calls `start` before anything else, so that warnings and uncaught exceptions are
events too. An event with a `message` is shown to people as that sentence alone. `OPERATOR` is the
logger of what an operator has to see at every LOG_LEVEL.

No line has a token, key or password: what is logged are names of events, ids, addresses and routes.
A path can hold a secret, as a reset link does, so the route stands in its place.
"""

import logging.config
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.log import CallbackFilter
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor

from project import env

FORMATS = ("json", "console")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
OPERATOR = "latchkey.operator"

log = structlog.stdlib.get_logger(OPERATOR)


def start() -> None:
    """Have this process log as LOG_FORMAT and LOG_LEVEL say, before the settings can be read.

    A value that the settings will refuse has its default here, so that the refusal is logged.
    """
    configure(os.environ)  # for what reading the file may have to say
    try:
        given = env.read(env.file())
    except (ImproperlyConfigured, OSError, ValueError):  # The settings will fail on it, and say so.
        return
    configure(given)


def configure(given: Mapping[str, str]) -> None:
    form, level = given.get("LOG_FORMAT", "").lower(), given.get("LOG_LEVEL", "").upper()
    form = form if form in FORMATS else default_format()
    logging.config.dictConfig(configuration(form, level if level in LEVELS else "INFO"))
    warnings.showwarning = note_warning  # type: ignore[assignment]  # called by position
    sys.excepthook = note_exception
    sys.unraisablehook = lambda unraisable: note_exception(
        unraisable.exc_type, unraisable.exc_value, unraisable.exc_traceback
    )
    threading.excepthook = lambda thrown: note_exception(
        thrown.exc_type, thrown.exc_value, thrown.exc_traceback
    )


@contextmanager
def failures_logged() -> Iterator[None]:
    """Log what the block raises and end the process, where granian would print the traceback."""
    try:
        yield
    except Exception:
        log.critical("not_started", exc_info=True)
        sys.exit(1)


def note_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *unused: object
) -> None:
    """Log a warning of Python's; called as warnings.showwarning is."""
    place = f"{filename}:{lineno}"
    log.warning("python_warning", category=category.__name__, text=str(message), place=place)


def note_exception(
    kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None
) -> None:
    """Log an exception that no code has caught; called as sys.excepthook is."""
    if issubclass(kind, KeyboardInterrupt):
        log.warning("interrupted", message="Interrupted.")
    elif not issubclass(kind, SystemExit):
        log.critical("uncaught_exception", exc_info=(kind, error or kind(), traceback))


def route(request: HttpRequest) -> str | None:
    """Return the address as urls.py has it, without what stood in its gaps, or None."""
    match = request.resolver_match
    return f"/{match.route}" if match else None


def without_secrets(logger: Any, method: str, event: EventDict) -> EventDict:
    """Put the route in the place of the path, which Django's own lines end with.

    A line of `.env` that could not be read is left out too: it may have held a password.
    """
    request = getattr(event["_record"], "request", None)
    if isinstance(request, HttpRequest) and event["event"].endswith(request.path):
        event["event"] = f"{event['event'].removesuffix(request.path)}{route(request)}"
    if event["_record"].name == "environ.environ":  # whose line has the text that was not read
        event["event"] = event["event"].partition(": ")[0]
    return event


#: Says what every line of the request has that is answered now; asked only if a line is written.
ABOUT: ContextVar[Callable[[], dict[str, str | None]]] = ContextVar("about", default=dict)


def of_request(logger: Any, method: str, event: EventDict) -> EventDict:
    """Add what the request has that is answered now, if there is one."""
    return {**ABOUT.get()(), **event}


def has_traceback(record: logging.LogRecord) -> bool:
    """Return whether the record has an exception."""
    return bool(record.exc_info)


#: What every line has, whoever wrote it.
SHARED: list[Processor] = [
    of_request,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso"),
]


def default_format() -> str:
    """Return the format that suits whoever reads: people at a terminal, programs anywhere else."""
    return "console" if sys.stderr.isatty() else "json"


def written_as(form: str) -> list[Processor]:
    """Return what makes text of a line, in a form of `FORMATS`."""
    if form == "console":
        plain = structlog.dev.plain_traceback  # a rich one would show the values of variables
        return [Readable(structlog.dev.ConsoleRenderer(exception_formatter=plain))]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(default=str),
    ]


class Readable:
    """Writes lines for people: the `message` of an event if it has one, else what it has."""

    def __init__(self, render: structlog.dev.ConsoleRenderer) -> None:
        self.render = render

    def __call__(self, logger: Any, method: str, event: EventDict) -> str:
        return str(event["message"]) if "message" in event else self.render(logger, method, event)


def configuration(form: str, level: str) -> dict[str, Any]:
    """Return Django's LOGGING for a form of `FORMATS`, and set structlog up to match."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": ProcessorFormatter,
                "foreign_pre_chain": [*SHARED, without_secrets],
                "processors": [ProcessorFormatter.remove_processors_meta, *written_as(form)],
            }
        },
        "filters": {"with_traceback": {"()": CallbackFilter, "callback": has_traceback}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # The status is in the line of the request. Only a traceback is worth another line.
            "django.request": {"level": "ERROR", "filters": ["with_traceback"]},
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "django.security.DisallowedRedirect": {"level": "CRITICAL"},
            # At DEBUG it would write the values of every statement, password hashes among them.
            "django.db.backends": {"level": "INFO"},
            # They would write what is asked of a stolen password: the beginning of its hash.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            # What an operator has to see, such as a password that is shown once.
            OPERATOR: {"level": "INFO"},
            # Django's handlers of these would write lines of another form, under DEBUG, with paths.
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
        },
    }


def of_granian() -> dict[str, Any]:
    """Return the `log_dictconfig` of granian: its lines go to the handler that `start` set up."""
    through = {"handlers": [], "propagate": True}
    return {
        "formatters": {},
        "handlers": {},
        "loggers": {"_granian": {**through}, "granian.access": {**through, "level": "CRITICAL"}},
    }
