"""Options that several commands share."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter, Token

Json = Annotated[bool, Parameter(name="--json")]


def _whole(kind: Any, tokens: Sequence[Token]) -> int:
    text = tokens[0].value
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise ValueError(f"{text[:40]!r} is not a whole number from 0 on")
    return int(text)


Whole = Annotated[int, Parameter(converter=_whole)]
"""0, 1, 2 …; cyclopts alone would round 1.5 and read 0x10."""
