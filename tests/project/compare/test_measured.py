"""Every number of the comparison agrees with another measurement of the same thing.

Bytes and statuses are those at the socket, and times are those of another clock. Each test states
its tolerance.
"""

import json
import re
from collections.abc import Iterator
from uuid import UUID

import pytest

from project.compare.caller import PATH
from project.compare.claims import CLAIMS
from project.compare.endings import INTERVAL
from project.compare.logins import Way
from project.compare.measured import number
from project.compare.second import RUN, RUN_HEADER
from tests.project.compare.conftest import INTERVALS, Observed
from tests.support.servers import runs
from tests.support.wiretap import Passed
from tokens.crypto.encoding import from_base64url

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
CALL = f"GET {PATH} HTTP/1.1"
#: Seconds between two clocks: one reads when a request begins, the other when its answer comes.
CLOCKS = 1.0
#: Seconds that a thread may have to wait, on a busy machine.
BUSY = 2
SECOND = "_second_process"
#: The changes that end sessions, in their order.
CHANGES = ("sign_out", "password_change", "deactivation")


def test_every_claim_has_a_row_once(observed: Observed) -> None:
    assert {*observed.rows} == {*CLAIMS}


def test_nothing_remains(observed: Observed) -> None:
    assert observed.after == observed.before
    assert not [pid for pid in observed.pids if runs(pid)]
    assert len(observed.pids) == 1


def calls(passed: list[Passed], way: Way) -> Iterator[Passed]:
    """Yield the measured calls in this way."""
    marks = {
        Way.SESSION: rb"Cookie: sessionid=",
        Way.HEADER: rb"Authorization: Bearer ",
        Way.COOKIE: rb"Cookie: access=",
    }
    for call in passed:
        if call.line == CALL and marks[way] in call.request:
            yield call


@pytest.mark.parametrize("way", Way)
def test_bytes_are_those_at_the_socket(observed: Observed, way: Way) -> None:
    """Tolerance: none. The first three calls of each way are those whose bytes are counted."""
    rows = ("bytes_per_request", "bytes_with_10_roles", "bytes_with_100_roles")
    own = len(f"{RUN_HEADER}: {RUN}\r\n")  # It only opens the second process.
    seen = [len(call.request) - own for call in calls(observed.passed, way)][:3]
    assert [observed.rows[row].values[way] for row in rows] == seen


def claims_of(request: bytes) -> dict[str, object]:
    """Return the claims of the access token in the request."""
    found = re.search(rb"eyJ[\w-]+\.(eyJ[\w-]+)\.", request)
    assert found
    claims: dict[str, object] = json.loads(from_base64url(found[1].decode()))
    return claims


def refusals(observed: Observed, passed: list[Passed], way: Way) -> list[float]:
    """Return the seconds from the end of each session to the first refused call with its token.

    They are in the order of CHANGES. The end is when the signal of the revocation comes.
    """
    refused: dict[UUID, float] = {}
    for call in calls(passed, way):
        if call.status == 401:
            refused.setdefault(UUID(str(claims_of(call.request)["sid"])), call.at)
    found = [
        (observed.ended[sid], at)
        for sid, at in refused.items()
        if observed.ended.get(sid, at) < at  # The role was given to another session.
    ]
    return [at - ended for ended, at in sorted(found)]


@pytest.mark.parametrize("way", [Way.HEADER, Way.COOKIE])
@pytest.mark.parametrize("place", ["", SECOND])
def test_times_of_refusal_are_those_of_another_clock(
    observed: Observed, way: Way, place: str
) -> None:
    """Tolerance: the interval between two uses, and CLOCKS.

    In the second process, a refusal is when the 401 is at the socket.
    """
    measured = [
        number(observed.rows[f"refused_after_{change}{place}_ms"].values[way]) / 1000
        for change in CHANGES
    ]
    passed = observed.passed if place else observed.here
    assert measured == pytest.approx(refusals(observed, passed, way), abs=INTERVAL + CLOCKS)
    assert 0 <= max(measured) <= INTERVALS["SNAPSHOT_INTERVAL"] + BUSY


@pytest.mark.parametrize("way", [Way.HEADER, Way.COOKIE])
def test_a_service_refuses_when_it_has_fetched_the_list(observed: Observed, way: Way) -> None:
    """Tolerance: half a second around the fetch of a list. There is one every two seconds."""
    fetched = [call.at for call in observed.passed if "/.well-known/status/" in call.line]
    ends = sorted(
        ended
        for sid, ended in observed.ended.items()
        if any(str(sid) == claims_of(call.request)["sid"] for call in calls(observed.here, way))
    )
    assert len(ends) >= len(CHANGES)
    for change, ended in zip(CHANGES, ends, strict=False):
        row = observed.rows[f"refused_after_{change}_other_service_ms"]
        refused = ended + number(row.values[way]) / 1000
        assert min(abs(refused - at) for at in fetched) <= 0.5, change


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_reaches_each_place_in_its_time(observed: Observed, change: str) -> None:
    here = observed.rows[f"refused_after_{change}_ms"]
    assert all(number(value) < BUSY * 1000 for value in here.values.values())
    assert number(observed.rows[f"refused_after_{change}{SECOND}_ms"].session) < BUSY * 1000
    service = observed.rows[f"refused_after_{change}_other_service_ms"]
    most = (sum(INTERVALS.values()) + BUSY) * 1000
    assert service.session == "cannot verify"
    assert 0 < number(service.access_header) < most
    assert 0 < number(service.access_cookie) < most


def test_a_role_changes_the_next_page_and_the_next_token(observed: Observed) -> None:
    for place in ("", SECOND):
        refused = observed.rows[f"refused_after_role_change{place}_ms"]
        effect = observed.rows[f"role_effective{place}_ms"]
        assert refused.session == "still works"
        assert number(effect.session) < BUSY * 1000
        for way in (Way.HEADER, Way.COOKIE):
            assert number(refused.values[way]) <= number(effect.values[way])
            assert number(effect.values[way]) < (1 + BUSY) * 1000


@pytest.mark.parametrize(
    "row", ["refused_after_sign_out_without_list_ms", "refused_after_role_change_other_service_ms"]
)
def test_without_the_list_a_token_lives_until_its_expiry(observed: Observed, row: str) -> None:
    """Tolerance: the duration of the run, because tokens are a few seconds old then."""
    claims = claims_of(next(calls(observed.passed, Way.HEADER)).request)
    lifetime = float(str(claims["exp"])) - float(str(claims["iat"]))
    for way in (Way.HEADER, Way.COOKIE):
        left = number(observed.rows[row].values[way]) / 1000
        assert lifetime - observed.duration < left <= lifetime


def test_a_stolen_copy_lives_as_long_as_its_credential(observed: Observed) -> None:
    """Tolerance: two seconds."""
    stolen = observed.rows["stolen_copy"]
    claims = claims_of(next(calls(observed.passed, Way.HEADER)).request)
    lifetime = float(str(claims["exp"])) - float(str(claims["iat"]))
    assert number(stolen.access_header) == pytest.approx(lifetime, abs=2)
    assert number(stolen.access_cookie) == pytest.approx(lifetime, abs=2)
    assert number(stolen.session) == pytest.approx(12 * 3600, abs=2)


def test_without_the_database_the_socket_has_the_same_answers(observed: Observed) -> None:
    """Tolerance: the interval between two requests, and CLOCKS."""
    down = {
        way: [call for call in calls(observed.passed, way) if call.status == 503] for way in Way
    }
    began = down[Way.SESSION][0].at
    assert [*observed.rows["database_down_now"].values.values()] == [503, 200, 200]
    served = observed.rows["served_without_database_ms"]
    assert served.session == 0
    for way in (Way.HEADER, Way.COOKIE):
        seen = down[way][0].at - began
        assert number(served.values[way]) / 1000 == pytest.approx(seen, abs=INTERVAL + CLOCKS)


def test_words_are_what_the_site_answered(observed: Observed) -> None:
    expected = {
        "readable_by_script": ["no", "yes", "no"],
        "foreign_origin": ["refused"] * 3,
        "foreign_site": ["refused"] * 3,
        "copy_reads_account": ["yes"] * 3,
        "copy_changes_password": ["no"] * 3,
        "theft_detected": ["not detected", "detected", "detected"],
        "other_service": ["no", "yes", "same host only"],
        "other_service_site_down": ["no", "yes", "same host only"],
        "key_rotation": ["no key", 0, 0],
    }
    assert {row: [*observed.rows[row].values.values()] for row in expected} == expected


def test_forged_requests_were_refused_at_the_socket(observed: Observed) -> None:
    forged = [call for call in observed.passed if b"Origin: https://other.example" in call.request]
    assert len(forged) == 6
    assert {call.status for call in forged} <= {401, 403}
    attached = [call for call in forged if b"Cookie: " in call.request]
    assert len(attached) == 2  # the two cookies, from an origin of the same site
