"""A key that was kept in a file is imported into the database."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from pytest_django import Settings

from tokens.keys import lifecycle
from tokens.keys.keyring import load_keyring
from tokens.models import SigningKey

pytestmark = pytest.mark.django_db(transaction=True)


def key_file(directory: Path) -> tuple[Path, ec.EllipticCurvePrivateKey]:
    """Return a new file with a private key, and that key."""
    file, private = directory / "access-key.pem", ec.generate_private_key(ec.SECP256R1())
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file, private


def test_reading_the_settings_creates_no_key() -> None:
    call_command("check")
    assert not SigningKey.objects.exists()


def test_a_key_file_is_imported_and_deleted(tmp_path: Path) -> None:
    file, private = key_file(tmp_path)
    lifecycle.import_key_file(file)
    signer = load_keyring().signer
    assert signer.public.public_numbers() == private.public_key().public_numbers()
    assert not file.exists()
    lifecycle.import_key_file(file)
    assert SigningKey.objects.count() == 1


@pytest.mark.parametrize(
    "prepare", [load_keyring, lifecycle.replace_all], ids=["first key", "replaced key"]
)
def test_a_late_key_file_is_deleted_and_not_imported(
    tmp_path: Path, prepare: Callable[[], object]
) -> None:
    load_keyring()
    prepare()
    signer = load_keyring().signer
    file, _ = key_file(tmp_path)
    lifecycle.import_key_file(file)
    assert load_keyring().keys == (signer,)
    assert not file.exists()


def test_a_key_created_during_the_import_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards that `follows` is unique: both keys are the first one and follow the `kid` ""."""
    file, _ = key_file(tmp_path)
    signer = load_keyring().signer
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "all_rows", list)  # as if it had read the keys before
        lifecycle.import_key_file(file)
    assert load_keyring().keys == (signer,)
    assert not file.exists()


def test_an_imported_key_keeps_its_own_algorithm(tmp_path: Path, settings: Settings) -> None:
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "ALGORITHM": "EdDSA"}
    file, _ = key_file(tmp_path)
    lifecycle.import_key_file(file)
    assert [key.algorithm for key in load_keyring().keys] == ["ES256", "EdDSA"]


def test_an_invalid_key_file_is_reported_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "access-key.pem"
    file.write_text("")
    with pytest.raises(ImproperlyConfigured, match=r"access-key\.pem is not a key"):
        lifecycle.import_key_file(file)
    assert file.exists()
