"""Measure `access_token` with a fresh token: `python tests/measure_client.py`.

It prints the median [minimum, maximum] of nine rounds with a thousand calls, in microseconds per
call, for a store in memory and for a store in a file.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from latchkey_client import Client, FileStore, MemoryStore, Store
from pretend_site import PASSWORD, PretendSite


def main() -> None:
    site = PretendSite(expires_in=86400)
    with tempfile.TemporaryDirectory() as directory:
        stores: list[Store] = [MemoryStore(), FileStore(Path(directory) / "session.json")]
        for store in stores:
            client = Client(site.url, store=store)
            client.sign_in("alice", PASSWORD)
            times = [microseconds(client) for _ in range(9)]
            shown = f"{median(times):.0f} [{min(times):.0f}, {max(times):.0f}]"
            sys.stdout.write(f"{type(store).__name__}: {shown}\n")
    site.close()


def microseconds(client: Client) -> float:
    """Return the mean time per call in microseconds."""
    started = time.perf_counter()
    for _ in range(1000):
        client.access_token()
    return (time.perf_counter() - started) / 1000 * 1e6


if __name__ == "__main__":
    main()
