"""A sign-in stores the User-Agent header of its device as readable text."""

import pytest
from django.test import Client

from accounts.models import User
from tests.conftest import API
from tokens.models import DeviceSession

HEADERS = {
    "UTF-8": ("Kasse Köln/1 …".encode(), "Kasse Köln/1 …"),
    "Latin-1": ("Kasse Köln/1".encode("latin-1"), "Kasse Köln/1"),
    "controls in UTF-8": ("a\tb\x85c\u2028d".encode(), "a b c d"),
    "controls in Latin-1": (b"a\x9bb\xe9", "a b\xe9"),
    "only controls": (b"\x7f", ""),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("raw", "text"), HEADERS.values(), ids=HEADERS)
def test_a_user_agent_is_stored_as_text(alice: User, raw: bytes, text: str) -> None:
    API(Client(headers={"User-Agent": raw.decode("latin-1")})).login(alice)
    assert DeviceSession.objects.get().user_agent == text


@pytest.mark.django_db(transaction=True)
def test_a_user_agent_that_a_server_has_decoded_is_kept(alice: User) -> None:
    API(Client(headers={"User-Agent": "Kasse …"})).login(alice)
    assert DeviceSession.objects.get().user_agent == "Kasse …"
