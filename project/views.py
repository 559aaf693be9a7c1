"""What a supervisor asks: is the process alive, and can it serve?"""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe


@csrf_exempt
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 while the process runs; nothing else is looked at."""
    return _answer(200, "alive")


@csrf_exempt
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 if the database is reached and every migration is applied, else 503."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return _answer(503, "the database is not reached")
    if pending:
        return _answer(503, f"{len(pending)} migrations are not applied")
    return _answer(200, "ready")


def _answer(status: int, text: str) -> JsonResponse:
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "5"} if status == 503 else {})
    return JsonResponse({"status": text}, status=status, headers=headers)
