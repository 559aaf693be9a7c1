"""The format of a service account's secret: `latchkey_`, 32 random characters, 6 of checksum.

The prefix lets secret scanners find a leaked secret, and the checksum lets the site refuse a
mistyped one without a query. The site stores only the SHA-256 of a secret: with 190 random bits a
slow hash would add nothing but delay.
"""

import hashlib
import re
import secrets
import string
import zlib

PREFIX = "latchkey_"
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LENGTH = 32  # characters, log2(62) = 5.95 bits each
CHECKSUM_LENGTH = 6  # characters: 62**6 is more than 2**32
#: Characters of a secret that lists show, so that people can tell secrets apart.
SHOWN_LENGTH = len(PREFIX) + 4
SECRET = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{RANDOM_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})")
#: Enough of a secret to say that a person meant to paste one.
PART = re.compile(rf"{PREFIX}[0-9A-Za-z]{{16}}")


def generate() -> str:
    """Return a new secret, 47 characters."""
    text = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return f"{PREFIX}{text}{checksum(text)}"


def checksum(text: str) -> str:
    """Return the CRC32 of the text as 6 base62 characters, with leading zeros."""
    number = zlib.crc32(text.encode("ascii"))
    digits = []
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))


def is_well_formed(text: str) -> bool:
    """Return whether the text has the format of a secret and a correct checksum: no query."""
    match = SECRET.fullmatch(text)
    return match is not None and checksum(match[1]) == match[2]


def extract(text: str) -> str | None:
    """Return the first well-formed secret in the text, or None.

    It is also found in a line that a mail or a terminal has folded.
    """
    found = (match[1] for match in re.finditer(rf"(?=({SECRET.pattern}))", _unfold(text)))
    return next(filter(is_well_formed, found), None)


def is_mistyped(text: str) -> bool:
    """Return whether the text contains a part of a secret, but no well-formed secret."""
    return PART.search(_unfold(text)) is not None and extract(text) is None


def _unfold(text: str) -> str:
    return re.sub(r"[\s>]+", "", text)


def digest(secret: str) -> bytes:
    """Return the SHA-256 of a secret, 32 bytes: the key of its row."""
    return hashlib.sha256(secret.encode("ascii")).digest()
