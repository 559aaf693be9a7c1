"""Programs that read the settings, each in a process that has the libraries already.

Importing Django and structlog takes most of the time of a program that only reads the settings. One
process imports them and then forks for each program. It never imports a module of the project.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARENT = """
import json, os, sys, traceback
import csp.constants, django, django.core.exceptions, django.http, django.utils.module_loading
import environ, structlog, structlog.stdlib, structlog.types

def run(order):
    sys.argv, sys.path[0] = ["-c"], order["directory"]
    os.chdir(order["directory"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for descriptor, path in ((1, order["stdout"]), (2, order["stderr"])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    status = 1
    try:
        exec(order["code"], {"__name__": "__main__"})
        status = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        else:
            status = end.code or 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Preloaded:
    """A process that has the libraries and runs programs in forks of itself."""

    def __init__(self, process: "subprocess.Popen[str]", state: Path) -> None:
        self.process = process
        self.state = state

    def run(self, directory: Path, code: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run the code in that directory, in a changed environment."""
        assert self.process.stdin
        assert self.process.stdout
        stdout, stderr = self.state / "stdout", self.state / "stderr"
        order = {
            "directory": str(directory),
            "code": code,
            "environment": {**os.environ, **changes},
            "stdout": str(stdout),
            "stderr": str(stderr),
        }
        self.process.stdin.write(f"{json.dumps(order)}\n")
        self.process.stdin.flush()
        status = int(self.process.stdout.readline())
        return subprocess.CompletedProcess(code, status, stdout.read_text(), stderr.read_text())


@contextmanager
def preloaded(state: Path) -> Iterator[Preloaded]:
    """Start the process, and stop it at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PARENT],
        cwd=state,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        yield Preloaded(process, state)
