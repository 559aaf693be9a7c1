"""What a supervisor asks: is the process alive, and can it serve?"""

import os
from pathlib import Path

import structlog
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from project.web import pool
from project.web.errors import refuses_writes

log = structlog.stdlib.get_logger("latchkey.probes")


@csrf_exempt
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process runs; nothing else is looked at."""
    return _answer(200, "alive")


@csrf_exempt
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if the database can be written and every migration is applied, else 503.

    A probe that fails also repairs the pool: no other request comes while the proxy sends none.
    """
    try:
        if is_read_only():
            return _answer(503, "the database is read-only")
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        reason = str(error)  # A traceback every few seconds would say no more.
        log.error("database_unavailable", reason=reason)  # noqa: TRY400
        pool.check_connections()
        read_only = refuses_writes(error)
        return _answer(503, f"the database is {'read-only' if read_only else 'not reached'}")
    if pending:
        return _answer(503, f"{len(pending)} migrations are not applied")
    return _answer(200, "ready")


def is_read_only() -> bool:
    """Return whether the database refuses to be written: one query on PostgreSQL, else none.

    A PostgreSQL server is read-only as a standby, and where `default_transaction_read_only` says
    so. SQLite writes its log into new files in the same directory.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW transaction_read_only")
            return bool(cursor.fetchone() == ("on",))
    file = Path(connection.settings_dict["NAME"])
    return file.exists() and not all(os.access(path, os.W_OK) for path in (file, file.parent))


def _answer(status: int, text: str) -> JsonResponse:
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "5"} if status == 503 else {})
    return JsonResponse({"status": text}, status=status, headers=headers)
