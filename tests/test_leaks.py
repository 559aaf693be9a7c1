"""The search for leaked secrets finds them in logs, output and tables."""

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
SERVICE_SECRET = f"latchkey_{'7' * 38}"
TOKEN = f"eyJhbGciOiJub25lIn0.{CLAIMS}.{base64url(b's' * 32)}"


@pytest.fixture
def leaks() -> Leaks:
    leaks = Leaks()
    leaks.add_tokens(f'{{"refresh": "{TOKEN}"}}')
    leaks.add_tokens(f"client_secret={SERVICE_SECRET}&scope=stock")
    leaks.add_secret("a password", PASSWORD)
    leaks.add_secret("an Idempotency-Key", "the-key-of-a-client")
    return leaks


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"Bearer {TOKEN}", "the signature of a token"),
        (f"claims={CLAIMS}", "the claims of a token"),
        (f"refused jti={JTI!r}", "the jti of a token"),
        (f'{{"password": "{PASSWORD}"}}', "a password"),
        ("key: the-key-of-a-client", "an Idempotency-Key"),
        (f"refused {SERVICE_SECRET}", "a secret of a service account"),
        (f"key={SERVICE_SECRET[9:]}", "a secret of a service account, without its prefix"),
    ],
    ids=["token", "claims", "jti", "password", "Idempotency-Key", "secret", "part of a secret"],
)
def test_a_secret_is_found_and_not_repeated(leaks: Leaks, text: str, what: str) -> None:
    leaks.add_text("here", text)
    report = leaks.report()
    assert f"{what}, here" in report
    secrets = (JTI, CLAIMS, PASSWORD, SERVICE_SECRET[9:])
    assert not any(secret in line for line in report for secret in secrets)


def test_text_without_secrets_is_accepted(leaks: Leaks) -> None:
    leaks.add_text(
        "here",
        f"user=alice hash={make_password(PASSWORD)} eyJhbGciOiJub25lIn0 {SERVICE_SECRET[:13]}…",
    )
    assert leaks.report() == []


@pytest.mark.django_db
def test_a_secret_in_a_table_is_found_with_its_column(leaks: Leaks, alice: User) -> None:
    kind = ContentType.objects.get_for_model(User)
    entry = LogEntry.objects.create(
        user=alice, content_type=kind, action_flag=2, object_repr="x", change_message=JTI
    )
    search_tables(leaks)
    entry.delete()
    assert leaks.report() == ["the jti of a token, in django_admin_log.change_message"]
    assert ("django_admin_log", "change_message") not in ALLOWED


@pytest.mark.django_db
def test_a_secret_that_replaces_other_text_is_found(leaks: Leaks, alice: User) -> None:
    search_tables(leaks)
    assert leaks.report() == []
    User.objects.filter(pk=alice.pk).update(first_name=JTI)
    search_tables(leaks)
    assert leaks.report() == ["the jti of a token, in accounts_user.first_name"]
