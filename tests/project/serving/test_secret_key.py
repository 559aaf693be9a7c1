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
