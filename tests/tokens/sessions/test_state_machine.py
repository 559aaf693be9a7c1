"""Owners, a thief and an administrator around one account, in any order and with any delays.

`Line` is a second account of what the HTTP contract says refresh promises, written without the
code; a machine plays random lives and compares every answer and every row with it.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from itertools import count
from typing import Any

import pytest
import time_machine
from django.db.models import QuerySet
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from tests.conftest import Clock
from tests.support.racing import Outcome, refresh, retry_key, sign_in
from tokens import signals
from tokens.jwt.claims import RefreshToken, secret_hash
from tokens.management.inspection import is_accepted
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import sign_out

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

GRACE, RETRY_WINDOW = timedelta(seconds=30), timedelta(hours=24)
IDLE, ABSOLUTE, LEEWAY = timedelta(days=14), timedelta(days=90), timedelta(seconds=10)
START = datetime(2030, 1, 1, tzinfo=UTC)
THIEFS_KEY = "a key the thief made"
DELAYS = [1, 10, 29, 30, 31, 299, 3600, 82_800, 90_000, 3 * 86_400, 13 * 86_400, 15 * 86_400]
NUMBERS = count()


class Told(Enum):
    """What refresh can answer."""

    NEW = "a successor"
    SAME = "what was given before"
    CONFLICT = "already_rotated"
    REFUSED = "token_not_valid"


@dataclass(eq=False)
class Line:
    """One session as the contract has it: what was given out of it, and what it may still give."""

    session: str
    keyed: bool
    credentials: int  # how often alice had changed hers when it began
    begun: datetime
    given: dict[int, str]
    expires: dict[int, datetime] = field(default_factory=dict)
    generation: int = 1
    key: str | None = None
    reason: Reason | None = None
    reuses: int = 0
    store: int = 1  # the generation that the owner keeps
    tabs: list[int] = field(default_factory=lambda: [1, 1])  # what each tab remembers of it
    thief_has_spent: bool = False

    def __post_init__(self) -> None:
        self.rotate(self.begun)

    def rotate(self, now: datetime) -> None:
        self.rotated_at = now
        self.runs_out = min(now + IDLE, self.begun + ABSOLUTE)
        self.expires[self.generation] = self.runs_out

    def spend(self, generation: int, key: str | None, now: datetime, fault: Reason | None) -> Told:
        """Return what whoever presents this generation must be told, and take note of it.

        `fault` is why alice cannot sign in as she did when the session began, if she cannot.
        """
        if self.reason or now >= self.runs_out or now >= self.expires[generation] + LEEWAY:
            return Told.REFUSED
        if fault:
            self.reason = fault
            return Told.REFUSED
        if generation == self.generation:
            self.generation, self.key = generation + 1, key
            self.rotate(now)
            return Told.NEW
        if generation == self.generation - 1:
            age = now - self.rotated_at
            again = GRACE if self.key is None else RETRY_WINDOW
            if self.key == key:
                if age < again:
                    return Told.SAME
            elif age < GRACE:
                return Told.CONFLICT
        self.reason, self.reuses = Reason.REUSE, self.reuses + 1
        return Told.REFUSED


class Household(RuleBasedStateMachine):
    """Alice has a phone that sends retry keys and a laptop that does not, with two tabs each."""

    def __init__(self) -> None:
        super().__init__()
        self.travel = time_machine.travel(START, tick=False)
        self.clock = Clock(self.travel.start())
        self.alice = User.objects.create(username=f"alice-{next(NUMBERS)}", password="!first")
        self.credentials, self.active = 0, True
        self.lines: list[Line] = []
        self.current: dict[str, Line] = {}
        self.loot: list[tuple[Line, int]] = []
        self.rows: dict[str, DeviceSession] = {}
        self.reported: list[str] = []
        signals.refresh_token_reused.connect(self.hear)
        for device in ("phone", "laptop"):
            self.begin(device)

    def teardown(self) -> None:
        try:
            self.settle_up()
            self.rows_say_what_the_model_says()
        finally:
            signals.refresh_token_reused.disconnect(self.hear)
            self.travel.stop()

    def hear(self, session: DeviceSession, **arguments: Any) -> None:
        self.reported.append(str(session.sid))

    # What people do

    def begin(self, device: str) -> None:
        answer = sign_in(User.objects.get(pk=self.alice.pk), device)
        line = Line(
            answer.session,
            keyed=device == "phone",
            credentials=self.credentials,
            begun=timezone.now(),
            given={1: answer.refresh},
        )
        self.lines.append(line)
        self.current[device] = line

    def spend(self, line: Line, generation: int, key: str | None) -> Told:
        """Present a token and check the answer against the model's."""
        fault = None if line.credentials == self.credentials else Reason.CREDENTIALS_CHANGED
        fault = fault if self.active else Reason.DEACTIVATED
        expected = line.spend(generation, key, timezone.now(), fault)
        answer = refresh(line.given[generation], key)
        assert told(answer, line.given.get(generation + 1)) == expected
        if answer.status == 200:
            assert answer.generation == generation + 1
            line.given[answer.generation] = answer.refresh
            assert is_accepted(answer.access)
        return expected

    def owner_spends(self, line: Line, generation: int) -> bool:
        told = self.spend(line, generation, retry_key(generation) if line.keyed else None)
        given = told in (Told.NEW, Told.SAME)
        assert not (given and line.keyed and line.thief_has_spent)
        return given

    def thief_spends(self, line: Line, generation: int, key: str | None) -> None:
        if self.spend(line, generation, key) in (Told.NEW, Told.SAME):
            line.thief_has_spent = True
            self.loot.append((line, generation + 1))

    devices = st.sampled_from(["phone", "laptop"])
    thiefs_keys = st.sampled_from([THIEFS_KEY, None])
    ways = st.sampled_from(["save", "queryset", "raw SQL"])

    @rule(device=devices, tab=st.integers(0, 1), looks=st.booleans(), arrives=st.booleans())
    def a_tab_refreshes(self, device: str, tab: int, looks: bool, arrives: bool) -> None:
        """It may look into the store first or not, and the answer may arrive or be lost."""
        line = self.current[device]
        generation = line.store if looks else line.tabs[tab]
        if self.owner_spends(line, generation) and arrives:
            line.tabs[tab] = generation + 1
            line.store = max(line.store, generation + 1)

    @rule(device=devices, delay=st.sampled_from([0, 1, 31, 3600, 82_800, 90_000]))
    def a_lost_answer_is_asked_for_again(self, device: str, delay: int) -> None:
        line, generation = self.current[device], self.current[device].store
        self.owner_spends(line, generation)
        self.clock.forward(seconds=delay)
        if self.owner_spends(line, generation):
            line.store = generation + 1

    @rule(delay=st.sampled_from(DELAYS))
    def time_passes(self, delay: int) -> None:
        self.clock.forward(seconds=delay)

    @precondition(lambda self: self.active)
    @rule(device=devices)
    def the_owner_signs_in_again(self, device: str) -> None:
        self.begin(device)

    @rule(device=devices, data=st.data())
    def the_owner_signs_out(self, device: str, data: st.DataObject) -> None:
        line = self.current[device]
        sign_out(line.given[data.draw(st.sampled_from(sorted(line.given)))])
        line.reason = line.reason or Reason.LOGOUT

    @rule(device=devices)
    def the_thief_steals_what_is_kept(self, device: str) -> None:
        self.loot.append((self.current[device], self.current[device].store))

    @precondition(lambda self: self.loot)
    @rule(data=st.data(), key=thiefs_keys)
    def the_thief_spends_the_loot(self, data: st.DataObject, key: str | None) -> None:
        newest = st.just(len(self.loot) - 1)
        index = data.draw(newest | st.integers(0, len(self.loot) - 1))
        self.thief_spends(*self.loot[index], key)

    @rule(device=devices, delay=st.integers(0, 29), key=thiefs_keys)
    def the_thief_steps_in_right_after_the_owner(
        self, device: str, delay: int, key: str | None
    ) -> None:
        line, generation = self.current[device], self.current[device].store
        if self.owner_spends(line, generation):
            line.store = generation + 1
        self.clock.forward(seconds=delay)
        self.thief_spends(line, generation, key)

    @rule(device=devices)
    def an_administrator_ends_the_session(self, device: str) -> None:
        line = self.current[device]
        DeviceSession.objects.filter(sid=line.session).revoke(Reason.ADMIN)
        line.reason = line.reason or Reason.ADMIN

    @rule(way=ways)
    def the_password_changes(self, way: str) -> None:
        self.credentials += 1
        self.change(way, Reason.CREDENTIALS_CHANGED, password=f"!password {self.credentials}")

    @precondition(lambda self: self.active)
    @rule(way=ways)
    def alice_is_deactivated(self, way: str) -> None:
        self.active = False
        self.change(way, Reason.DEACTIVATED, is_active=False)

    @precondition(lambda self: not self.active)
    @rule()
    def alice_is_active_again(self) -> None:
        self.active = True
        self.change("raw SQL", Reason.DEACTIVATED, is_active=True)

    def change(self, way: str, reason: Reason, **values: Any) -> None:
        if way == "raw SQL":
            QuerySet(User).filter(pk=self.alice.pk).update(**values)
            return
        if way == "queryset":
            User.objects.filter(pk=self.alice.pk).update(**values)
        else:
            alice = User.objects.get(pk=self.alice.pk)
            vars(alice).update(values)
            alice.save()
        for line in self.lines:
            line.reason = line.reason or reason

    # What must hold after every step

    @invariant()
    def rows_say_what_the_model_says(self) -> None:
        rows = {str(row.sid): row for row in DeviceSession.objects.filter(user=self.alice)}
        for line in self.lines:
            self.check_row(line, rows[line.session])
        assert sorted(self.reported) == sorted(
            line.session for line in self.lines for _ in range(line.reuses)
        )
        self.rows = rows

    def check_row(self, line: Line, row: DeviceSession) -> None:
        before = self.rows.get(line.session, row)
        assert row.generation >= before.generation
        assert row.revoked_reason == (line.reason or "")
        if before.revoked_at:
            assert row.revoked_at == before.revoked_at
        if line.reason is None:
            assert row.generation == line.generation
            living = [raw for raw in line.given.values() if is_leaf(raw, row)]
            assert living == [line.given[line.generation]]

    def settle_up(self) -> None:
        """Let the owner meet a thief who has spent something: then the session is over."""
        self.clock.forward(seconds=31)
        for line in self.lines:
            if line.keyed and line.thief_has_spent:
                self.owner_spends(line, line.store)
                assert line.reason or timezone.now() >= line.runs_out


def told(answer: Outcome, given_before: str | None) -> Told:
    """Return what the answer amounts to for somebody who knows what was given before."""
    if answer.status != 200:
        return {409: Told.CONFLICT, 401: Told.REFUSED}[answer.status]
    if given_before is None:
        return Told.NEW
    assert answer.refresh == given_before, "One token has two successors."
    return Told.SAME


def is_leaf(raw: str, row: DeviceSession) -> bool:
    """Return whether this is the token that the row has a place for."""
    token = RefreshToken(raw, verify=False)
    return token.generation == row.generation and secret_hash(token.jti) == row.secret_hash


def play(lives: int, steps: int) -> None:
    """Let so many households live for so many steps each, always the same ones."""
    bounds = settings(
        max_examples=lives,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Household, settings=bounds)


def test_whatever_happens_refresh_keeps_its_promises() -> None:
    play(lives=60, steps=40)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_whatever_happens_for_long_refresh_keeps_its_promises() -> None:
    play(lives=400, steps=60)


# A thief beside an owner, for as long as it goes


@dataclass(frozen=True)
class Thief:
    """How a thief lives beside an owner whose rotations he foresees."""

    delay: int  # seconds between the two, less than the grace period
    leads: bool
    key: str | None


def periods_together(thief: Thief, alice: User, clock: Clock, *, owner_has_keys: bool) -> int:
    """Return for how many of twenty refreshes in a row both were given a token."""
    token = sign_in(alice)
    for period in range(20):
        owner = (token.refresh, retry_key(period) if owner_has_keys else None)
        callers = [owner, (token.refresh, thief.key)]
        if thief.leads:
            callers.reverse()
        first = refresh(*callers[0])
        clock.forward(seconds=thief.delay)
        second = refresh(*callers[1])
        clock.forward(minutes=4)
        if (first.status, second.status) != (200, 200):
            return period
        assert first.refresh == second.refresh
        token = first
    return 20


@pytest.mark.parametrize("delay", [0, 1, 29])
@pytest.mark.parametrize(
    ("leads", "key"),
    [
        pytest.param(False, None, id="thief second, without key"),
        pytest.param(False, THIEFS_KEY, id="thief second, with another key"),
        pytest.param(True, THIEFS_KEY, id="thief first, with another key"),
        pytest.param(True, None, id="thief first, without key"),
    ],
)
def test_a_thief_cannot_live_beside_an_owner_who_sends_keys(
    delay: int, leads: bool, key: str | None, alice: User, clock: Clock
) -> None:
    """Guards `retry_hash`: whoever foresees every rotation is still not given what it gave."""
    thief = Thief(delay, leads, key)
    assert periods_together(thief, alice, clock, owner_has_keys=True) == 0


@pytest.mark.parametrize("leads", [True, False], ids=["thief first", "owner first"])
@pytest.mark.parametrize("delay", [30, 31, 3600])
@pytest.mark.parametrize("owner_has_keys", [True, False], ids=["keys", "no keys"])
def test_two_who_use_a_token_apart_end_the_session_when_they_meet(
    leads: bool, delay: int, owner_has_keys: bool, alice: User, clock: Clock
) -> None:
    """Guards GRACE_PERIOD: after it the second caller with a token ends the session."""
    thief = Thief(delay, leads, key=None)
    assert periods_together(thief, alice, clock, owner_has_keys=owner_has_keys) == 0
    assert DeviceSession.objects.get().revoked_reason == Reason.REUSE


@pytest.mark.parametrize("leads", [True, False], ids=["thief first", "owner first"])
def test_a_thief_who_goes_on_alone_ends_the_session_when_they_meet(
    leads: bool, alice: User, clock: Clock
) -> None:
    """Guards the distance in rotation.handle_spent_token: the grace honours nobody's
    grandparent.
    """
    first = sign_in(alice)
    second = refresh(first.refresh)
    assert refresh(first.refresh).refresh == second.refresh
    ahead, behind = refresh(second.refresh), second
    if leads:
        refresh(ahead.refresh)
    else:
        clock.forward(seconds=30)
    assert refresh(behind.refresh).status == 401
    assert DeviceSession.objects.get().revoked_reason == Reason.REUSE
    assert refresh(ahead.refresh).status == 401
