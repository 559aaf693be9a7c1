"""A mailed link works for the account as it was, also if the account changes while it is used."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from accounts import changes, links
from accounts.errors import InvalidLinkError
from accounts.models import User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.mark.spec("ASVS 5.0", "6.4.3")
@pytest.mark.parametrize("change", [{"email": "new@example.org"}, {"is_active": False}], ids=str)
def test_a_password_link_is_verified_again_after_hashing(
    alice: User, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """The owner leaves a mailbox while its reader uses a link that was sent there."""
    query = parse_qs(urlsplit(links.password_link(alice)).query)
    hash_password = changes._hash

    def hash_slowly(*args: Any) -> str:
        User.objects.filter(pk=alice.pk).update(**change)
        return hash_password(*args)

    monkeypatch.setattr(changes, "_hash", hash_slowly)
    with pytest.raises(InvalidLinkError):
        changes.choose_password(query["uid"][0], query["token"][0], "nine dry herons")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)
