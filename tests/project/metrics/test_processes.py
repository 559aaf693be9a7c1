"""The metrics of the served site: several processes count together."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.servers import wait_until
from tests.support.site import Site, latchkey

REFRESHES = 12


def value(site: Site, name: str, **labels: str) -> float:
    """Return the value in a scrape by a new connection, which any worker may answer."""
    answer = httpx.get(f"{site.url}/metrics", timeout=30)
    assert answer.status_code == 200, answer.text
    return sum(
        sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.mark.once
@pytest.mark.slow
def test_the_counters_of_two_workers_are_added(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with latchkey(tmp_path, WORKERS="2", TMPDIR=str(temporary)) as site:
        site.add_people("alice")
        pair = site.login("alice")
        for _ in range(REFRESHES):
            body = {"refresh": pair["refresh"]}
            answer = httpx.post(f"{site.url}/api/auth/refresh/", json=body, timeout=30)
            assert answer.status_code == 200
            pair = answer.json()
        route = "/api/auth/refresh/"
        for _ in range(6):
            assert value(site, "latchkey_rotations_total") == REFRESHES
            assert value(site, "latchkey_requests_total", route=route) == REFRESHES
            assert value(site, "latchkey_request_seconds_count", route=route) == REFRESHES
        [directory] = temporary.glob("latchkey-metrics-*")
        files = {file.name for file in directory.glob("counter_*.db")}
        assert len(files) >= 2
    assert not directory.exists()


@pytest.mark.once
@pytest.mark.slow
def test_requests_that_wait_for_a_thread_are_shown(tmp_path: Path) -> None:
    """Of two threads one may hash, so the other sign-ins wait."""
    with latchkey(tmp_path, THREADS="2") as site, ThreadPoolExecutor(8) as crowd:

        def sign_in(number: int) -> int:
            body = {"username": f"user{number}", "password": "wrong"}
            return httpx.post(f"{site.url}/api/auth/login/", json=body, timeout=60).status_code

        assert value(site, "latchkey_waiting_requests") == 0
        tries = [crowd.submit(sign_in, number) for number in range(40)]
        wait_until(lambda: value(site, "latchkey_waiting_requests") > 0, seconds=30)
        # A busy machine refuses those that have waited for the patience of a lane.
        assert {done.result() for done in tries} <= {401, 429, 503}
        assert value(site, "latchkey_waiting_requests") == 0
        assert 1 <= value(site, "latchkey_connections") <= 3  # at most THREADS + 1
