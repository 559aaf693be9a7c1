"""Logs: one line an event, as JSON for programs or in colour for people, with the request it is of.

No line has a token, key or password: what is logged are names of events, ids, addresses and routes.
A path can hold a secret, as a reset link does, so the route stands in its place.
"""

import sys
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import structlog
from django.http import HttpRequest
from structlog.stdlib import ProcessorFormatter
from structlog.types import EventDict, Processor

FORMATS = ("json", "console")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def route(request: HttpRequest) -> str | None:
    """Return the address as urls.py has it, without what stood in its gaps, or None."""
    match = request.resolver_match
    return f"/{match.route}" if match else None


def without_path(logger: Any, method: str, event: EventDict) -> EventDict:
    """Put the route in the place of the path, which Django's own lines end with."""
    request = getattr(event["_record"], "request", None)
    if isinstance(request, HttpRequest) and event["event"].endswith(request.path):
        event["event"] = f"{event['event'].removesuffix(request.path)}{route(request)}"
    return event


#: Says what every line of the request has that is answered now; asked only if a line is written.
ABOUT: ContextVar[Callable[[], dict[str, str | None]]] = ContextVar("about", default=dict)


def of_request(logger: Any, method: str, event: EventDict) -> EventDict:
    """Add what the request has that is answered now, if there is one."""
    return {**ABOUT.get()(), **event}


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
        return [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(default=str),
    ]


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
                "foreign_pre_chain": [*SHARED, without_path],
                "processors": [ProcessorFormatter.remove_processors_meta, *written_as(form)],
            }
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            # A refusal is in the line of its request; only what failed is worth a line more.
            "django.request": {"level": "ERROR"},
            # At DEBUG it would write the values of every statement, password hashes among them.
            "django.db.backends": {"level": "INFO"},
            # They would write what is asked of a stolen password: the beginning of its hash.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            # It would write to a handler of its own, with the path.
            "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
        },
    }
