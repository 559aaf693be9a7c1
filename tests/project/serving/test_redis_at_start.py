"""The start warns of a Redis that does not answer, and does not wait for it."""

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

from project.serving.serve import REDIS_TIME, warn_without_redis

Run = Callable[..., subprocess.CompletedProcess[str]]
NOWHERE = "redis://:pass1word@127.0.0.1:1/0"


@pytest.mark.parametrize("store", ["database", "redis"])
def test_the_site_starts_without_redis_and_says_so(run: Run, tmp_path: Path, store: str) -> None:
    started = run(
        *("-m", "project.serving.serve", "prepare"),
        LOG_FORMAT="json",
        DATABASE_URL=f"sqlite:///{tmp_path / 'latchkey.sqlite3'}",
        STATIC_ROOT=str(tmp_path / "static"),
        STATE_DIR=str(tmp_path),
        REDIS_URL=NOWHERE,
        SESSION_STORE=store,
    )
    assert started.returncode == 0, started.stderr
    events = [json.loads(line) for line in started.stderr.splitlines()]
    (warning,) = [event for event in events if event["event"] == "redis_unavailable"]
    assert warning["level"] == "warning"
    assert "REDIS_URL does not answer: Error 111 connecting to 127.0.0.1:1" in warning["message"]
    assert ("answered 503" in warning["message"]) is (store == "redis")
    assert "pass1word" not in started.stderr


def test_the_start_does_not_wait_for_a_redis_that_hangs(caplog: pytest.LogCaptureFixture) -> None:
    """Guards `socket_timeout`: without it the start would hang too."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # It never answers.
        began = monotonic()
        warn_without_redis(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        assert monotonic() - began < 2 * REDIS_TIME
    assert "redis_unavailable" in caplog.text


def test_a_redis_that_answers_is_not_mentioned(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    warn_without_redis(redis_url)
    assert caplog.text == ""
