"""The machine, the versions and the settings of a run, without which its numbers mean little."""

import os
import platform
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.db import connection
from django.utils import timezone

from project.compare.costs import CALLS
from tokens.conf import conf

CPU_INFO = Path("/proc/cpuinfo")


def describe_machine() -> dict[str, Any]:
    """Return what the numbers depend on. Durations are in seconds."""
    have = conf()
    return {
        "date": timezone.now().isoformat(timespec="seconds"),
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "django": django.get_version(),
        "database": database(),
        "session_store": settings.SESSION_STORE,
        "algorithm": have.algorithm,
        "access_token_lifetime": have.access_lifetime.total_seconds(),
        "snapshot_interval": have.SNAPSHOT_INTERVAL.total_seconds(),
        "status_list_max_age": have.STATUS_LIST_MAX_AGE.total_seconds(),
        "calls": CALLS,
    }


def processor() -> str:
    """Return the name of the processor, or its architecture if the system does not tell it."""
    lines = CPU_INFO.read_text().splitlines() if CPU_INFO.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def database() -> str:
    """Return the name and the version of the database: one query."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW server_version")
        else:
            cursor.execute("SELECT sqlite_version()")
        return f"{connection.display_name} {cursor.fetchone()[0]}"
