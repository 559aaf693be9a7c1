"""Make the database unavailable for a while, and run the site's programs."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest
from django.conf import settings
from django.db import connection

from tests.environment import STATE
from tests.project.preloaded import Preloaded, preloaded

Outage: TypeAlias = Callable[[], AbstractContextManager[None]]
CLOSED_PORT = "1"  # of TCP: no server listens there


@contextmanager
def _outage() -> Iterator[None]:
    """Point the settings to a place without a database: a directory, or an unused port."""
    there = connection.settings_dict
    away = {"NAME": str(STATE)} if connection.vendor == "sqlite" else {"PORT": CLOSED_PORT}
    connection.close()
    connection.settings_dict = {**there, **away}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = there


@pytest.fixture
def outage(transactional_db: None) -> Outage:
    """Return a block during which the database is unavailable."""
    return _outage


def run_in(directory: Path, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", *words],
        cwd=directory,
        env={**os.environ, **changes},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="session")
def run() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs a Python program in the checkout, in a changed environment."""
    return partial(run_in, settings.BASE_DIR)


@pytest.fixture(scope="session")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preloaded]:
    """Return an interpreter that runs code which only needs the settings."""
    with preloaded(tmp_path_factory.mktemp("interpreter")) as interpreter:
        yield interpreter


@pytest.fixture
def env_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the file that the site reads as `.env`, which is empty."""
    (tmp_path / ".env").touch()
    monkeypatch.setenv("LATCHKEY_ENV_FILE", str(tmp_path / ".env"))
    return tmp_path / ".env"


def comes_true(condition: Callable[[], bool], seconds: float = 90) -> bool:
    """Return whether the condition becomes true. A busy machine starts a process slowly."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
