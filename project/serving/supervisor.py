"""Keeps the server and the mail worker running, and ends the two together.

Each has a process group of its own, so that Ctrl-C reaches this process alone: granian's main
process can wait for ever if its workers are interrupted at the same moment. And each ends by itself
if this process is killed. A mail worker that ended is started again. granian's main process
restarts its workers; if the main process ends, this process ends all and returns 1.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from threading import Thread
from typing import NoReturn

import structlog

from project.web import logs

POLL_INTERVAL = 0.5  # seconds between two looks at who still runs
RESTART_DELAY = 2  # seconds before what has ended is started again
SHUTDOWN_TIMEOUT = 15  # seconds to end in: enough to finish what is being answered or sent

log = structlog.stdlib.get_logger("latchkey.supervisor")


def main() -> int:
    """Run both until this process is told to end, or return 1 if the server ends before.

    What a killed server leaves behind is killed.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    running = [start("project.serving.server"), start("project.serving.worker")]
    try:
        while running[0].poll() is None:
            time.sleep(POLL_INTERVAL)
            if running[1].poll() is not None:
                log.error("mail_worker_ended", status=running[1].returncode)
                time.sleep(RESTART_DELAY)
                running[1] = start("project.serving.worker")
        log.critical("server_ended", status=running[0].returncode)
    finally:
        stop_processes(running)
    return 1


def stop(number: int, frame: object) -> NoReturn:
    """Leave `main`; asked again while everything ends, there is nothing more to do."""
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(again, signal.SIG_IGN)
    log.info("stopping", signal=signal.Signals(number).name)
    sys.exit(0)


def start(module: str) -> "subprocess.Popen[bytes]":
    """Start the program, which is told whose end is its own."""
    command = [sys.executable, "-m", module, str(os.getpid())]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)


def stop_processes(running: list["subprocess.Popen[bytes]"]) -> None:
    """Ask all to end, and kill what is left of them and theirs after a while."""
    deadline = time.monotonic() + SHUTDOWN_TIMEOUT
    for program in running:
        program.terminate()
    for program in running:
        with suppress(subprocess.TimeoutExpired):
            program.wait(max(0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def exit_with_parent(parent: int) -> None:
    """End this process once its parent is another than this; what it is at, it finishes first."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_INTERVAL)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SHUTDOWN_TIMEOUT)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    logs.start()
    sys.exit(main())
