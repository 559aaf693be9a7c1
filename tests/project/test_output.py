"""Every line that a process of the site prints is an event in the format of LOG_FORMAT."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.environment import STATE
from tests.project.conftest import comes_true
from tests.support.servers import free_port
from tests.support.site import ROOT, latchkey

Run = Callable[..., subprocess.CompletedProcess[str]]
Event = dict[str, Any]
START = "from project.web import logs; logs.start()\n"


def events_in(text: str) -> list[Event]:
    """Return the events of all lines. Each must be JSON with the common fields."""
    events: list[Event] = [json.loads(line) for line in text.splitlines()]
    for event in events:
        assert {"event", "level", "timestamp", "logger"} <= event.keys()
    return events


def of_name(name: str, events: list[Event]) -> Event:
    """Return the only event of this name."""
    (event,) = (event for event in events if event["event"] == name)
    return event


@pytest.mark.spec("ASVS 5.0", "16.2.4")
@pytest.mark.parametrize("debug", ["off", "on"])
def test_every_output_line_of_a_site_is_json(tmp_path: Path, debug: str) -> None:
    """The server, its workers, the mail worker and the supervisor write to one stream."""
    changes = {"EMAIL_URL": "consolemail://", "ADMIN_PASSWORD": "", "DEBUG": debug, "WORKERS": "2"}
    with latchkey(tmp_path, **changes) as site:
        log = tmp_path / "log"
        admin = of_name("first_administrator_created", events_in(log.read_text()))
        body = {"username": admin["username"], "password": admin["password"]}
        assert httpx.post(f"{site.url}/api/auth/login/", json=body).status_code == 200
        site.run("from accounts.models import User; User.objects.update(email='a@example.org')")
        httpx.post(f"{site.url}/api/account/password/reset/", json={"email": "a@example.org"})
        for path in (
            "/nowhere",
            "/static/layout.css",
            "/admin/?%00",
            "/accounts/login/?next=%FF",
        ):
            httpx.get(f"{site.url}{path}")
        httpx.get(site.url, headers={"Host": "elsewhere.example"})
        assert comes_true(lambda: "mail_printed" in log.read_text())
    assert site.process.returncode == 0
    events = events_in(log.read_text())
    assert of_name("starting", events)["url"] == site.url
    assert of_name("listening", events)["message"] == f"Latchkey is at {site.url}"
    names = [event["event"] for event in events]
    (granian,) = [name for name in names if name.startswith("Starting granian")]
    assert names.index("listening") > names.index(granian) > names.index("starting")
    assert of_name("mail_printed", events)["to"] == ["a@example.org"]
    assert of_name("stopping", events)["signal"] == "SIGTERM"
    loggers = {event["logger"] for event in events}
    assert "django.security.DisallowedHost" not in loggers  # The request's line is enough.
    assert {"_granian", "django_tasks_db", "latchkey"} <= {name.split(".")[0] for name in loggers}


#: A mistake in the environment, and the sentence that the last event contains.
FAILURES = {
    "a number": ({"PORT": "http"}, "PORT is a whole number from 1 to 65535, not 'http'"),
    "a file of settings": ({"LATCHKEY_ENV_FILE": str(STATE)}, f"{STATE} cannot be read (Is a"),
    "a format": ({"LOG_FORMAT": "yaml"}, "LOG_FORMAT is one of json, console"),
    "a level": ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL is one of"),
    "a database": ({"DATABASE_URL": f"sqlite:///{STATE}"}, "unable to open database file"),
    "a PostgreSQL": (
        {"DATABASE_URL": "postgres://u:pass1word@127.0.0.1:1/x"},
        "The database of DATABASE_URL, x at 127.0.0.1:1, cannot be reached: connection failed",
    ),
    "a setting": ({"REFRESH_GRACE_PERIOD": "3600"}, "cannot start with these settings"),
    "a password": ({"ADMIN_PASSWORD": "vgq7xkr"}, "The first administrator cannot be created"),
}


@pytest.mark.spec("ASVS 5.0", "16.2.4")
@pytest.mark.parametrize(("environment", "reason"), FAILURES.values(), ids=FAILURES)
def test_a_failed_start_is_reported_as_json(
    run: Run, tmp_path: Path, environment: dict[str, str], reason: str
) -> None:
    given = {
        "LOG_FORMAT": "json",
        "PORT": str(free_port()),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'latchkey.sqlite3'}",
        "STATIC_ROOT": str(tmp_path / "static"),
        **environment,
    }
    stopped = run("-m", "project.serving.serve", **given)
    assert (stopped.returncode, stopped.stdout) == (1, "")
    events = events_in(stopped.stderr)
    assert (events[-1]["event"], events[-1]["level"]) == ("not_started", "critical")
    assert reason in events[-1]["message"]
    assert "pass1word" not in stopped.stderr
    if environment.get("REFRESH_GRACE_PERIOD"):
        (found,) = (event for event in events if event["level"] == "error")
        assert (found["event"], found["id"]) == ("system_check", "tokens.E008")


@pytest.mark.parametrize(
    "line", ["DATABASE_URL: postgres://u:pass1word@h/name", "\ufeff\ufeffSECRET_KEY=pass1word"]
)
@pytest.mark.parametrize("program", ["manage.py", "serve"])
def test_an_unreadable_line_is_reported_without_its_text(
    run: Run, tmp_path: Path, program: str, line: str
) -> None:
    """The line may contain a password."""
    file = tmp_path / ".env"
    file.write_text(f"WORKERS=1\n{line}\n")
    words = ["manage.py", "check"] if program == "manage.py" else ["-m", "project.serving.serve"]
    stopped = run(*words, LOG_FORMAT="json", LATCHKEY_ENV_FILE=str(file))
    sentence = f"Line 2 of {file} is not NAME=value."
    assert (stopped.returncode, stopped.stdout) == (1, "")
    if program == "manage.py":
        assert stopped.stderr == f"{sentence}\n"
    else:
        assert of_name("not_started", events_in(stopped.stderr))["message"] == sentence
    assert "pass1word" not in stopped.stderr


#: Code that makes Python itself print something, the event in its place, and the status.
UNSEEN = {
    "a warning": ("import warnings; warnings.warn('old')", "python_warning", 0),
    "an exception": ("int('broken')", "uncaught_exception", 1),
    "an exception of a thread": (
        "import threading\n"
        "thread = threading.Thread(target=lambda: int('broken'))\n"
        "thread.start(); thread.join()",
        "uncaught_exception",
        0,
    ),
    "an exception of a destructor": (
        "class Broken:\n    def __del__(self): int('broken')\nBroken()",
        "uncaught_exception",
        0,
    ),
    "Ctrl-C": ("raise KeyboardInterrupt", "interrupted", -signal.SIGINT),
    "a site that granian cannot load": (
        "with logs.failures_logged():\n    int('broken')",
        "not_started",
        1,
    ),
}


@pytest.mark.spec("ASVS 5.0", "16.2.4")
@pytest.mark.parametrize(("code", "name", "status"), UNSEEN.values(), ids=UNSEEN)
def test_warnings_and_exceptions_of_python_are_events(code: str, name: str, status: int) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", START + code],
        cwd=ROOT,
        env={**os.environ, "LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (shown.returncode, shown.stdout) == (status, "")
    (event,) = events_in(shown.stderr)
    assert event["event"] == name
    if "broken" in code:
        assert "ValueError: invalid literal" in event["exception"]


def test_the_mail_worker_reports_an_outage_as_json(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        worker = subprocess.Popen(
            [sys.executable, "-m", "project.serving.worker", str(os.getpid())],
            cwd=ROOT,
            env={
                **os.environ,
                "LOG_FORMAT": "json",
                "DATABASE_URL": f"sqlite:///{tmp_path / 'empty.sqlite3'}",
            },
            stdout=output,
            stderr=output,
        )
    try:
        assert comes_true(lambda: "mail_worker_waits_for_database" in log.read_text())
    finally:
        worker.terminate()
        worker.wait(timeout=30)
    waits = [event for event in events_in(log.read_text()) if "reason" in event]
    assert waits[0]["event"] == "mail_worker_waits_for_database"
    assert waits[0]["level"] == "error"
    assert "no such table" in waits[0]["reason"]


def test_messages_for_people_are_shown_unchanged(run: Run, tmp_path: Path) -> None:
    stopped = run("-m", "project.serving.serve", PORT="http", LOG_FORMAT="console")
    assert stopped.stderr == "PORT is a whole number from 1 to 65535, not 'http'.\n"


@pytest.mark.parametrize("level", ["ERROR", "DEBUG"])
def test_operator_messages_are_shown_at_every_level(run: Run, level: str) -> None:
    shown = run("-c", f"{START}logs.log.info('starting', message='x')", LOG_LEVEL=level)
    assert of_name("starting", events_in(shown.stderr))["level"] == "info"
