"""The format of a service account's secret."""

import re
import tomllib
from pathlib import Path

import pytest

from tokens.service_accounts import secrets


def test_a_secret_has_a_prefix_random_characters_and_a_checksum() -> None:
    assert re.fullmatch(r"latchkey_[0-9A-Za-z]{32}[0-9A-Za-z]{6}", secrets.generate())


def test_two_secrets_differ() -> None:
    assert secrets.generate() != secrets.generate()


def test_a_generated_secret_is_well_formed() -> None:
    assert all(secrets.is_well_formed(secrets.generate()) for _ in range(200))


@pytest.mark.trap(71)
@pytest.mark.parametrize(
    ("text", "checksum"),
    [
        pytest.param("0" * 32, "2wjyrI", id="CRC32 2,700,251,856"),
        pytest.param("9122".rjust(32, "0"), "000C2N", id="CRC32 46,275, three leading zeros"),
    ],
)
def test_the_checksum_is_the_crc32_in_six_base62_digits(text: str, checksum: str) -> None:
    assert secrets.checksum(text) == checksum
    assert secrets.is_well_formed(f"latchkey_{text}{checksum}")


GOOD = secrets.generate()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(GOOD[:-1], id="one character short"),
        pytest.param(GOOD + "A", id="one character long"),
        pytest.param(GOOD.replace("latchkey_", "Latchkey_"), id="another prefix"),
        pytest.param(GOOD + "\n", id="a line feed after it"),
        pytest.param("latchkey_" + "é" * 38, id="not ASCII"),
        pytest.param("latchkey_" + "٣" * 38, id="digits that are not ASCII"),
    ],
)
def test_another_text_is_not_a_secret(text: str) -> None:
    assert not secrets.is_well_formed(text)


@pytest.mark.parametrize("position", range(9, 47))
def test_a_typing_error_is_found(position: int) -> None:
    other = "a" if GOOD[position] != "a" else "b"
    assert not secrets.is_well_formed(GOOD[:position] + other + GOOD[position + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD, id="alone"),
        pytest.param(f"key={GOOD}&next=1", id="in a URL"),
        pytest.param(f"my{GOOD}s", id="within a word"),
        pytest.param(f"latchkey_ {GOOD}", id="after the prefix alone"),
        pytest.param(f"{GOOD[:20]}\r\n> {GOOD[20:]} and more", id="folded by a mail"),
        pytest.param(f"latchkey_{'0' * 38} {GOOD}", id="after a mistyped one"),
    ],
)
def test_a_secret_is_found_in_other_text(text: str) -> None:
    assert secrets.extract(text) == GOOD


def test_no_secret_is_found_in_text_without_one() -> None:
    assert secrets.extract(f"latchkey_{'0' * 38} {GOOD[:-1]}") is None


def test_the_rule_for_secret_scanners_finds_every_secret_and_no_mistaken_one() -> None:
    document = (Path(__file__).parents[3] / "docs" / "programs.md").read_text()
    (block,) = re.findall(r"```toml\n(.*?)```", document, re.DOTALL)
    (rule,) = tomllib.loads(block)["rules"]
    assert all(word in GOOD for word in rule["keywords"])
    for _ in range(200):
        secret = secrets.generate()
        for text in (secret, f'KEY="{secret}"', f"?key={secret}&a=b"):
            assert re.findall(rule["regex"], text) == [secret]
    for text in (GOOD[:-1], GOOD + "a", f"my{GOOD}", "latchkey_session"):
        assert not re.search(rule["regex"], text)
