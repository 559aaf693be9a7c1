"""Owners, a thief and an administrator use one account, in any order and with any delays.

Hypothesis runs random sequences. It compares every answer and every row with `contract.Line`.
"""

from datetime import UTC, datetime
from itertools import count
from typing import Any

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
from tests.support.racing import Outcome, is_accepted, refresh, retry_key, sign_in
from tests.tokens.sessions.contract import Line, Told
from tokens import signals
from tokens.conf import conf
from tokens.jwt.claims import RefreshToken, secret_hash
from tokens.models import DeviceSession, Reason
from tokens.sessions.lifecycle import sign_out

START = datetime(2030, 1, 1, tzinfo=UTC)
THIEFS_KEY = "a key the thief made"
DELAYS = [1, 10, 29, 30, 31, 299, 3600, 82_800, 90_000, 3 * 86_400, 13 * 86_400, 15 * 86_400]
NUMBERS = count()


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

    # The rules

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
        """The tab may read the store first or not, and the answer may arrive or be lost."""
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

    @precondition(lambda self: self.active and len(self.lines) < conf().SESSIONS_PER_USER)
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
        for line in self.lines:  # Any change notices an inactive user.
            line.reason = line.reason or (reason if self.active else Reason.DEACTIVATED)

    # The invariants

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
            leaves = [raw for raw in line.given.values() if is_leaf(raw, row)]
            assert leaves == [line.given[line.generation]]

    def settle_up(self) -> None:
        """Let the owner refresh after a thief spent a token: this revokes the session."""
        self.clock.forward(seconds=31)
        for line in self.lines:
            if line.keyed and line.thief_has_spent:
                self.owner_spends(line, line.store)
                assert line.reason or timezone.now() >= line.runs_out


def told(answer: Outcome, given_before: str | None) -> Told:
    """Return the kind of this answer, given the successor that an earlier answer contained."""
    if answer.status != 200:
        return {409: Told.CONFLICT, 401: Told.REFUSED}[answer.status]
    if given_before is None:
        return Told.NEW
    assert answer.refresh == given_before, "One token has two successors."
    return Told.SAME


def is_leaf(raw: str, row: DeviceSession) -> bool:
    """Return whether this is the token that the row accepts."""
    token = RefreshToken(raw, verify=False)
    return token.generation == row.generation and secret_hash(token.jti) == row.secret_hash


def play(lives: int, steps: int) -> None:
    """Run this many households for this many steps each, always the same ones."""
    bounds = settings(
        max_examples=lives,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Household, settings=bounds)
