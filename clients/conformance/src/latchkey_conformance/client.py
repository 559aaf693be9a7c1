"""Start the client under test as a command, and speak JSON lines with it, as README.md says."""

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from latchkey_conformance.errors import BrokenError, ProtocolError

START_TIMEOUT = 60  # seconds
ANSWER_TIMEOUT = 120  # seconds; a client must give up before
STORES = ("memory", "persistent", "shared")


@dataclass(frozen=True)
class Reply:
    """The client's answer to one call. `error` is empty if it succeeded."""

    error: str
    fields: dict[str, Any]

    @property
    def status(self) -> int:
        """The HTTP status that a `call` returned, or 0."""
        status = self.fields.get("status")
        return status if isinstance(status, int) else 0


class Client:
    """A client. `start` starts it, and after `kill` starts it again with the same store."""

    def __init__(self, command: Sequence[str], site: str, store: Path, log: Path) -> None:
        self._command = [*command]
        self._environment = {**os.environ, "LATCHKEY_SITE": site, "LATCHKEY_STORE": str(store)}
        self._log = log
        self._lock = Lock()
        self.calls: frozenset[str] = frozenset()
        self.store = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run the command in a process group, and wait for its first line."""
        self._numbers = count(1)
        self._pending: dict[int, Future[Reply]] = {}
        hello: Future[dict[str, Any]] = Future()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  (the command is the user's)
                self._command,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        Thread(target=self._read, args=(self._process, hello, self._pending), daemon=True).start()
        try:
            told = hello.result(START_TIMEOUT)
        except (TimeoutError, ProtocolError) as error:
            last = "".join(self._log.read_text(errors="replace").splitlines(True)[-12:])
            raise ProtocolError(f"The command wrote no first line. {error}\n{last}") from error
        self.calls, self.store = frozenset(told.get("calls", ())), told.get("store", "memory")
        if not {"sign_in", "call", "sign_out"} <= self.calls or self.store not in STORES:
            raise ProtocolError(f"The first line is not as the README describes it: {told}")

    def send(self, call: str, **arguments: Any) -> "Future[Reply]":
        """Send a call without waiting for its answer."""
        number, future = next(self._numbers), Future[Reply]()
        line = json.dumps({"id": number, "call": call, **arguments}) + "\n"
        with self._lock:
            self._pending[number] = future
            stdin = self._process and self._process.stdin
            assert stdin  # noqa: S101  (for the type)
            try:
                stdin.write(line.encode())
                stdin.flush()
            except OSError as error:
                raise BrokenError("The command has ended.") from error
        return future

    def ask(self, call: str, **arguments: Any) -> Reply:
        """Send a call and return its answer. Raises BrokenError if it takes too long."""
        return result(self.send(call, **arguments))

    def kill(self) -> None:
        """End the command and the processes it started, as kill -9 does."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                with suppress(OSError):
                    stream.close()

    def _read(
        self,
        process: "subprocess.Popen[bytes]",
        hello: "Future[dict[str, Any]]",
        pending: "dict[int, Future[Reply]]",
    ) -> None:
        """Complete the futures with the lines that the command writes, until it ends."""
        ended = "The command ended before it answered."
        error: Exception = ProtocolError(ended)
        try:
            assert process.stdout  # noqa: S101  (for the type)
            for line in process.stdout:
                told = json.loads(line)
                if not hello.done():
                    hello.set_result(told)
                    error = BrokenError(ended)
                    continue
                error_name = "" if told.get("ok") else str(told.get("error", "failed"))
                pending.pop(told["id"]).set_result(Reply(error_name, told))
        except (ValueError, KeyError, TypeError, AttributeError) as wrong:
            error = ProtocolError(
                f"The command wrote a line that is not in the protocol: {wrong!r}"
            )
        except OSError:
            pass
        if not hello.done():
            hello.set_exception(error)
        for future in [*pending.values()]:
            future.set_exception(error)


def result(future: "Future[Reply]") -> Reply:
    """Return the answer. Raises BrokenError if it takes too long, or ProtocolError."""
    try:
        return future.result(ANSWER_TIMEOUT)
    except TimeoutError as error:
        raise BrokenError(f"A call did not end within {ANSWER_TIMEOUT} seconds.") from error
