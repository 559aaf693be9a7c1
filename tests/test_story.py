"""One day with Latchkey, from the first sign-in to the thief who comes too late."""

import pytest

from accounts.models import User
from tests.conftest import API, PASSWORD, Clock, row

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_day_with_latchkey(api: API, clock: Clock) -> None:
    # Alice is given an account and signs in on her phone and, by e-mail address, on her laptop.
    alice = User.objects.create_user("alice", "alice@example.org", PASSWORD)
    phone = api.login(alice, "phone")
    body = {"username": "Alice@Example.org", "password": PASSWORD, "device": "laptop"}
    laptop = api.post("login/", body).json()

    # Her access token opens what is hers for five minutes. Then the phone refreshes.
    assert len(api.get("sessions/", bearer=phone["access"]).json()) == 2
    clock.forward(minutes=6)
    assert api.get("sessions/", bearer=phone["access"]).status_code == 401
    stolen = phone["refresh"]
    phone = api.rotated(phone["refresh"], key="what only the phone knows")

    # The answer is lost on the way: the phone asks again and gets what it was given before.
    again = api.rotated(stolen, key="what only the phone knows")
    assert again["refresh"] == phone["refresh"]

    # A thief has copied the spent token. At once he gets nothing; a minute later he is found out,
    # and the phone's session is over for both of them. The laptop's is not.
    assert api.refresh(stolen).status_code == 409
    clock.forward(minutes=1)
    assert api.refresh(stolen).status_code == 401
    assert api.refresh(phone["refresh"]).status_code == 401
    assert row(phone).revoked_reason == "reuse"
    laptop = api.rotated(laptop["refresh"])

    # Alice signs in again on the phone, and from there ends the laptop, which she has lost.
    phone = api.login(alice, "phone")
    (lost,) = [
        entry
        for entry in api.get("sessions/", bearer=phone["access"]).json()
        if entry["device"] == "laptop"
    ]
    api.delete(f"sessions/{lost['id']}/", bearer=phone["access"])
    assert api.refresh(laptop["refresh"]).status_code == 401
    assert api.post("verify/", {"token": laptop["access"]}).status_code == 401

    # Her password is changed, by whatever way: every session that was built on the old one ends.
    alice.set_password("nine dry herons")
    alice.save()
    assert api.refresh(phone["refresh"]).status_code == 401
    assert row(phone).revoked_reason == "credentials_changed"

    # What was ended stays ended, and is not the last word: she signs in with the new password.
    body = {"username": "alice", "password": "nine dry herons"}
    assert api.post("login/", body).status_code == 200
