"""A user whose roles change is not signed out; older access tokens are refused."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests.conftest import API, HASHED, Clock, row
from tests.tokens.sessions.role_checks import read, rename, roles_in
from tokens.jwt.claims import AccessToken
from tokens.revocation import snapshot
from tokens.sessions import roles

pytestmark = pytest.mark.django_db(transaction=True)

Change: TypeAlias = tuple[Callable[[User, Group, Group], object], set[str]]
#: Changes to alice, an editor, and the roles that she has afterwards.
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
}


def save(user: User, **values: bool) -> None:
    for name, value in values.items():
        setattr(user, name, value)
    user.save()


@pytest.mark.trap(17)
@pytest.mark.trap(55)
@pytest.mark.parametrize(("change", "roles"), CHANGES.values(), ids=CHANGES)
def test_older_tokens_are_refused_and_a_refresh_has_new_roles(
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


def test_every_pair_contains_only_the_roles_of_its_user(
    api: API, alice: User, bob: User, editors: Group, authors: Group
) -> None:
    """In the order of their names, after a sign-in, a refresh and a retry."""
    alice.groups.add(editors)
    alice.groups.add(authors)
    bob.groups.add(Group.objects.create(name="lectors"))
    first = api.login(alice)
    for pair in (first, api.rotated(first["refresh"]), api.rotated(first["refresh"])):
        assert AccessToken(pair["access"])["roles"] == ("authors", "editors")


def test_a_token_of_the_same_second_is_distinguished(api: API, alice: User, editors: Group) -> None:
    pair = api.login(alice)
    alice.groups.add(editors)
    fresh = api.rotated(pair["refresh"])
    assert read(pair).status_code == 401
    assert read(fresh).status_code == 200


#: Changes to alice, an editor, that change no role.
NO_CHANGES: dict[str, Callable[[User, Group, Group], object]] = {
    "given a group again": lambda alice, editors, authors: alice.groups.add(editors),
    "put into a group again": lambda alice, editors, authors: editors.user_set.add(alice),
    "given no group": lambda alice, editors, authors: alice.groups.add(),
    "a group that she lacks is taken": lambda alice, editors, authors: alice.groups.remove(authors),
    "she is taken out of a group that she lacks": lambda alice, editors, authors: (
        authors.user_set.remove(alice)
    ),
    "a group without her is emptied": lambda alice, editors, authors: authors.user_set.clear(),
    "given the groups that she has": lambda alice, editors, authors: alice.groups.set([editors]),
}


@pytest.mark.parametrize("change", NO_CHANGES.values(), ids=NO_CHANGES)
def test_a_save_without_changes_keeps_her_tokens(
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
    assert row(pair).roles_version == 1


@pytest.mark.parametrize("side", ["hers", "the group's"])
def test_a_user_without_groups_keeps_her_tokens(
    api: API, alice: User, editors: Group, side: str
) -> None:
    pair = api.login(alice)
    if side == "hers":
        alice.groups.clear()
    else:
        editors.user_set.clear()
    assert read(pair).status_code == 200
    assert row(pair).roles_version == 1


UNTOUCHED: dict[str, Callable[[User, Group], object]] = {
    "another user's groups": lambda bob, editors: bob.groups.add(editors),
    "a group made": lambda bob, editors: Group.objects.create(name="lectors"),
    "an empty group deleted": lambda bob, editors: editors.delete(),
    "all users made staff": lambda bob, editors: User.objects.update(is_staff=True),
    "made an administrator": lambda bob, editors: save(
        User.objects.get(username="alice"), is_superuser=True
    ),
}


@pytest.mark.parametrize("change", UNTOUCHED.values(), ids=UNTOUCHED)
def test_changes_of_other_roles_keep_her_tokens(
    api: API, alice: User, bob: User, editors: Group, *, change: Callable[[User, Group], object]
) -> None:
    pair = api.login(alice)
    change(bob, editors)
    assert read(pair).status_code == 200
    assert row(pair).roles_version == 1


def test_saving_a_group_unchanged_keeps_her_tokens(api: API, alice: User, editors: Group) -> None:
    alice.groups.add(editors)
    pair = api.login(alice)
    editors.save()
    rename(Group.objects.get(pk=editors.pk), "editors")
    assert read(pair).status_code == 200
    assert row(pair).roles_version == 1


def test_a_role_change_leaves_revoked_sessions_alone(api: API, alice: User, editors: Group) -> None:
    """The snapshot would otherwise list them again."""
    pair = api.login(alice)
    api.post("logout/", {"refresh": pair["refresh"]})
    alice.groups.add(editors)
    assert row(pair).roles_version == 1


def test_saving_stale_flags_restores_no_right(alice: User) -> None:
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
    assert row(pair).roles_version == 1


def test_a_big_group_costs_as_many_statements_as_a_small_one(editors: Group) -> None:
    costs = []
    for name in ("lectors", "authors"):
        users = [User(username=f"{name}-{n}", password=HASHED) for n in range(150)]
        editors.user_set.add(*User.objects.bulk_create(users))
        with CaptureQueriesContext(connection) as captured:
            rename(editors, name)
        costs.append(len(captured))
    assert costs[0] == costs[1] < 10


def test_changing_no_users_is_not_an_error() -> None:
    roles.bump_version(User.objects.none())
