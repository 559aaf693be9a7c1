"""The site works on a table of sessions that deploy/partition.sql has split."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from django.db import connection
from psycopg import sql

from tests.support.site import ROOT, Site, latchkey
from tests.tokens.sessions.test_processes import database_url

SCRIPT = ROOT / "deploy" / "partition.sql"
PRESENT = "SELECT count(*) FROM pg_partition_tree('tokens_devicesession') WHERE isleaf"
PURGE = """
from datetime import timedelta
from django.core.management import call_command
from django.utils import timezone
from tokens.models import DeviceSession
old = timezone.now() - timedelta(days=100)
DeviceSession.objects.update(expires_at=old, idle_expires_at=old)
call_command("purgetokens", verbosity=0)
print(DeviceSession.objects.count())
"""


@pytest.fixture
def url(db: None) -> Iterator[str]:
    """Return the URL of an empty PostgreSQL database."""
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has partitions")
    server, name = database_url(), "latchkey_partitioned"
    with closing(psycopg.connect(server, autocommit=True)) as admin:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        admin.execute(drop)
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
        admin.execute(drop)


def refresh(site: Site, token: str) -> httpx.Response:
    return httpx.post(f"{site.url}/api/auth/refresh/", json={"refresh": token}, timeout=30)


@pytest.mark.slow
def test_a_site_with_sessions_is_split_and_continues(url: str, tmp_path: Path) -> None:
    with latchkey(tmp_path, DATABASE_URL=url) as site, psycopg.connect(url) as database:
        site.add_people("alice")
        before = site.login("alice")
        database.execute(SCRIPT.read_bytes())
        database.commit()
        assert database.execute(PRESENT).fetchone() == (16,)
        after = site.login("alice")
        for pair in (before, after):
            check_rotation(site, pair)
        ended = httpx.post(
            f"{site.url}/api/auth/logout/all/",
            headers={"Authorization": f"Bearer {site.login('alice')['access']}"},
            timeout=30,
        )
        assert ended.json() == {"ended": 1}
        assert site.run(PURGE).splitlines()[-1] == "0"


def check_rotation(site: Site, pair: dict[str, Any]) -> None:
    """Rotate twice, receive the same token again, and let the oldest one end the session."""
    second = refresh(site, pair["refresh"])
    assert second.status_code == 200
    assert refresh(site, pair["refresh"]).json()["refresh"] == second.json()["refresh"]
    third = refresh(site, second.json()["refresh"])
    assert (third.status_code, third.json()["generation"]) == (200, 3)
    assert refresh(site, pair["refresh"]).status_code == 401
    assert refresh(site, third.json()["refresh"]).status_code == 401
