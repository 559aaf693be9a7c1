"""An administrator rotates and replaces the signing keys."""

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from tests.conftest import API, Clock
from tests.tokens.admin.pages import staff
from tokens.keys import lifecycle
from tokens.keys.keyring import load_keyring
from tokens.models import SigningKey

pytestmark = pytest.mark.django_db

KEYS = "/admin/tokens/signingkey/"


def states(client: Client) -> list[str]:
    return re.findall(r'class="field-state">([^<]+)<', client.get(KEYS).content.decode())


def test_keys_are_listed_with_their_state(carol: Client, clock: Clock) -> None:
    load_keyring()
    lifecycle.rotate()
    assert states(carol) == ["signs later", "signs"]
    clock.forward(minutes=10)
    assert states(carol) == ["signs", "verifies"]
    clock.forward(minutes=7)
    assert states(carol) == ["signs", "removed"]


def test_a_key_verifies_longer_with_a_longer_lifetime(
    carol: Client, clock: Clock, settings: Settings
) -> None:
    load_keyring()
    lifecycle.rotate()
    clock.forward(minutes=17)
    longer = {"ACCESS_TOKEN_LIFETIME": timedelta(hours=1)}
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, **longer}
    assert states(carol) == ["signs", "verifies"]


def test_a_button_publishes_the_next_key(carol: Client) -> None:
    first = load_keyring().signer.kid
    assert "Publish the next key" in carol.get(KEYS).content.decode()
    answer = carol.post(f"{KEYS}rotate/", follow=True)
    next_key = SigningKey.objects.get(follows=first)
    assert f"The key {next_key} is published and signs from" in answer.content.decode()
    assert LogEntry.objects.get().object_repr == next_key.kid


def test_replacing_all_keys_says_what_happens_and_asks(
    api: API, alice: User, carol: Client
) -> None:
    api.login(alice)
    before = load_keyring().signer.kid
    assert f'href="{KEYS}replace/"' in carol.get(KEYS).content.decode()
    page = carol.get(f"{KEYS}replace/").content.decode()
    for sentence in (
        "Every access token becomes invalid immediately.",
        "when they next refresh (sessions: 1)",  # alice's, and not the browser of carol
        "300 seconds at most.",
    ):
        assert sentence in page
    unconfirmed = carol.post(f"{KEYS}replace/").content.decode()
    assert "Nothing was changed. Tick the box to confirm." in unconfirmed
    assert load_keyring().signer.kid == before


def test_an_emergency_replaces_all_keys(carol: Client) -> None:
    first = load_keyring().signer.kid
    carol.post(f"{KEYS}replace/", {"confirmed": "yes"})
    assert SigningKey.objects.get().follows == first


def test_the_history_distinguishes_emergency_and_rotation(carol: Client) -> None:
    load_keyring()
    carol.post(f"{KEYS}rotate/")
    carol.post(f"{KEYS}replace/", {"confirmed": "yes"})
    emergency, rotation = LogEntry.objects.order_by("-pk")
    assert rotation.get_change_message() == "Rotated."
    assert emergency.get_change_message() == "Emergency: replaced all signing keys."
    assert emergency.object_id == str(SigningKey.objects.get().pk)


@pytest.mark.parametrize(
    ("permission", "shown", "status"),
    [("view_signingkey", False, 403), ("change_signingkey", True, 302)],
)
def test_rotating_keys_needs_the_change_permission(
    db: None, *, permission: str, shown: bool, status: int
) -> None:
    load_keyring()
    client = staff("dave", permission)
    assert ("Publish the next key" in client.get(KEYS).content.decode()) is shown
    assert client.get(f"{KEYS}replace/").status_code == (200 if shown else 403)
    assert client.post(f"{KEYS}replace/", {"confirmed": ""}).status_code == status
    assert client.post(f"{KEYS}rotate/").status_code == status
    assert SigningKey.objects.count() == (2 if status == 302 else 1)


def test_opening_the_page_rotates_nothing_and_shows_no_secret(carol: Client) -> None:
    key = load_keyring().signer
    assert carol.get(f"{KEYS}rotate/").status_code == 405
    row = SigningKey.objects.get()
    page = carol.get(f"{KEYS}{row.pk}/change/").content.decode()
    assert key.kid in page
    assert "private" not in page.lower()
    for path in ("add/", f"{row.pk}/delete/"):
        assert carol.get(f"{KEYS}{path}").status_code == 403
