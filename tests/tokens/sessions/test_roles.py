"""Rights: who is given other roles is not signed out, and goes on with the new roles only."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.conftest import API, HASHED, Answer, Clock, row
from tests.support.racing import queue, race, refresh, sign_in
from tokens.jwt.claims import AccessToken
from tokens.models import DeviceSession
from tokens.revocation import snapshot
from tokens.sessions import roles

pytestmark = pytest.mark.django_db(transaction=True)

Pair: TypeAlias = dict[str, Any]


@pytest.fixture
def editors(db: None) -> Group:
    return Group.objects.create(name="editors")


@pytest.fixture
def authors(db: None) -> Group:
    return Group.objects.create(name="authors")


def read(pair: Pair) -> Answer:
    headers = {"Authorization": f"Bearer {pair['access']}"}
    return Client().get("/api/example/", headers=headers)


def roles_in(token: str) -> set[str]:
    return set(AccessToken(token).roles)


Change: TypeAlias = tuple[Callable[[User, Group, Group], object], set[str]]
#: What happens to alice, who is an editor, and the roles that she has after it.
CHANGES: dict[str, Change] = {
    "given a group": (
        lambda alice, editors, authors: alice.groups.add(authors),
        {"editors", "authors"},
    ),
    "put into a group": (
        lambda alice, editors, authors: authors.user_set.add(alice),
        {"editors", "authors"},
    ),
    "taken a group": (lambda alice, editors, authors: alice.groups.remove(editors), set()),
    "taken out of a group": (lambda alice, editors, authors: editors.user_set.remove(alice), set()),
    "taken all groups": (lambda alice, editors, authors: alice.groups.clear(), set()),
    "a group is emptied": (lambda alice, editors, authors: editors.user_set.clear(), set()),
    "given other groups": (
        lambda alice, editors, authors: alice.groups.set([authors]),
        {"authors"},
    ),
    "a group is renamed": (lambda alice, editors, authors: rename(editors, "lectors"), {"lectors"}),
    "a group is deleted": (lambda alice, editors, authors: editors.delete(), set()),
    "groups are deleted": (lambda alice, editors, authors: Group.objects.all().delete(), set()),
    "made staff": (lambda alice, editors, authors: save(alice, is_staff=True), {"editors"}),
    "made an administrator": (
        lambda alice, editors, authors: User.objects.update(is_superuser=True),
        {"editors"},
    ),
}


def rename(group: Group, name: str) -> None:
    group.name = name
    group.save()


def save(user: User, **values: bool) -> None:
    for name, value in values.items():
        setattr(user, name, value)
    user.save()


@pytest.mark.trap(17)
@pytest.mark.trap(55)
@pytest.mark.parametrize(("change", "roles"), CHANGES.values(), ids=CHANGES)
def test_older_access_tokens_are_refused_and_the_refresh_brings_the_new_roles(
    api: API, alice: User, editors: Group, authors: Group, *, change: Any, roles: set[str]
) -> None:
    alice.groups.add(editors)
    phone, laptop = api.login(alice), api.login(alice)
    assert read(phone).status_code == 200
    change(alice, editors, authors)
    for pair in (phone, laptop):
        answer = read(pair)
        assert answer.status_code == 401
        assert answer.json()["code"] == "rights_changed"
        assert answer["WWW-Authenticate"] == 'Bearer error="invalid_token"'
        assert api.get("sessions/", bearer=pair["access"]).json()["code"] == "rights_changed"
        verified = api.post("verify/", {"token": pair["access"]})
        assert (verified.status_code, verified.json()["code"]) == (401, "token_not_valid")
        assert row(pair).revoked_at is None
        fresh = api.rotated(pair["refresh"])
        assert roles_in(fresh["access"]) == roles
        assert read(fresh).status_code == 200


def test_a_token_minted_in_the_same_second_as_the_change_is_told_from_older_ones(
    api: API, alice: User, editors: Group
) -> None:
    pair = api.login(alice)
    alice.groups.add(editors)
    fresh = api.rotated(pair["refresh"])
    assert read(pair).status_code == 401
    assert read(fresh).status_code == 200


#: What is done to alice, who is an editor, and changes nothing.
NO_CHANGES: dict[str, Callable[[User, Group, Group], object]] = {
    "given a group again": lambda alice, editors, authors: alice.groups.add(editors),
    "put into a group again": lambda alice, editors, authors: editors.user_set.add(alice),
    "given no group": lambda alice, editors, authors: alice.groups.add(),
    "taken a group that she has not": lambda alice, editors, authors: alice.groups.remove(authors),
    "taken out of a group that she is not in": lambda alice, editors, authors: (
        authors.user_set.remove(alice)
    ),
    "a group is emptied that she is not in": lambda alice, editors, authors: (
        authors.user_set.clear()
    ),
    "given the groups that she has": lambda alice, editors, authors: alice.groups.set([editors]),
}


@pytest.mark.parametrize("change", NO_CHANGES.values(), ids=NO_CHANGES)
def test_what_changes_nothing_leaves_her_tokens_alone(
    api: API,
    alice: User,
    editors: Group,
    authors: Group,
    *,
    change: Callable[[User, Group, Group], object],
) -> None:
    alice.groups.add(editors)
    pair = api.login(alice)
    change(alice, editors, authors)
    assert read(pair).status_code == 200
    assert row(pair).rights_version == 1


@pytest.mark.parametrize("side", ["hers", "the group's"])
def test_who_has_no_groups_keeps_her_tokens_when_all_are_taken(
    api: API, alice: User, editors: Group, side: str
) -> None:
    pair = api.login(alice)
    if side == "hers":
        alice.groups.clear()
    else:
        editors.user_set.clear()
    assert read(pair).status_code == 200
    assert row(pair).rights_version == 1


UNTOUCHED: dict[str, Callable[[User, Group], object]] = {
    "somebody else's groups": lambda bob, editors: bob.groups.add(editors),
    "a group made": lambda bob, editors: Group.objects.create(name="lectors"),
    "an empty group deleted": lambda bob, editors: editors.delete(),
}


@pytest.mark.parametrize("change", UNTOUCHED.values(), ids=UNTOUCHED)
def test_what_changes_no_right_of_hers_leaves_her_tokens_alone(
    api: API, alice: User, bob: User, editors: Group, *, change: Callable[[User, Group], object]
) -> None:
    pair = api.login(alice)
    change(bob, editors)
    assert read(pair).status_code == 200
    assert row(pair).rights_version == 1


def test_a_group_of_hers_that_is_saved_under_the_same_name_leaves_her_tokens_alone(
    api: API, alice: User, editors: Group
) -> None:
    alice.groups.add(editors)
    pair = api.login(alice)
    editors.save()
    rename(Group.objects.get(pk=editors.pk), "editors")
    assert read(pair).status_code == 200
    assert row(pair).rights_version == 1


def test_what_is_saved_with_stale_flags_gives_no_right_back(alice: User) -> None:
    stale = User.objects.get(pk=alice.pk)
    save(stale, is_staff=True)
    old = User.objects.get(pk=alice.pk)
    User.objects.update(is_staff=False)
    old.first_name = "Alice"
    old.save()
    assert not User.objects.get(pk=alice.pk).is_staff


@pytest.mark.trap(27)
@pytest.mark.trap(41)
@pytest.mark.parametrize("seconds", [299, 309, 319], ids=["its life", "leeway", "clocks differ"])
def test_old_roles_are_refused_as_long_as_a_token_with_them_is_valid(
    api: API, alice: User, editors: Group, clock: Clock, seconds: int
) -> None:
    """The token is minted by a clock that is ten seconds fast, and read with ten of leeway."""
    clock.forward(seconds=10)
    pair = api.login(alice)
    clock.forward(seconds=-10)
    alice.groups.add(editors)
    clock.forward(seconds=seconds)
    AccessToken(pair["access"])
    snapshot.revocations.invalidate()
    answer = read(pair)
    assert (answer.status_code, answer.json()["code"]) == (401, "rights_changed")


def test_a_change_that_is_rolled_back_refuses_nothing(
    api: API, alice: User, editors: Group
) -> None:
    pair = api.login(alice)
    with transaction.atomic():
        alice.groups.add(editors)
        transaction.set_rollback(True)
    assert read(pair).status_code == 200
    assert row(pair).rights_version == 1


def test_a_big_group_costs_as_many_statements_as_a_small_one(editors: Group) -> None:
    costs = []
    for name in ("lectors", "authors"):
        users = [User(username=f"{name}-{n}", password=HASHED) for n in range(150)]
        editors.user_set.add(*User.objects.bulk_create(users))
        with CaptureQueriesContext(connection) as captured:
            rename(editors, name)
        costs.append(len(captured))
    assert costs[0] == costs[1] < 10


# Races, which need PostgreSQL: SQLite lets no two writers begin

waiting = pytest.mark.skipif("connection.vendor != 'postgresql'", reason="nobody waits on SQLite")


@waiting
@pytest.mark.trap(52)
def test_a_refresh_that_waits_behind_a_change_of_roles_brings_the_new_ones(
    alice: User, editors: Group
) -> None:
    """Guards that `rights_seen` is compared in `spend`."""
    first = sign_in(alice)
    with queue() as line_up:
        alice.groups.add(editors)
        refreshing = line_up(lambda: refresh(first.refresh))
    outcome = refreshing.result(timeout=30)
    assert outcome.status == 200
    assert roles_in(outcome.access) == {"editors"}
    snapshot.revocations.invalidate()
    assert read({"access": outcome.access}).status_code == 200


@waiting
def test_a_sign_in_that_waits_behind_a_change_of_roles_brings_the_new_ones(
    alice: User, editors: Group
) -> None:
    """Guards that the roles are read after the user's row is locked."""
    with queue() as line_up:
        alice.groups.add(editors)
        signing_in = line_up(lambda: sign_in(User.objects.get(pk=alice.pk)))
    outcome = signing_in.result(timeout=30)
    assert roles_in(outcome.access) == {"editors"}


@waiting
def test_a_change_of_roles_that_waits_behind_a_sign_in_moves_its_session(
    alice: User, editors: Group
) -> None:
    """Guards that `move` locks the users before it looks for their sessions."""
    with queue() as line_up:
        outcome = sign_in(alice)
        changing = line_up(lambda: alice.groups.add(editors))
    changing.result(timeout=30)
    assert DeviceSession.objects.get().rights_version == 2
    snapshot.revocations.invalidate()
    assert read({"access": outcome.access}).json()["code"] == "rights_changed"


@waiting
def test_a_group_that_is_taken_right_after_it_was_given_counts_twice(
    alice: User, editors: Group
) -> None:
    """Guards that the user is locked before it is asked what they have to lose."""
    sign_in(alice)
    with queue() as line_up:
        alice.groups.add(editors)
        taking = line_up(lambda: alice.groups.remove(editors))
    taking.result(timeout=30)
    assert not alice.groups.exists()
    assert DeviceSession.objects.get().rights_version == 3


@pytest.mark.trap(56)
def test_changes_at_once_both_count(api: API, alice: User, editors: Group, authors: Group) -> None:
    pair = api.login(alice)
    race(lambda: alice.groups.add(editors), lambda: alice.groups.add(authors))
    assert row(pair).rights_version == 3
    assert roles_in(api.rotated(pair["refresh"])["access"]) == {"editors", "authors"}


def test_moving_nobody_is_no_error() -> None:
    roles.bump_version(User.objects.none())
