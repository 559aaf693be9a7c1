"""Logs have one line per event, as JSON for programs or in colour for people.

Every process calls `start` before anything else, so that warnings and uncaught exceptions are
events too. People see only the `message` of an event that has one. `OPERATOR` is the logger of
events that an operator must see at every LOG_LEVEL.

No line contains a token, key or password. Lines contain event names, ids, addresses and routes.
A path can contain a secret, as a reset link does, so a line contains the route instead.
"""

import json
import logging.config
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Any

import orjson
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.log import CallbackFilter
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor

from project import env
from project.web.log_handler import LineHandler

FORMATS = ("json", "console")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
OPERATOR = "latchkey.operator"

log = structlog.stdlib.get_logger(OPERATOR)


def start() -> None:
    """Set up logging by LOG_FORMAT and LOG_LEVEL, before the settings are read.

    An invalid value is replaced by its default here, so that the settings' error is logged.
    """
    configure(os.environ)
    try:
        given = env.read(env.file())
    except ImproperlyConfigured:  # The settings will report the error.
        return
    configure(given)


def configure(given: Mapping[str, str]) -> None:
    form, level = given.get("LOG_FORMAT", "").lower(), given.get("LOG_LEVEL", "").upper()
    form = form if form in FORMATS else default_format()
    logging.config.dictConfig(configuration(form, level if level in LEVELS else "INFO"))
    # No line has the thread or the process, which logging would look up for each record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
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
    """Log an exception of the block and exit. Otherwise granian would print the traceback."""
    try:
        yield
    except Exception:
        log.critical("not_started", exc_info=True)
        sys.exit(1)


def note_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, *unused: object
) -> None:
    """Log a warning of Python. The signature is that of warnings.showwarning."""
    place = f"{filename}:{lineno}"
    log.warning("python_warning", category=category.__name__, text=str(message), place=place)


def note_exception(
    kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None
) -> None:
    """Log an uncaught exception. The signature is that of sys.excepthook."""
    if issubclass(kind, KeyboardInterrupt):
        log.warning("interrupted", message="Interrupted.")
    elif not issubclass(kind, SystemExit):
        log.critical("uncaught_exception", exc_info=(kind, error or kind(), traceback))


def route(request: HttpRequest) -> str | None:
    """Return the route as urls.py has it, without its values, or None."""
    match = request.resolver_match
    return readable_route(match.route) if match else None


@cache  # There are as many routes as urls.py has.
def readable_route(route: str) -> str:
    """Return the route with its parameters as `<name>`: a router writes regular expressions."""
    # It imports the admin, which the commands and the supervisor do without.
    from django.contrib.admindocs.views import simplify_regex  # noqa: PLC0415  (see above)

    return simplify_regex(route).replace(r"\.", ".")


def without_secrets(logger: Any, method: str, event: EventDict) -> EventDict:
    """Replace the path at the end of Django's own lines by the route."""
    request = getattr(event["_record"], "request", None)
    if isinstance(request, HttpRequest):
        path, text = request.path, event["event"]
        for written in (path, path.encode("unicode_escape").decode()):  # Django writes the second.
            if text.endswith(written):
                event["event"] = f"{text.removesuffix(written)}{route(request)}"
                break
    return event


#: Returns the fields of every line of the current request. It is called when a line is written.
ABOUT: ContextVar[Callable[[], dict[str, str | None]]] = ContextVar("about", default=dict)


def of_request(logger: Any, method: str, event: EventDict) -> EventDict:
    """Add the fields of the current request, if there is one."""
    return {**ABOUT.get()(), **event}


def has_traceback(record: logging.LogRecord) -> bool:
    """Return whether the record has an exception."""
    return bool(record.exc_info)


#: Every line has these values, also lines of other libraries.
SHARED: list[Processor] = [
    of_request,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso"),
]


def event_record(
    logger: logging.Logger, level: int, event: str, **fields: Any
) -> logging.LogRecord:
    """Return the record of an event that structlog would hand to this logger.

    structlog takes longer for its processors than a read of the API takes for its token.
    """
    name = logging.getLevelName(level).lower()
    message = {
        **ABOUT.get()(),
        **fields,
        "event": event,
        "level": name,
        "logger": logger.name,
        "timestamp": f"{datetime.now(UTC).isoformat().removesuffix('+00:00')}Z",
    }
    record = logger.makeRecord(logger.name, level, "", 0, message, (), None)
    vars(record).update(_logger=logger, _name=name)
    return record


def encode(event: EventDict, default: Callable[[Any], Any]) -> str:
    """Return the event as JSON in ASCII, so that no terminal obeys a character of it."""
    with suppress(TypeError):  # orjson writes no integer of more than 64 bits
        line = orjson.dumps(event, default)
        if line.isascii():
            return line.decode()
    return json.dumps(event, default=default, separators=(",", ":"))


def default_format() -> str:
    """Return the format for people if standard error is a terminal, else the one for programs."""
    return "console" if sys.stderr.isatty() else "json"


def written_as(form: str) -> list[Processor]:
    """Return the processors that format a line, for one of `FORMATS`."""
    if form == "console":
        plain = structlog.dev.plain_traceback  # a rich traceback would show the values of variables
        return [Readable(structlog.dev.ConsoleRenderer(exception_formatter=plain))]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(encode, default=str),
    ]


class Formatter(ProcessorFormatter):
    """Formats events. The line of an ordinary event skips the copies that a traceback needs."""

    def __init__(self, form: str) -> None:
        super().__init__(
            foreign_pre_chain=[*SHARED, without_secrets],
            processors=[ProcessorFormatter.remove_processors_meta, *written_as(form)],
        )
        self.is_json = form == "json"

    def format(self, record: logging.LogRecord) -> str:
        event: Any = record.msg
        is_ours = hasattr(record, "_logger")  # structlog sets it
        if self.is_json and is_ours and "exc_info" not in event:
            return encode(event, default=str)
        return super().format(record)


class Readable:
    """Writes lines for people: the `message` of an event if it has one, else all fields."""

    def __init__(self, render: structlog.dev.ConsoleRenderer) -> None:
        self.render = render

    def __call__(self, logger: Any, method: str, event: EventDict) -> str:
        return str(event["message"]) if "message" in event else self.render(logger, method, event)


LOGGERS: dict[str, dict[str, Any]] = {
    # The line of the request has the status. Only a traceback needs another line.
    "django.request": {"level": "ERROR", "filters": ["with_traceback"]},
    "django.security.DisallowedHost": {"level": "CRITICAL"},
    "django.security.DisallowedRedirect": {"level": "CRITICAL"},
    # At DEBUG it would log the values of every statement, such as password hashes.
    "django.db.backends": {"level": "INFO"},
    # They would log the URL of the breach list, which contains the first digits of a hash.
    "httpx": {"level": "WARNING"},
    "httpcore": {"level": "WARNING"},
    # An operator must see these lines, such as a password that is shown once.
    OPERATOR: {"level": "INFO"},
    # Under DEBUG, Django's own handlers would write lines of another form, with paths.
    "django": {"handlers": [], "propagate": True},
    "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
}


def configuration(form: str, level: str) -> dict[str, Any]:
    """Return Django's LOGGING for one of `FORMATS`, and configure structlog in the same way."""
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
        "formatters": {"line": {"()": Formatter, "form": form}},
        "filters": {"with_traceback": {"()": CallbackFilter, "callback": has_traceback}},
        "handlers": {"console": {"()": LineHandler, "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": LOGGERS,
    }


def of_granian() -> dict[str, Any]:
    """Return the `log_dictconfig` of granian: its lines go to the handler that `start` set up."""
    through = {"handlers": [], "propagate": True}
    return {
        "formatters": {},
        "handlers": {},
        "loggers": {"_granian": {**through}, "granian.access": {**through, "level": "CRITICAL"}},
    }
