"""Install and start the Python client from its wheel."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.site import ROOT

SOURCE = ROOT / "clients" / "python"
EXTRAS = "httpx2,keyring,requests"
#: Refreshes in eight threads until the process is ended, and prints each error.
REFRESH_FOREVER = """
import sys
import threading
from latchkey_client import Client, FileStore

client = Client(sys.argv[1], store=FileStore(sys.argv[2]))

def refresh():
    try:
        while True:
            client.refresh()
    except BaseException as error:
        print(repr(error), flush=True)

threads = [threading.Thread(target=refresh) for _ in range(8)]
for thread in threads:
    thread.start()
"""


def find_python(version: str) -> str | None:
    """Return the path of this version of Python, which may be one of pyenv's, or None."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which(f"python{version}")]
    candidates += map(str, sorted(root.glob(f"versions/{version}.*/bin/python{version}")))
    for candidate in filter(None, candidates):
        done = subprocess.run([candidate, "--version"], capture_output=True, check=False)
        if done.returncode == 0:
            return candidate
    return None
