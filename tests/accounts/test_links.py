"""A mailed link works for the account as it was, also if the account changes while it is used."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from accounts import changes, links
from accounts.errors import InvalidLinkError
from accounts.models import User
from tests.conftest import API, PASSWORD

pytestmark = pytest.mark.django_db


def mailed_link(user: User) -> tuple[str, str]:
    """Return the `uid` and the `token` of a new link."""
    query = parse_qs(urlsplit(links.password_link(user)).query)
    return query["uid"][0], query["token"][0]


@pytest.mark.spec("ASVS 5.0", "6.4.3")
def test_a_sign_in_does_not_cancel_a_password_link(api: API, alice: User) -> None:
    """A thief who knows the password could otherwise keep the owner from choosing another one."""
    link = mailed_link(alice)
    thief = api.login(alice)
    changes.choose_password(*link, "nine dry herons")
    assert api.refresh(thief["refresh"]).status_code == 401


@pytest.mark.spec("ASVS 5.0", "6.4.3")
def test_a_password_link_works_once(alice: User) -> None:
    link = mailed_link(alice)
    changes.choose_password(*link, "nine dry herons")
    with pytest.raises(InvalidLinkError):
        changes.choose_password(*link, "five wet herons")


def test_an_undone_change_of_the_address_cancels_a_password_link(alice: User) -> None:
    link = mailed_link(alice)
    for address in ("new@example.org", alice.email):
        alice.refresh_from_db()
        link_to_confirm = links.email_link(alice, address, links.email_fingerprint(alice, address))
        changes.confirm_email(parse_qs(urlsplit(link_to_confirm).query)["token"][0])
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"
    assert links.user_of_password_link(*link) is None


@pytest.mark.spec("ASVS 5.0", "6.4.3")
@pytest.mark.parametrize("change", [{"email": "new@example.org"}, {"is_active": False}], ids=str)
def test_a_password_link_is_verified_again_after_hashing(
    alice: User, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """The owner leaves a mailbox while its reader uses a link that was sent there."""
    link = mailed_link(alice)
    hash_password = changes._hash

    def hash_slowly(*args: Any) -> str:
        User.objects.filter(pk=alice.pk).update(**change)
        return hash_password(*args)

    monkeypatch.setattr(changes, "_hash", hash_slowly)
    with pytest.raises(InvalidLinkError):
        changes.choose_password(*link, "nine dry herons")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
