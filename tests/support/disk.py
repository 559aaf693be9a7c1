"""A disk without space."""

from collections.abc import Iterator
from contextlib import contextmanager
from resource import RLIMIT_FSIZE, getrlimit, setrlimit


@contextmanager
def full_disk() -> Iterator[None]:
    """Let this process write no byte into a file until the block ends. It can create files.

    The error is EFBIG ("File too large") in place of ENOSPC.
    """
    soft, hard = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        setrlimit(RLIMIT_FSIZE, (soft, hard))
