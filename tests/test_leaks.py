"""The search for leaked secrets finds them, wherever they come out."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.contenttypes.models import ContentType

from accounts.models import User
from tests.conftest import PASSWORD
from tests.support.leaks import ALLOWED, Leaks, search_tables
from tokens.crypto.encoding import base64url

JTI = "a-jti-of-a-token-9"
CLAIMS = base64url(json.dumps({"sub": "alice", "jti": JTI}).encode())
TOKEN = f"eyJhbGciOiJub25lIn0.{CLAIMS}.{base64url(b's' * 32)}"


@pytest.fixture
def leaks() -> Leaks:
    leaks = Leaks()
    leaks.handled(f'{{"refresh": "{TOKEN}"}}')
    leaks.kept_secret("a password", PASSWORD)
    leaks.kept_secret("an Idempotency-Key", "the-key-of-a-client")
    return leaks


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"Bearer {TOKEN}", "the signature of a token"),
        (f"claims={CLAIMS}", "the claims of a token"),
        (f"refused jti={JTI!r}", "the jti of a token"),
        (f'{{"password": "{PASSWORD}"}}', "a password"),
        ("key: the-key-of-a-client", "an Idempotency-Key"),
    ],
    ids=["token", "claims", "jti", "password", "Idempotency-Key"],
)
def test_a_secret_is_found_and_not_repeated(leaks: Leaks, text: str, what: str) -> None:
    leaks.written("here", text)
    found = leaks.found()
    assert f"{what}, here" in found
    assert not any(secret in line for line in found for secret in (JTI, CLAIMS, PASSWORD))


def test_what_is_not_secret_is_not_found(leaks: Leaks) -> None:
    leaks.written("here", f"user=alice hash={make_password(PASSWORD)} eyJhbGciOiJub25lIn0")
    assert leaks.found() == []


@pytest.mark.django_db
def test_a_secret_in_a_table_is_found_with_its_column(leaks: Leaks, alice: User) -> None:
    kind = ContentType.objects.get_for_model(User)
    entry = LogEntry.objects.create(
        user=alice, content_type=kind, action_flag=2, object_repr="x", change_message=JTI
    )
    search_tables(leaks)
    entry.delete()
    assert leaks.found() == ["the jti of a token, in django_admin_log.change_message"]
    assert ("django_admin_log", "change_message") not in ALLOWED


@pytest.mark.django_db
def test_a_secret_that_takes_the_place_of_other_text_is_found(leaks: Leaks, alice: User) -> None:
    search_tables(leaks)
    assert leaks.found() == []
    User.objects.filter(pk=alice.pk).update(first_name=JTI)
    search_tables(leaks)
    assert leaks.found() == ["the jti of a token, in accounts_user.first_name"]
