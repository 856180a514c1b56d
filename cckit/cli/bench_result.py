"""What a benchmark answers, in the shape that scripts rely on."""

from typing import TypedDict


class Ratio(TypedDict):
    """Ours to the rival's."""

    numerator: int
    denominator: int
    ppm: int
    """Millionths, rounded down."""


class Result(TypedDict):
    """One measured figure beside its rival's and the raw loop's, all in ``unit``."""

    name: str
    unit: str
    ours: int
    rival: int
    ratio: Ratio
    raw: int


def result(name: str, unit: str, ours: float, rival: float, raw: float) -> Result:
    """Figures as whole numbers; what is measured in this run has no more digits."""
    top, bottom = round(ours), max(1, round(rival))
    ratio = Ratio(numerator=top, denominator=bottom, ppm=top * 1_000_000 // bottom)
    return Result(name=name, unit=unit, ours=top, rival=bottom, ratio=ratio, raw=round(raw))
