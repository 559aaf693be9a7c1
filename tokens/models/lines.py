"""Text that has to stay on one line: labels, names, and what mails quote."""

import re

from django.core.exceptions import ValidationError

#: Control characters (C0, DEL, C1) and Unicode's line and paragraph separators. Every character at
#: which some program begins a new line is among them (Unicode Standard Annex 14).
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def validate_one_line(text: str) -> None:
    """Raise ValidationError if the text has a control character or a line separator."""
    if CONTROLS.search(text):
        raise ValidationError("Write this on one line, without control characters.", "one_line")


def one_line(text: str) -> str:
    """Return the text with a space in the place of control characters and line separators."""
    return CONTROLS.sub(" ", text).strip()
