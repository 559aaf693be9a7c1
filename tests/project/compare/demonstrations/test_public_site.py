"""With DEMO=on the demonstrations work on a site with https, behind proxies."""

from pathlib import Path

import httpx
import pytest

from tests.support.site import latchkey, scopes_of_views

pytestmark = [pytest.mark.slow, pytest.mark.once]

PUBLIC = {"PUBLIC_URL": "https://id.example.org", "THROTTLES": "on"}
FORWARDED = {
    "Host": "id.example.org",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "203.0.113.5, 203.0.113.6",
}


def test_calls_are_answered_on_a_public_site(tmp_path: Path) -> None:
    changes = {**PUBLIC, "PROXIES": "2", "TOKEN_SCOPES": scopes_of_views()}
    with latchkey(tmp_path, DEMO="on", **changes) as site:
        race, theft = (
            httpx.get(
                f"{site.url}/compare/{name}/?format=json", headers=FORWARDED, timeout=60
            ).json()
            for name in ("race", "theft")
        )
    for name in ("without_key", "own_keys", "shared_key"):
        assert race[name]["successors"] == 1
        assert sum(caller["wrote"] for caller in race[name]["callers"]) == 1
    statuses = [step["call"]["status"] for step in theft["with_key"] if step["call"]]
    assert statuses == [200, 409, 409, 200, 200]


def test_a_public_site_does_not_have_the_pages_by_default(tmp_path: Path) -> None:
    with latchkey(tmp_path, **PUBLIC, TOKEN_SCOPES=scopes_of_views()) as site:
        for name in ("race", "theft"):
            answer = httpx.get(f"{site.url}/compare/{name}/", headers=FORWARDED, timeout=60)
            assert answer.status_code == 404
