"""A start does not hide that the secret key was lost."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from accounts.models import User
from project.serving.serve import keep_secret_key, report_new_key
from tests.conftest import API
from tokens.models import SigningKey


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose secret key is empty."""
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.delenv("SECRET_KEY_FALLBACKS", raising=False)
    file = tmp_path / ".env"
    file.write_text("SECRET_KEY=\n")
    return file


def test_no_key_is_made_beside_a_fallback(file: Path) -> None:
    text = "SECRET_KEY=\nSECRET_KEY_FALLBACKS=old\n"
    file.write_text(text)
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is empty although"):
        keep_secret_key(file)
    assert file.read_text() == text


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        *(
            (line, r"Line 1 of {file} is not NAME=value\.")
            for line in (
                *("SECRET_KEY = mine", "  SECRET_KEY=mine", "export  SECRET_KEY=mine"),
                *("SECRET_KEY ='mine'", "SECRET_KEY: mine", "\ufeff\ufeffSECRET_KEY=mine"),
            )
        ),
        ("SECRET_KEY=mine\nSECRET_KEY=", "{file} sets SECRET_KEY, and then an empty one"),
        ("export SECRET_KEY=mine\nSECRET_KEY=", "{file} sets SECRET_KEY, and then an empty one"),
    ],
)
def test_an_unreadable_key_is_reported_and_not_replaced(file: Path, line: str, reason: str) -> None:
    file.write_text(f"{line}\nEXAMPLE=8100\n")
    with pytest.raises(ImproperlyConfigured, match=reason.format(file=file)) as refused:
        keep_secret_key(file)
    assert "mine" not in str(refused.value)
    assert file.read_text() == f"{line}\nEXAMPLE=8100\n"


def test_a_key_after_a_byte_order_mark_is_kept(file: Path) -> None:
    """Editors on Windows write the mark."""
    file.write_text("SECRET_KEY=mine\n", encoding="utf-8-sig")
    before = file.read_bytes()
    assert not keep_secret_key(file)
    assert file.read_bytes() == before


def test_a_start_knows_whether_it_made_the_key(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keep_secret_key(file)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    assert not keep_secret_key(file)


@pytest.mark.django_db
def test_a_new_key_of_an_old_site_is_reported(
    api: API, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    SigningKey.objects.all().delete()
    report_new_key()
    assert "secret_key_replaced" not in caplog.text
    api.login(alice)
    report_new_key()
    assert "secret_key_replaced" in caplog.text
