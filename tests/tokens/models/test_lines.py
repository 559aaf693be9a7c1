"""A label or name stays on one line: it is refused with a line break, and written without."""

import sys
import unicodedata

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from tests.conftest import API, PASSWORD, row
from tokens.models import DeviceSession
from tokens.models.lines import one_line, validate_one_line

#: Characters that end a line or a paragraph for some program, or control a terminal.
BREAKS = {
    "a line feed": "\n",
    "a carriage return": "\r",
    "two blank lines": "\r\n\r\n",
    "a vertical tab": "\v",
    "a form feed": "\f",
    "a tab": "\t",
    "an escape": "\x1b",
    "a delete": "\x7f",
    "the next line of C1": "\x85",
    "a line separator": "\u2028",
    "a paragraph separator": "\u2029",
}


@pytest.mark.django_db
@pytest.mark.parametrize("characters", BREAKS.values(), ids=BREAKS)
def test_a_label_of_two_lines_is_refused(api: API, alice: User, characters: str) -> None:
    label = f"phone{characters}Visit https://evil.example"
    body = {"username": "alice", "password": PASSWORD, "device": label}
    answer = api.post("login/", body)
    assert (answer.status_code, [*answer.json()]) == (400, ["device"])
    assert not DeviceSession.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("label", ["Alice’s 📱", "הטלפון", "👩\u200d💻", "phone\u202e", " phone\n"])
def test_a_label_of_one_line_is_kept_in_any_script(api: API, alice: User, label: str) -> None:
    assert row(api.login(alice, label)).device == label.strip()


def test_no_character_that_begins_a_line_is_left_in_a_text() -> None:
    """Every character of Unicode is tried: str.splitlines knows which begin a line."""
    for code in range(sys.maxunicode + 1):
        text = f"a{chr(code)}b"
        breaks = len(text.splitlines()) > 1 or unicodedata.category(chr(code)) in ("Cc", "Zl", "Zp")
        assert one_line(text) == ("a b" if breaks else text)
        if breaks:
            with pytest.raises(ValidationError):
                validate_one_line(text)
        else:
            validate_one_line(text)


@pytest.mark.parametrize(
    ("text", "line"), [("a\r\n\r\n\tb", "a b"), ("\n", ""), ("\u2029a\x00", "a"), ("a  b", "a  b")]
)
def test_a_run_of_line_breaks_becomes_one_space(text: str, line: str) -> None:
    assert one_line(text) == line
