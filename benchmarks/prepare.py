"""Run with the settings of one side: fill its database, and count what its calls cost there.

`python -m benchmarks.prepare <users>` prints a JSON object: a pair for each user, and the counts.
The side's URL module has `sign_in`, which returns the tokens of a user, and `credentials`, which
creates a program. A side without one of them has no such calls. A
side whose refresh differs has `refresh`.
"""

import json
import sys
from collections.abc import Callable
from importlib import import_module

import django
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks.clients import PASSWORD

TRANSACTION = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
WRITE = ("INSERT", "UPDATE", "DELETE")
REPEATED = 20  # calls that the counts are taken over

Call = Callable[[Client], None]


def fill(users: int) -> list[dict[str, str]]:
    """Migrate, and return a pair for each of that many new users."""
    call_command("migrate", verbosity=0)
    model = get_user_model()
    names = [f"user{number}" for number in range(users)]
    hashed = make_password(PASSWORD)
    model._default_manager.bulk_create(
        model(username=name, email=f"{name}@example.org", password=hashed) for name in names
    )
    side = import_module(settings.ROOT_URLCONF)
    sign_in = getattr(side, "sign_in", lambda user: {"access": "", "refresh": ""})
    program = side.credentials() if hasattr(side, "credentials") else {}
    with transaction.atomic():
        people = model._default_manager.order_by("username")
        pairs = [{**sign_in(user), **program, "username": user.get_username()} for user in people]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # Both planners know what there is from the start.
    return pairs


def rows() -> int:
    """Return how many rows there are in all tables."""
    return sum(model._base_manager.count() for model in apps.get_models())


def count(call: Call) -> dict[str, float]:
    """Return what one call costs the database: statements, those that write, rows more."""
    client = Client(raise_request_exception=True)
    call(client)  # The first call also fills caches.
    before = rows()
    with CaptureQueriesContext(connection) as captured:
        for _ in range(REPEATED):
            call(client)
    verbs = [query["sql"].split(maxsplit=1)[0].upper() for query in captured.captured_queries]
    statements = [verb for verb in verbs if not verb.startswith(TRANSACTION)]
    writes = [verb for verb in statements if verb in WRITE]
    return {
        "statements": len(statements) / REPEATED,
        "writes": len(writes) / REPEATED,
        "rows": (rows() - before) / REPEATED,
    }


def calls(pair: dict[str, str]) -> dict[str, Call]:
    """Return the calls whose costs are counted, by name."""

    side = import_module(settings.ROOT_URLCONF)

    def refresh(client: Client) -> None:
        if hasattr(side, "refresh"):
            side.refresh(client, pair)
            return
        body = {"refresh": pair["refresh"]}
        answer = client.post("/api/auth/refresh/", body, content_type="application/json")
        pair["refresh"] = answer.json()["refresh"]

    def client_credentials(client: Client) -> None:
        answer = client.post(
            "/oauth/token",
            "grant_type=client_credentials",
            content_type="application/x-www-form-urlencoded",
            headers={"Authorization": f"Basic {pair['basic']}"},
        )
        assert answer.status_code == 200, answer.content

    counted = {"refresh": refresh} if pair["refresh"] else {}
    return {**counted, **({"client credentials": client_credentials} if "basic" in pair else {})}


def main() -> None:
    django.setup()
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    pairs = fill(int(sys.argv[1]))
    counts = {name: count(call) for name, call in calls(pairs.pop()).items()}
    print(json.dumps({"counts": counts, "pairs": pairs}))


if __name__ == "__main__":
    main()
