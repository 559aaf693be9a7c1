"""Write the lines of the log to standard error."""

import logging
from collections import deque
from threading import Lock

#: A pipe takes so many bytes in one piece on Linux, and several processes write to the same pipe.
PIPE_BUF = 4096
#: The maximum number of lines that wait for a slow reader. Then the threads wait too.
MAX_LINES = 10_000


class LineHandler(logging.StreamHandler):  # type: ignore[type-arg]  # not generic when it runs
    """Writes lines, and lets no thread wait for another one that writes.

    Python lets other threads run during a write. With logging's own handler they soon wait for its
    lock, and each request then switches threads: with four threads, a third of the reads per second
    is lost. Here a thread appends its line, and writes if no other thread does. A thread that
    writes goes on until no line is left.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque()
        self._writing = Lock()

    def createLock(self) -> None:  # noqa: N802  (the name is logging's)
        """Make `handle` take no lock."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._lines.append(f"{self.format(record)}{self.terminator}")
            self.flush()
        except RecursionError:  # as in logging
            raise
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        """Write the lines, unless another thread is writing: it writes these as well.

        That thread looks for more lines after it has released the lock, so it finds a line that
        was appended before this thread failed to take the lock.
        """
        while self._lines and self._writing.acquire(blocking=len(self._lines) > MAX_LINES):
            try:
                self.stream.write(self._next_lines())
                self.stream.flush()
            finally:
                self._writing.release()

    def _next_lines(self) -> str:
        """Remove the first lines and return them, at most as many as a pipe takes in one piece."""
        text = self._lines.popleft() if self._lines else ""
        while self._lines and len(text) + len(self._lines[0]) <= PIPE_BUF:
            text += self._lines.popleft()
        return text
