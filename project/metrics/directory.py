"""The directory in which the processes of a running site count.

A supervisor that is killed leaves its directory behind, and the next one removes it. A lock tells
whether a supervisor uses a directory: the kernel releases it when the process ends, and another
process with the same id does not have it.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

PREFIX = "latchkey-metrics-"
LOCK = "lock"


@contextmanager
def metrics_directory() -> Iterator[str]:
    """Create the directory for the block, and remove it afterwards."""
    remove_abandoned()
    with TemporaryDirectory(prefix=PREFIX) as name:
        made = Path(name, "made")
        with made.open("w") as lock:
            flock(lock, LOCK_EX)
            made.rename(made.with_name(LOCK))  # Under this name the file is always locked.
            yield name


def remove_abandoned() -> None:
    """Remove the directories of this user that no supervisor uses."""
    for path in Path(gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):
            found = path.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid():
                with Path(path, LOCK).open() as lock:
                    flock(lock, LOCK_EX | LOCK_NB)  # It raises BlockingIOError if it is in use.
                    shutil.rmtree(path)
