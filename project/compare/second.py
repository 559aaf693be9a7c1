"""A second process of the site, on a free port of loopback, for one run of the comparison.

`python -m project.compare.second` reads the secret of the run and prints its port. Then it executes
a command for each line of its input and prints the result as JSON. It ends when its input ends, so
also when its parent is killed. It answers only calls with the secret: other programs on the machine
would find a site without the log and the counters of the first process.
"""

import json
import logging
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hmac import compare_digest
from threading import Thread
from typing import IO, Any, cast

import django
from django.conf import settings
from django.core.servers.basehttp import (
    ThreadedWSGIServer,
    WSGIRequestHandler,
    get_internal_wsgi_application,
)
from django.db import OperationalError, connection

#: Proves to the second process that a call is of this process.
RUN_HEADER, RUN = "X-Latchkey-Run", secrets.token_urlsafe(24)
COMMAND = [sys.executable, "-m", "project.compare.second"]
PATIENCE = 5  # seconds in which the process must end


class Second:
    """The running process, for its parent."""

    def __init__(self) -> None:
        # Its calls are in no metric, and its process group receives no signals of the server.
        environment = {**os.environ}
        environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
        self.process = subprocess.Popen(  # noqa: S603  (our own program)
            COMMAND,
            cwd=settings.BASE_DIR,
            env=environment,
            process_group=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.commands = cast("IO[str]", self.process.stdin)
        self.results = cast("IO[str]", self.process.stdout)
        self.port = 0
        print(RUN, file=self.commands, flush=True)

    def wait(self) -> None:
        """Wait until the process answers requests."""
        self.port = int(self._line())

    def tell(self, command: str) -> Any:
        """Let the process execute the command, and return the result."""
        print(command, file=self.commands, flush=True)
        return json.loads(self._line())

    def _line(self) -> str:
        line = self.results.readline()
        if not line:
            raise RuntimeError("The second process of the site has ended.")
        return line

    def kill(self) -> None:
        """Kill the process, as an outage does."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """End the process. A second call has no effect, also after `kill`."""
        self.commands.close()
        self.results.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()


@contextmanager
def second_process() -> Iterator[Second]:
    """Start the second process, which is not ready yet, and end it after the block."""
    second = Second()
    try:
        yield second
    finally:
        second.end()


class Handler(WSGIRequestHandler):
    """Django's, but it sends the head of an answer without waiting for the body."""

    disable_nagle_algorithm = True


class MeasuredSite:
    """The WSGI application of the site, for measured calls. Its database can be switched off."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.application = get_internal_wsgi_application()
        self.is_down = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        from project.compare.calls import marks, variable

        if not compare_digest(environ.pop(variable(RUN_HEADER), ""), self.run):
            start_response("404 Not Found", [("Content-Length", "0")])
            return []
        environ.update(marks())
        if not self.is_down:
            return self.application(environ, start_response)
        with connection.execute_wrapper(refuse):
            return self.application(environ, start_response)

    def switch_off(self) -> None:
        """Load what the process caches, and then refuse every statement."""
        from tokens.keys.keyring import keyring
        from tokens.revocation.snapshot import revocations

        for cached in (keyring, revocations):
            cached.invalidate()
            cached.current()
        self.is_down = True

    def switch_on(self) -> None:
        self.is_down = False


def refuse(*args: Any) -> None:
    raise OperationalError("The comparison has switched the database off.")


def serve(lines: Iterator[str], say: Callable[[str], None]) -> None:
    """Serve the site until the lines end. The first line is the secret of the run."""
    from project.compare.rotation import rehearse

    site = MeasuredSite(next(lines).strip())
    commands: dict[str, Callable[[], Any]] = {
        "switch off": site.switch_off,
        "switch on": site.switch_on,
        "rotate": rehearse,
    }
    server = ThreadedWSGIServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.set_app(site)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        say(str(server.server_port))
        for line in lines:
            say(json.dumps(commands[line.strip()]()))
    finally:
        server.shutdown()
        server.server_close()


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()
    logging.disable()  # The operator's log has the calls in the first process.
    try:
        serve(sys.stdin, partial(print, flush=True))
    except BrokenPipeError:  # The visitor has left, so the first process has ended the run.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
