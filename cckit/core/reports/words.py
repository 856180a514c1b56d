"""A table keeps each text once and counts it: rows then hold small integers.

A million rows a day must fit in memory, and most of their texts repeat. Codes go by first
appearance, so they depend on nothing but the log.
"""

from collections.abc import Sequence


class Words:
    """Texts by code. Code 0 is null."""

    __slots__ = ("codes", "texts")

    def __init__(self) -> None:
        self.codes: dict[str | None, int] = {None: 0}
        self.texts: list[str | None] = [None]

    def code(self, text: str | None) -> int:
        """The code of a text, new if it was never seen."""
        code = self.codes.get(text)
        if code is None:
            code = self.codes[text] = len(self.texts)
            self.texts.append(text)
        return code

    def dump(self) -> Sequence[str | None]:
        """All texts by code."""
        return tuple(self.texts)
