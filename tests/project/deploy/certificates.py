"""A certificate for localhost, and a certificate authority that only one test trusts."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "localhost"


@dataclass(frozen=True)
class Certificate:
    """The files of a certificate and its key, and what a client needs to trust it."""

    chain: Path
    key: Path
    trust: ssl.SSLContext


def issue(directory: Path) -> Certificate:
    """Write a certificate for localhost, signed by a new authority, and its key."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = builder("Test authority", "Test authority", authority.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    leaf = builder(NAME, "Test authority", key.public_key()).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False
    )
    trusted = pem(root.sign(authority, hashes.SHA256()))
    files = Certificate(
        directory / "chain.pem",
        directory / "key.pem",
        ssl.create_default_context(cadata=trusted.decode()),
    )
    files.chain.write_bytes(pem(leaf.sign(authority, hashes.SHA256())) + trusted)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


def builder(subject: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
