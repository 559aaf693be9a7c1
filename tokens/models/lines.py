"""Text that must stay on one line: labels, names, and quotations in mails."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

#: Control characters (C0, DEL, C1) and Unicode's line and paragraph separators. They include every
#: character that makes some program begin a new line (Unicode Standard Annex 14).
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def validate_one_line(text: str) -> None:
    """Raise ValidationError if the text has a control character or a line separator."""
    if CONTROLS.search(text):
        raise ValidationError(_("Write this on one line, without control characters."), "one_line")


def one_line(text: str) -> str:
    """Return the text with control characters and line separators replaced by spaces."""
    return CONTROLS.sub(" ", text).strip()
