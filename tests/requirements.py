"""The requirements that tests must prove: sections of standards, and the traps of docs/traps.md."""

import re
from pathlib import Path
from typing import TypeAlias

Requirement: TypeAlias = tuple[str, str]  # a document and its section

ROOT = Path(__file__).resolve().parent.parent
TRAPS = "Traps"
SECTIONS = {
    "ASVS 5.0": (
        "2.3.3 2.3.4 3.2.1 3.3.1 3.3.2 3.3.3 3.3.4 3.3.5 3.4.1 3.4.2 3.4.3 3.4.4 3.4.5 3.4.6 "
        "3.4.8 3.5.1 3.5.2 3.5.3 3.7.2 4.1.2 6.1.1 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.8 6.2.9 "
        "6.2.11 6.2.12 6.3.1 6.3.2 6.3.5 6.3.7 6.3.8 6.4.1 6.4.2 6.4.3 6.5.1 6.5.5 7.1.1 7.1.2 "
        "7.2.1 7.2.2 7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.3 7.4.4 7.4.5 7.5.1 7.5.2 8.2.1 "
        "8.2.2 8.2.3 9.1.1 9.1.2 9.1.3 9.2.1 9.2.2 9.2.3 9.2.4 10.3.1 10.3.3 10.4.5 10.4.8 "
        "10.4.9 11.2.3 11.2.4 11.4.1 11.4.2 11.5.1 13.3.1 13.3.4 14.2.1 14.2.2 14.3.1 14.3.2 "
        "15.3.3 16.2.1 16.2.4 16.2.5 16.3.1 16.4.1 16.5.1 16.5.3"
    ),
    "RFC 6265bis": "4.1.2.5 4.1.2.6 4.1.2.7 4.1.3.2 5.6",
    "RFC 6749": "2.3 2.3.1 3.2 3.3 4.4.2 4.4.3 5.1 5.2 6",
    "RFC 6750": "2 3 3.1",
    "RFC 7009": "2.1 2.2 2.2.1",
    "RFC 7517": "4.1 4.2 4.4 4.5 5",
    "RFC 7519": "4 4.1.4 4.1.5 7.2",
    "RFC 7638": "3.1",
    "RFC 7662": "2.1 2.2 2.3",
    "RFC 8414": "2 3.1 3.2 3.3",
    "RFC 8693": "2.1 2.2.1 2.2.2 4.1",
    "RFC 8707": "2 2.2",
    "RFC 8725": "3.1 3.2 3.8 3.9 3.10 3.11 3.12",
    "RFC 9068": "2.1 2.2 2.2.3 4 5",
    "RFC 9110": "12.5.3 15.4.5 15.5.16",
    "RFC 9700": "2.2.2 4.14.2",
    "Token Status List": "4 4.1 5.1 6.1",
}


def requirements() -> set[Requirement]:
    """Return every requirement, among them the numbered rows of docs/traps.md."""
    traps = re.findall(r"^\| (\d+) \|", (ROOT / "docs/traps.md").read_text(), re.MULTILINE)
    of_standards = {
        (document, section) for document, text in SECTIONS.items() for section in text.split()
    }
    return of_standards | {(TRAPS, number) for number in traps}
