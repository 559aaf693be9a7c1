"""Load the settings in a process with another environment."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

Run = Callable[..., subprocess.CompletedProcess[str]]
SHOW = """
import json
from project import settings
names = [name for name in dir(settings) if name.isupper()]
print(json.dumps({name: getattr(settings, name) for name in names}, default=str))
"""


def refusal(run: Run, **environment: str) -> str:
    """Return the error with which a process in this environment fails to start."""
    stopped = run("import project.settings", **environment)
    assert stopped.returncode == 1
    kind, _, sentence = stopped.stderr.splitlines()[-1].partition(": ")
    assert kind == "django.core.exceptions.ImproperlyConfigured"
    return sentence


def read(run: Run, **environment: str) -> dict[str, Any]:
    """Return the settings that a process with this environment has."""
    shown = run(SHOW, **environment)
    assert shown.returncode == 0, shown.stderr
    settings: dict[str, Any] = json.loads(shown.stdout)
    return settings
