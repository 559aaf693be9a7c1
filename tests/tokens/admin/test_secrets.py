"""No page of the admin shows a secret, or the time of a rotation."""

import pytest
from django.test import Client
from django.utils.formats import date_format, time_format

from accounts.models import User
from tests.conftest import API, Clock, row
from tests.support.staff import BLACKLIST, SESSIONS, USERS
from tests.tokens.admin.pages import end
from tests.tokens.jwt.forging import parts
from tokens.models import BlacklistedToken

pytestmark = pytest.mark.django_db


@pytest.mark.trap(25)
@pytest.mark.spec("ASVS 5.0", "16.2.5")
def test_nothing_secret_is_on_any_page(api: API, alice: User, carol: Client) -> None:
    pair = api.rotated(api.login(alice)["refresh"], key="k" * 20)
    session = row(pair)
    carol.post(BLACKLIST + "add/", {"token": pair["access"]})
    entry = BlacklistedToken.objects.get()
    end(carol, pair)
    hidden = [part for kind in ("access", "refresh") for part in pair[kind].split(".")[1:]]
    hidden += [alice.password.rpartition("$")[2][:6], parts(pair["refresh"])[1]["jti"]]
    for name in ("secret_hash", "nonce", "retry_hash", "credential_tag"):
        secret = bytes(getattr(session, name))
        hidden += [secret.hex(), str(secret), name]
    hidden += ["rotated_at", "idle_expires_at"]
    pages = [
        *(f"{SESSIONS}{tail}" for tail in ("", f"{session.pk}/change/", f"{session.pk}/history/")),
        *(f"{BLACKLIST}{tail}" for tail in ("", f"{entry.pk}/change/", f"{entry.pk}/history/")),
        *(f"{USERS}{tail}" for tail in ("", f"{alice.pk}/change/", f"{alice.pk}/delete/")),
        "/admin/",
    ]
    for page in pages:
        shown = carol.get(page).content.decode()
        assert not [secret for secret in hidden if secret in shown], page


@pytest.mark.trap(54)
def test_no_page_shows_the_time_of_a_rotation(
    api: API, alice: User, carol: Client, clock: Clock
) -> None:
    """With it, a thief can time the grace period."""
    pair = api.login(alice)
    clock.forward(days=1, hours=1, minutes=7)
    session = row(api.rotated(pair["refresh"]))
    clock.forward(minutes=9)
    carol.force_login(User.objects.get(username="carol"))
    for page in (SESSIONS, f"{SESSIONS}{session.pk}/change/", f"{USERS}{alice.pk}/change/"):
        shown = carol.get(page).content.decode()
        assert date_format(session.last_used_on) in shown
        assert time_format(session.rotated_at) not in shown
