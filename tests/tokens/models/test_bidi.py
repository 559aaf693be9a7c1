"""Text of users cannot change the text direction of the sentences around it."""

import pytest

from accounts.models import User
from tests.conftest import API, row
from tokens.models.bidi import isolate

OPENING = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068"
CLOSING = "\u202c\u2069"
WRITTEN = {
    "phone": "phone",
    "Alice’s phone, 2": "Alice’s phone, 2",
    "телефон": "телефон",
    "\u202eenohp": "enohp",
    f"a{OPENING}b{CLOSING}c": "abc",
    "\u2069\u202e": "",
    "הטלפון 5": "\u2068הטלפון 5\u2069",
    "هاتف": "\u2068هاتف\u2069",
    "\u2069\u202eهاتف": "\u2068هاتف\u2069",
    "phone\u200f": "\u2068phone\u200f\u2069",
    "": "",
}


@pytest.mark.parametrize(("text", "shown"), WRITTEN.items(), ids=ascii)
def test_text_of_users_does_not_change_the_text_around_it(text: str, shown: str) -> None:
    assert isolate(text) == shown


@pytest.mark.django_db
def test_a_label_of_control_characters_only_is_empty(api: API, alice: User) -> None:
    session = row(api.login(alice, "\u202e"))
    session.user_agent = "okhttp/4.12.0"
    assert session.device_name == "okhttp"
