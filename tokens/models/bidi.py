"""What people wrote, in sentences of ours: some of it runs from right to left, and may, alone."""

import unicodedata

#: Characters that turn everything around them until another closes them.
CONTROLS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
RIGHT_TO_LEFT = {"R", "AL", "AN"}


def isolate(text: str) -> str:
    """Return the text such that it turns nothing around that stands beside it."""
    plain = text.translate(CONTROLS)
    turns = any(unicodedata.bidirectional(character) in RIGHT_TO_LEFT for character in plain)
    return f"\N{FIRST STRONG ISOLATE}{plain}\N{POP DIRECTIONAL ISOLATE}" if turns else plain
