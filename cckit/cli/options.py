"""Options that several commands share."""

from collections.abc import Sequence
from typing import Annotated, Any, Final

from cyclopts import Parameter, Token

INT_MAX: Final = 2**63 - 1
DIGITS: Final = len(str(INT_MAX))

Json = Annotated[bool, Parameter(name="--json")]
Who = Annotated[str | None, Parameter(name="--actor")]


def _whole(kind: Any, tokens: Sequence[Token]) -> int:
    text = tokens[0].value
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text[:40]!r} is not a whole number from 0 on")
    if len(text.lstrip("0")) > DIGITS or int(text) > INT_MAX:
        raise ValueError(f"{text[:40]} is too large: {INT_MAX} is the most")
    return int(text)


Whole = Annotated[int, Parameter(converter=_whole)]
"""0, 1, 2 …; cyclopts alone would round 1.5 and read 0x10."""
