"""A day with Latchkey: sign-ins, a theft, a lost laptop and a new password."""

from typing import Any

import pytest

from accounts.models import User
from tests.conftest import API, PASSWORD, Clock, row

pytestmark = pytest.mark.django_db(transaction=True)


NEW_PASSWORD = "nine dry herons"


def devices(api: API, pair: dict[str, Any]) -> dict[str, str]:
    """Return the ids of the user's sessions by the names of their devices."""
    listed = api.get("sessions/", bearer=pair["access"]).json()
    return {entry["device"]: entry["id"] for entry in listed}


def test_a_day_with_latchkey(api: API, clock: Clock) -> None:
    # Alice gets an account. She signs in on her phone and, by e-mail address, on her laptop.
    alice = User.objects.create_user("alice", "alice@example.org", PASSWORD)
    phone = api.login(alice, "phone")
    body = {"username": "Alice@Example.org", "password": PASSWORD, "device": "laptop"}
    laptop = api.post("login/", body).json()

    # Her access token gives access to her data for five minutes. Then the phone refreshes.
    assert len(devices(api, phone)) == 2
    clock.forward(minutes=6)
    assert api.get("sessions/", bearer=phone["access"]).status_code == 401
    stolen = phone["refresh"]
    phone = api.rotated(phone["refresh"], key="what only the phone knows")

    # The response is lost. The phone repeats the request and receives the same refresh token.
    again = api.rotated(stolen, key="what only the phone knows")
    assert again["refresh"] == phone["refresh"]

    # A thief uses a copy of the spent token. After a minute this revokes the phone's session only.
    assert api.refresh(stolen).status_code == 409
    clock.forward(minutes=1)
    assert api.refresh(stolen).status_code == 401
    assert api.refresh(phone["refresh"]).status_code == 401
    assert row(phone).revoked_reason == "reuse"
    laptop = api.rotated(laptop["refresh"])

    # Alice signs in again on the phone, and revokes the session of her lost laptop from there.
    phone = api.login(alice, "phone")
    api.delete(f"sessions/{devices(api, phone)['laptop']}/", bearer=phone["access"])
    assert api.refresh(laptop["refresh"]).status_code == 401
    assert api.post("verify/", {"token": laptop["access"]}).status_code == 401

    # Her password changes: the site revokes every session of the old password.
    alice.set_password(NEW_PASSWORD)
    alice.save()
    assert api.refresh(phone["refresh"]).status_code == 401
    assert row(phone).revoked_reason == "credentials_changed"

    # Revoked sessions stay revoked. She signs in with the new password.
    assert api.post("login/", {"username": "alice", "password": NEW_PASSWORD}).status_code == 200
