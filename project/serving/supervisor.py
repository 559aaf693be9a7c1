"""Keeps the server and the mail worker running, and ends the two together.

Each has a separate process group, so that Ctrl-C reaches only this process: granian's main process
can hang if its workers are interrupted at the same moment. Each stops by itself if this process is
killed. This process starts a mail worker again after it stopped. granian's main process restarts
its workers; if the main process stops, this process stops all and returns 1.

After SIGHUP it starts the two again, with the new code and settings, and the listening socket stays
open. The old server continues until no request can arrive on its open connections. In a terminal,
SIGHUP means that the terminal was closed, and this process stops.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from threading import Event, Thread
from typing import NoReturn, TypeAlias

import structlog

from project.metrics.directory import metrics_directory
from project.web import logs

POLL_INTERVAL = 0.5  # seconds between two checks of the processes
RESTART_DELAY = 2  # seconds before a stopped process is started again
START_TIMEOUT = 60  # seconds in which a new server must be able to answer
SHUTDOWN_TIMEOUT = 15  # seconds in which a process can finish its requests or its mail
READY = signal.SIGUSR1  # The server tells its parent that it can answer.
RETIRE = signal.SIGUSR2  # The parent tells a server that another one has taken over.

Process: TypeAlias = "subprocess.Popen[bytes]"

log = structlog.stdlib.get_logger("latchkey.supervisor")


def main() -> int:
    """Run both until this process is told to end, or return 1 if the server ends before.

    The argument is the number of the listening socket. The remaining processes of a killed server
    are killed.
    """
    environment = {**os.environ}  # without the variables of `.env`, which may change
    logs.start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with metrics_directory() as directory:
        environment["PROMETHEUS_MULTIPROC_DIR"] = directory  # for project/metrics/counters.py
        return Site(int(sys.argv[1]), environment).run()


class Site:
    """The server, the mail worker, and the earlier servers that still finish their requests."""

    def __init__(self, listening: int, environment: dict[str, str]) -> None:
        self.listening = listening
        self.environment = environment
        self.told, self.ready = Event(), Event()
        if sys.stderr.isatty():
            signal.signal(signal.SIGHUP, stop)
        else:
            signal.signal(signal.SIGHUP, lambda number, frame: self.told.set())
        signal.signal(READY, lambda number, frame: self.ready.set())
        self.server = self.start_server()
        self.worker = self.start_worker()
        self.retired: list[Process] = []

    def run(self) -> int:
        """Watch both, until the server ends or this process is told to end."""
        try:
            while self.server.poll() is None:
                time.sleep(POLL_INTERVAL)
                self.retired = [server for server in self.retired if server.poll() is None]
                if self.worker.poll() is not None:
                    log.error("mail_worker_ended", status=self.worker.returncode)
                    time.sleep(RESTART_DELAY)
                    self.worker = self.start_worker()
                if self.told.is_set():
                    self.told.clear()
                    self.restart()
            log.critical("server_ended", status=self.server.returncode)
        finally:
            self.stop()
        return 1

    def stop(self) -> None:
        """Stop all processes. When the servers have ended, new connections are refused."""
        deadline = time.monotonic() + SHUTDOWN_TIMEOUT
        servers = [self.server, *self.retired]
        for program in (*servers, self.worker):
            program.terminate()
        end_by(deadline, servers)
        os.close(self.listening)
        end_by(deadline, [self.worker])

    def restart(self) -> None:
        """Replace both, unless the site cannot start with its new code or settings.

        If the new server ends, or is not ready in START_TIMEOUT, the old one stays.
        """
        log.info("restarting")
        self.ready.clear()
        command = [sys.executable, "-m", "project.serving.serve", "prepare"]
        if subprocess.run(command, env=self.environment, check=False).returncode:
            log.error("not_restarted")
            return
        old, self.server = self.server, self.start_server()
        self.retired.append(old)
        deadline = time.monotonic() + START_TIMEOUT
        while not self.ready.wait(POLL_INTERVAL):
            if self.server.poll() is not None or time.monotonic() > deadline:
                log.error("not_restarted", status=self.server.returncode)
                stop_processes([self.server])
                self.server = self.retired.pop()
                return
        os.killpg(old.pid, RETIRE)
        stop_processes([self.worker])
        self.worker = self.start_worker()
        log.info("restarted")

    def start_server(self) -> Process:
        return start("project.serving.server", self.environment, self.listening)

    def start_worker(self) -> Process:
        return start("project.serving.worker", self.environment)


def start(module: str, environment: dict[str, str], *files: int) -> Process:
    """Start the program, which stops when this process stops. It inherits these open files."""
    command = [sys.executable, "-m", module, str(os.getpid()), *map(str, files)]
    return subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, pass_fds=files, process_group=0
    )


def stop(number: int, frame: object) -> NoReturn:
    """Make `main` stop. A second signal changes nothing."""
    for again in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(again, signal.SIG_IGN)
    log.info("stopping", signal=signal.Signals(number).name)
    sys.exit(0)


def stop_processes(running: list[Process]) -> None:
    """Ask the processes to stop, and kill those that do not end in SHUTDOWN_TIMEOUT."""
    for program in running:
        program.terminate()
    end_by(time.monotonic() + SHUTDOWN_TIMEOUT, running)


def end_by(deadline: float, running: list[Process]) -> None:
    """Wait for the processes until this monotonic time, and kill the rest with their children."""
    for program in running:
        with suppress(subprocess.TimeoutExpired):
            program.wait(max(0, deadline - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()


def exit_with_parent(parent: int) -> None:
    """Stop this process, after its current work, when this parent has stopped."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(POLL_INTERVAL)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SHUTDOWN_TIMEOUT)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
