"""The probes: whether the process is alive, and whether it can serve requests."""

import os
import shutil
from pathlib import Path

import structlog
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from project.connections import check_connections, refuses_writes
from project.web.errors import RETRY_AFTER

#: Bytes that must be free: the log that SQLite writes before the database grows by pages of 4 KiB.
LEAST_SPACE = 1_000_000
READ_ONLY = "the database is read-only"

log = structlog.stdlib.get_logger("latchkey.probes")


@csrf_exempt
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process runs, without any other check."""
    return _answer(200, "alive")


@csrf_exempt
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if the database can be written and every migration is applied, else 503.

    After a failed probe too, each thread checks its connection: the proxy sends no other request.
    """
    try:
        obstacle = write_obstacle()
        if obstacle:
            return _answer(503, obstacle)
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        reason = str(error)  # A traceback every few seconds would add no information.
        log.error("database_unavailable", reason=reason)  # noqa: TRY400  (the reason says it)
        check_connections()
        return _answer(
            503, READ_ONLY if refuses_writes(error) else "the database cannot be reached"
        )
    if pending:
        return _answer(503, f"{len(pending)} migrations are not applied")
    return _answer(200, "ready")


def write_obstacle() -> str:
    """Return why the database cannot be written, or "": one query on PostgreSQL, else none.

    A PostgreSQL server is read-only as a standby, or by `default_transaction_read_only`, and
    watches its own disk. SQLite needs a writable directory, and space, for the files of its log.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            return READ_ONLY if cursor.fetchone() == ("on",) else ""
    file = Path(connection.settings_dict["NAME"])
    if not file.exists():
        return ""
    if not all(os.access(path, os.W_OK) for path in (file, file.parent)):
        return READ_ONLY
    is_full = shutil.disk_usage(file.parent).free < LEAST_SPACE
    return "the disk of the database is full" if is_full else ""


def _answer(status: int, text: str) -> JsonResponse:
    headers = {"Cache-Control": "no-store"} | (
        {"Retry-After": str(RETRY_AFTER)} if status == 503 else {}
    )
    return JsonResponse({"status": text}, status=status, headers=headers)
