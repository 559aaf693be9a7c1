"""A key that was kept in a file is imported into the database."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from tokens.keys import lifecycle
from tokens.keys.keyring import load_keyring
from tokens.models import SigningKey

pytestmark = pytest.mark.django_db(transaction=True)


def test_reading_the_settings_creates_no_key() -> None:
    call_command("check")
    assert not SigningKey.objects.exists()


def test_a_key_file_is_imported_and_deleted(tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "access-key.pem"
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    lifecycle.import_key_file(file)
    signer = load_keyring().signer
    assert signer.public.public_numbers() == private.public_key().public_numbers()
    assert not file.exists()
    lifecycle.import_key_file(file)
    assert SigningKey.objects.count() == 1


def test_a_late_key_file_is_deleted_and_not_imported(tmp_path: Path) -> None:
    signer = load_keyring().signer
    private = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "access-key.pem"
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    lifecycle.import_key_file(file)
    assert load_keyring().keys == (signer,)
    assert not file.exists()


def test_an_invalid_key_file_is_reported_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "access-key.pem"
    file.write_text("")
    with pytest.raises(ImproperlyConfigured, match=r"access-key\.pem is not a key"):
        lifecycle.import_key_file(file)
    assert file.exists()
