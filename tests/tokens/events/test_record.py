"""Each thing that can happen is one event, in the transaction that it describes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import transaction
from django.test import Client

from accounts.models import User
from tests.accounts.conftest import NEW_HASH
from tests.conftest import API, PASSWORD, Clock, row
from tests.support.people import FIREFOX, signed_in
from tests.tokens.events.conftest import HERE, forget, kinds, only
from tokens.jwt.claims import RefreshToken, secret_hash
from tokens.keys.keyring import keyring
from tokens.keys.lifecycle import replace_all
from tokens.models import DeviceSession, Event, EventKind, Reason, ServiceAccount
from tokens.revocation.blacklist import blacklist
from tokens.service_accounts.accounts import authenticate, create_secret, disable, record_use

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("ASVS 5.0", "16.3.1")]

KEY = "a-retry-key-of-the-phone"
PHONE = {"device": "phone", "ip_address": HERE, "actor_id": None, "count": 1}


def facts(event: Event, *names: str) -> dict[str, object]:
    return {name: getattr(event, name) for name in names}


def test_a_sign_in_is_an_event(api: API, alice: User) -> None:
    phone = api.login(alice, "phone")
    event = only(EventKind.SIGN_IN)
    assert facts(event, *PHONE) == PHONE
    assert (event.user, event.sid) == (alice, row(phone).sid)


def test_a_sign_in_of_a_browser_is_an_event(alice: User) -> None:
    signed_in(alice)
    assert only(EventKind.SIGN_IN).device == "Firefox on Linux"


@pytest.mark.parametrize("name", ["alice", "alice@example.org"], ids=["name", "e-mail"])
def test_a_failed_sign_in_names_the_account(api: API, alice: User, name: str) -> None:
    assert api.post("login/", {"username": name, "password": "eight wet otters"}).status_code == 401
    event = only(EventKind.SIGN_IN_FAILED)
    assert (event.user, event.ip_address, event.device) == (alice, HERE, "")


@pytest.mark.trap(25)
@pytest.mark.parametrize("name", ["nobody", PASSWORD, "a" * 60_000, "\0", "x@y"])
def test_a_failure_with_an_unknown_name_stores_no_name(api: API, alice: User, name: str) -> None:
    api.post("login/", {"username": name, "password": "eight wet otters"})
    for event in Event.objects.values():
        assert name not in map(str, event.values())
        assert event["user_id"] is None
        assert event["about"] == event["device"] == ""


def test_a_failure_on_the_page_is_an_event(client: Client, alice: User) -> None:
    client.post("/accounts/login/", {"username": "alice", "password": "eight wet otters"})
    assert only(EventKind.SIGN_IN_FAILED).user == alice


def test_a_sign_out_is_an_event_with_its_reason(api: API, alice: User) -> None:
    phone = api.login(alice, "phone")
    forget()
    for _ in range(2):
        api.post("logout/", {"refresh": phone["refresh"]})
    event = only(EventKind.SESSION_ENDED)
    assert facts(event, *PHONE) == PHONE
    assert (event.user, event.reason, event.sid) == (alice, "logout", row(phone).sid)


def test_each_device_that_is_signed_out_is_an_event(api: API, alice: User) -> None:
    for device in ("phone", "laptop", "laptop"):
        last = api.login(alice, device)
    forget()
    api.post("logout/all/", bearer=last["access"])
    ended = Event.objects.values_list("kind", "device", "reason", "count").order_by("device")
    expected = (EventKind.SESSION_ENDED, "logout_all")
    assert sum(count for *_, count in ended) == 3
    assert {(kind, reason) for kind, _, reason, _ in ended} == {expected}
    assert {device for _, device, *_ in ended} == {"phone", "laptop"}


@pytest.mark.spec("RFC 9700", "4.14.2")
def test_reuse_is_an_event_with_the_address_of_the_caller(
    api: API, alice: User, clock: Clock
) -> None:
    phone = api.login(alice, "phone")
    api.rotated(phone["refresh"])
    clock.forward(seconds=31)
    forget()
    api.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    for _ in range(2):
        assert api.refresh(phone["refresh"]).status_code == 401
    assert kinds() == [EventKind.SESSION_ENDED, EventKind.TOKEN_REUSED]
    event = only(EventKind.TOKEN_REUSED)
    assert facts(event, *PHONE) == {**PHONE, "ip_address": "192.0.2.7"}
    assert only(EventKind.SESSION_ENDED).reason == Reason.REUSE


def test_contention_is_an_event_although_it_is_refused(api: API, alice: User) -> None:
    phone = api.login(alice, "phone")
    api.rotated(phone["refresh"], key=KEY)
    forget()
    assert api.refresh(phone["refresh"]).status_code == 409
    assert facts(only(EventKind.TOKEN_CONTENDED), *PHONE) == PHONE


def test_a_token_ahead_of_the_database_is_an_event(api: API, alice: User) -> None:
    phone = api.login(alice, "phone")
    second = api.rotated(phone["refresh"])
    jti = RefreshToken(phone["refresh"]).jti
    DeviceSession.objects.update(generation=1, secret_hash=secret_hash(jti))
    forget()
    assert api.refresh(second["refresh"]).status_code == 401
    assert facts(only(EventKind.TOKEN_OUT_OF_STEP), *PHONE) == PHONE


def test_a_rotation_and_a_replay_are_no_events(api: API, alice: User) -> None:
    phone = api.login(alice)
    forget()
    api.rotated(phone["refresh"])
    api.client.defaults["REMOTE_ADDR"] = "192.0.2.7"
    api.rotated(phone["refresh"])
    assert kinds() == []


def test_a_blacklisted_token_is_an_event_without_its_id(api: API, alice: User) -> None:
    phone = api.login(alice)
    forget()
    blacklist(phone["access"], Reason.ADMIN)
    event = only(EventKind.TOKEN_BLACKLISTED)
    assert (event.user, event.reason, event.about) == (alice, "admin", "")


def by_save(**values: str | bool) -> Callable[[User], None]:
    def change(user: User) -> None:
        loaded = User.objects.get(pk=user.pk)
        vars(loaded).update(values)
        loaded.save()

    return change


def by_update(**values: str | bool) -> Callable[[User], None]:
    def change(user: User) -> None:
        assert User.objects.filter(pk=user.pk).update(**values) == 1

    return change


def by_command(user: User) -> None:
    call_command("shell", "--verbosity=0", command=SET_PASSWORD)


SET_PASSWORD = """
from accounts.models import User
user = User.objects.get(username="alice")
user.set_password("nine dry badgers")
user.save()
"""

#: The change of a user, the kind of event and what it says.
CHANGES: dict[str, tuple[Callable[[User], None], EventKind, str]] = {
    "password, by save": (by_save(password=NEW_HASH), EventKind.PASSWORD_CHANGED, "password"),
    "password, by update": (by_update(password=NEW_HASH), EventKind.PASSWORD_CHANGED, "password"),
    "password, in a shell": (by_command, EventKind.PASSWORD_CHANGED, "password"),
    "e-mail": (by_save(email="a@example.net"), EventKind.EMAIL_CHANGED, "email"),
    "e-mail, by update": (by_update(email="a@example.net"), EventKind.EMAIL_CHANGED, "email"),
    "user name": (by_save(username="alicia"), EventKind.NAME_CHANGED, "username"),
    "names": (
        by_update(first_name="A", last_name="B"),
        EventKind.NAME_CHANGED,
        "first_name, last_name",
    ),
    "deactivated": (by_save(is_active=False), EventKind.DEACTIVATED, "is_active"),
    "superuser": (by_save(is_superuser=True), EventKind.ROLES_CHANGED, "is_superuser"),
}


@pytest.mark.parametrize(("change", "kind", "about"), CHANGES.values(), ids=CHANGES)
def test_a_changed_field_is_an_event(
    alice: User, change: Callable[[User], None], kind: EventKind, about: str
) -> None:
    change(alice)
    event = Event.objects.get()
    assert (event.kind, event.user_id, event.about) == (kind, alice.pk, about)


def test_an_activated_account_is_an_event(alice: User) -> None:
    by_update(is_active=False)(alice)
    forget()
    by_update(is_active=True)(alice)
    assert kinds() == [EventKind.ACTIVATED]


def test_writing_the_same_values_is_no_event(alice: User) -> None:
    by_save(email=alice.email, first_name="")(alice)
    by_update(email=alice.email, is_active=True)(alice)
    User.objects.create(username="carol", email="carol@example.org")
    assert kinds() == []


def test_a_hash_upgrade_is_no_event(api: API, alice: User) -> None:
    outdated = make_password(PASSWORD, hasher="scrypt")
    User._base_manager.update(password=outdated)
    api.login(User.objects.get())
    assert User.objects.get().password != outdated
    assert kinds() == [EventKind.SIGN_IN]


def test_new_and_lost_roles_are_events(alice: User, bob: User) -> None:
    editors = Group.objects.create(name="editors")
    alice.groups.add(editors)
    alice.groups.add(editors)
    assert kinds() == [EventKind.ROLES_CHANGED]
    assert Event.objects.get().user == alice
    forget()
    alice.groups.clear()
    assert kinds() == [EventKind.ROLES_CHANGED]


def test_a_renamed_role_is_an_event_of_each_member(alice: User, bob: User) -> None:
    editors = Group.objects.create(name="editors")
    editors.user_set.add(alice, bob)
    forget()
    editors.name = "writers"
    editors.save()
    assert {event.user for event in Event.objects.all()} == {alice, bob}


def test_secrets_are_events_when_created_used_and_revoked(alice: User) -> None:
    account = ServiceAccount.objects.create(name="orders")
    secret, text = create_secret(account, lifetime=timedelta(days=1), created_by=alice)
    for _ in range(2):
        record_use(authenticate(text).secret)
    for _ in range(2):
        disable(secret)
    written = [*Event.objects.filter(kind__startswith="secret").order_by("pk")]
    assert [event.kind for event in written] == ["secret_created", "secret_used", "secret_revoked"]
    assert {event.about for event in written} == {f"orders, {text[:13]}"}
    assert {event.sid for event in written} == {secret.session.sid}
    assert [event.actor for event in written] == [alice, None, None]
    assert {event.user for event in written} == {None}


def test_new_and_replaced_signing_keys_are_events(db: None) -> None:
    first = keyring.current().signer.kid
    assert only(EventKind.KEY_PUBLISHED).about == first
    replaced = replace_all()
    assert only(EventKind.KEYS_REPLACED).about == replaced.kid
    call_command("rotatesigningkey")
    assert Event.objects.filter(kind=EventKind.KEY_PUBLISHED).count() == 2


def test_an_event_is_undone_with_its_transaction(api: API, alice: User) -> None:
    api.login(alice)
    forget()
    with transaction.atomic():
        User.objects.filter(pk=alice.pk).update(is_active=False)
        assert set(kinds()) == {EventKind.DEACTIVATED, EventKind.SESSION_ENDED}
        transaction.set_rollback(True)
    assert kinds() == []


def test_an_event_that_cannot_be_written_undoes_the_change(
    api: API, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards that signals are sent in the transaction: nothing happens without its event."""
    phone = api.login(alice)
    monkeypatch.setattr("tokens.events.store.TABLE", "missing")
    with pytest.raises(Exception, match="missing"):
        DeviceSession.objects.all().revoke(Reason.ADMIN)
    assert row(phone).revoked_at is None


def test_an_own_change_names_no_other_user(api: API, alice: User) -> None:
    person = signed_in(alice, FIREFOX)
    forget()
    person.post("", first_name="Alice")
    event = only(EventKind.NAME_CHANGED)
    assert (event.user, event.actor, event.ip_address) == (alice, None, HERE)


def test_an_event_is_named_by_its_kind() -> None:
    assert str(Event(kind=EventKind.SIGN_IN)) == str(EventKind.SIGN_IN.label)
