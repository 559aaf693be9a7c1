"""Measure the same calls with few sessions and with many."""

import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.activity import recent_events
from accounts.models import User
from benchmarks.growth.load import first_token, timed, user_id
from benchmarks.sites import ROOT
from benchmarks.wsgi import Caller
from tokens.keys.keyring import keyring
from tokens.models import DeviceSession, Event
from tokens.revocation import snapshot, status_list

ROUNDS = 5  # turns of each database
SECRET = "seven wet otters"
LISTS = {
    "admin: first page": "/admin/",
    "admin: sessions": "/admin/tokens/devicesession/",
    "admin: sessions, page 50": "/admin/tokens/devicesession/?p=50",
    "admin: sessions of an address": "/admin/tokens/devicesession/?q=10.0.0.7",
    "admin: events": "/admin/tokens/event/",
    "admin: users": "/admin/accounts/user/",
}
#: The calls of an operation in one turn, if there are not FEW_CALLS.
CALLS = {"refresh, one session": 400, "refresh, cold sessions": 200, "sign-in": 2}
FEW_CALLS = 4
COLD = ROUNDS * (
    CALLS["refresh, cold sessions"] + 1
)  # refreshes of a session that nothing has read
Times = dict[str, list[float]]


class Database:
    """One of the databases. The process uses one of them at a time."""

    def __init__(self, name: str, caller: Caller) -> None:
        self.name = name
        self.caller = caller
        self.times: Times = {}

    def use(self) -> None:
        """Make the site use this database from now on, with its keys and revocations."""
        connection.close()
        connection.settings_dict["NAME"] = self.name
        keyring.invalidate()
        snapshot.revocations.invalidate()

    def prepare(self, cold: range) -> None:
        """Choose the cold sessions, sign in, and open every page once."""
        self.use()
        # Its owner can sign in from now on, so the tokens of its sessions end.
        User.objects.filter(pk=user_id(1)).update(password=make_password(SECRET))
        numbers = random.Random(len(cold)).sample(cold, COLD)  # noqa: S311  (not a secret)
        tokens = iter([first_token(number) for number in numbers])
        admin = signed_in_admin()
        caller = self.caller
        self.operations: dict[str, Callable[[], object]] = {
            "refresh, one session": caller.refresh,
            "refresh, cold sessions": lambda: caller.spend(next(tokens)),
            "sign-in": lambda: caller.sign_in("person1", SECRET),
            "list of devices": caller.list_devices,
            "snapshot": snapshot.load,
            "status list": lambda: status_list.load_bits(0),
            "events of a person": lambda: recent_events(User(pk=user_id(1))),
            **{name: partial(view, admin, path) for name, path in LISTS.items()},
        }
        with connection.cursor() as cursor:
            cursor.execute("CHECKPOINT")  # so that none falls into the measurement

    def turn(self, name: str) -> None:
        """Measure an operation once more."""
        call = self.operations[name]
        call()  # The new connection is not measured.
        times = timed(call, CALLS.get(name, FEW_CALLS))
        self.times.setdefault(name, []).extend(times)


def compare(databases: Sequence[Database]) -> None:
    """Measure every operation on the databases in turns, so that a busy machine slows both."""
    for name in databases[0].operations:
        for _ in range(ROUNDS):
            for database in databases:
                database.use()
                database.turn(name)


def signed_in_admin() -> Client:
    """Return a browser that an administrator is signed in with."""
    carol, _ = User.objects.get_or_create(username="carol", is_staff=True, is_superuser=True)
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(carol)
    return client


def view(client: Client, path: str) -> None:
    answer = client.get(path)
    if answer.status_code != 200:
        raise RuntimeError(f"{path} was answered {answer.status_code}")
    b"".join(answer) if answer.streaming else answer.content


def refresh_beside_purge(
    database: Database, environment: dict[str, str], rows: int
) -> tuple[list[float], float]:
    """Return the times of refreshes while `purgetokens` deletes so many rows, and its seconds."""
    old, caller = timezone.now() - timedelta(days=100), database.caller
    database.use()
    caller.refresh()
    newest = DeviceSession.objects.order_by("-pk").values_list("pk", flat=True)
    expired = DeviceSession.objects.filter(pk__gte=newest[rows - 1 : rows].get())
    expired.exclude(sid=caller.session).update(expires_at=old, idle_expires_at=old)
    times: list[float] = []
    began = time.monotonic()
    command = [sys.executable, "manage.py", "purgetokens"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as purge:
        while purge.poll() is None:
            times += timed(caller.refresh, 10)
    if purge.returncode:
        raise RuntimeError(f"purgetokens ended with status {purge.returncode}.")
    return times, time.monotonic() - began


def sizes() -> dict[str, float]:
    """Return the bytes on disk per session, event and user, with indexes and partitions."""
    found: dict[str, float] = {}
    models: dict[str, Any] = {"session": DeviceSession, "event": Event, "user": User}
    sql = """
        SELECT sum(pg_total_relation_size(relid))
        FROM (SELECT relid FROM pg_partition_tree(%s) UNION SELECT %s::regclass) AS tables
        """
    with connection.cursor() as cursor:
        for name, model in models.items():
            cursor.execute(sql, [model._meta.db_table] * 2)
            found[name] = float(cursor.fetchone()[0]) / model._base_manager.count()
    return found


def share_in_place() -> float:
    """Return the share of the updates of sessions that PostgreSQL made in place (HOT)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT sum(n_tup_hot_upd)::float / nullif(sum(n_tup_upd), 0) FROM pg_stat_user_tables
            WHERE relid IN (SELECT relid FROM pg_partition_tree('tokens_devicesession')
                            UNION SELECT 'tokens_devicesession'::regclass)
            """
        )
        return float(cursor.fetchone()[0] or 0)
