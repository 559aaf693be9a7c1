"""Isolate text that people wrote, which may run from right to left, inside other sentences."""

import unicodedata

#: Control characters that change the direction of the text after them (UAX 9, section 2).
CONTROLS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
RIGHT_TO_LEFT = {"R", "AL", "AN"}


def isolate(text: str) -> str:
    """Return the text without direction controls, and isolated if it runs from right to left.

    The text around it then keeps its direction (Unicode Standard Annex 9, section 2.4).
    """
    plain = text.translate(CONTROLS)
    is_mixed = any(unicodedata.bidirectional(character) in RIGHT_TO_LEFT for character in plain)
    return f"\N{FIRST STRONG ISOLATE}{plain}\N{POP DIRECTIONAL ISOLATE}" if is_mixed else plain
