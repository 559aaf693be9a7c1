"""Run with the settings of one side: fill its database, count what a refresh costs it there.

`python -m benchmarks.prepare <users>` prints a JSON object: a pair for each user, and the counts.
"""

import json
import sys
from importlib import import_module
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

TRANSACTION = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
WRITE = ("INSERT", "UPDATE", "DELETE")
REPEATED = 20  # refreshes that the counts are taken over


def fill(users: int) -> list[dict[str, str]]:
    """Migrate, and return a pair for each of that many new users."""
    call_command("migrate", verbosity=0)
    model = get_user_model()
    names = [f"user{number}" for number in range(users)]
    model._default_manager.bulk_create(
        model(username=name, email=f"{name}@example.org", password="!" + "x" * 88) for name in names
    )
    side = import_module(settings.ROOT_URLCONF)
    with transaction.atomic():
        pairs = [side.sign_in(user) for user in model._default_manager.order_by("username")]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # Both planners know what there is from the start.
    return pairs


def rows() -> int:
    """Return how many rows there are in all tables."""
    return sum(model._base_manager.count() for model in apps.get_models())


def count(refresh: str) -> dict[str, float]:
    """Return what one refresh costs the database: statements, those that write, rows more."""
    client, before = Client(raise_request_exception=True), rows()
    with CaptureQueriesContext(connection) as captured:
        for _ in range(REPEATED):
            answer = client.post(
                "/api/auth/refresh/", {"refresh": refresh}, content_type="application/json"
            )
            refresh = answer.json()["refresh"]
    verbs = [query["sql"].split(maxsplit=1)[0].upper() for query in captured.captured_queries]
    statements = [verb for verb in verbs if not verb.startswith(TRANSACTION)]
    writes = [verb for verb in statements if verb in WRITE]
    return {
        "statements": len(statements) / REPEATED,
        "writes": len(writes) / REPEATED,
        "rows": (rows() - before) / REPEATED,
    }


def main() -> None:
    django.setup()
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    pairs = fill(int(sys.argv[1]))
    result: dict[str, Any] = {"counts": count(pairs.pop()["refresh"]), "pairs": pairs}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
