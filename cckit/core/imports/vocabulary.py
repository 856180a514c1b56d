"""What the words of a visit may be, whether the mapping or a cell says them."""

import re
from collections.abc import Mapping
from typing import Final

from cckit.core.edges import CHANNEL, DIRECTION, ID, NAME_CHARS, Words

PRIORITY: Final = Words(re.compile("[0-9]{1,9}"), "False", "give a whole number from 0 on")
WORDS: Final[Mapping[str, Words]] = {
    "channel": CHANNEL,
    "direction": DIRECTION,
    "queue": ID,
    "priority": PRIORITY,
}
"""Of the other fields any text is taken."""
UNMAPPED: Final = "is not in the mapping"
"""How the reason ends of a row whose cell the mapping does not know."""


def is_word(text: str, words: Words) -> bool:
    """Whether a text is a name of these words, of a length that the log takes."""
    return len(text) <= NAME_CHARS and words.pattern.fullmatch(text) is not None
