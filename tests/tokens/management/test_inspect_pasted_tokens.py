"""`inspecttoken` finds a token in the text that it was copied with."""

import json
import re

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from tests.conftest import API
from tests.support.wrappings import WRAPPINGS
from tests.tokens.management.conftest import Inspect

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_a_token_is_found_in_copied_text(
    api: API, alice: User, inspect: Inspect, wrapping: str
) -> None:
    phone = api.login(alice)
    for kind in ("access", "refresh"):
        assert "accepted now: yes" in inspect(wrapping.format(phone[kind]))[1]


def test_a_token_as_an_argument_is_refused_and_not_repeated(db: None) -> None:
    with pytest.raises(CommandError, match="standard input") as error:
        call_command("inspecttoken", "eyJ.secret.signature")
    assert "secret.signature" not in str(error.value)


def test_the_refresh_token_of_a_pasted_pair_is_described(
    api: API, alice: User, inspect: Inspect
) -> None:
    phone = api.login(alice)
    assert "kind: refresh" in inspect(json.dumps(phone))[1]


def test_a_token_quoted_in_a_mail_is_found(api: API, alice: User, inspect: Inspect) -> None:
    phone = api.login(alice)
    quoted = "\n> ".join(re.findall(".{1,76}", phone["access"]))
    assert "accepted now: yes" in inspect(f"> {quoted}\n")[1]
