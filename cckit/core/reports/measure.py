"""A definition applied to counts: one cell, divided once."""

from collections import Counter
from typing import Any

from .arithmetic import NOT_MEASURED, Mean, Ratio, mean, no_mean, no_ratio, ratio
from .definitions import Definition
from .report import Column

Counts = Counter[str]


def evaluate(definition: Definition, counts: Counts) -> tuple[int, int | None]:
    """Numerator and denominator of a definition; None is no denominator."""
    if definition.calc == "pq@1":
        counts = Counter(counts)
        counts["O_T"] = counts["O"] + counts["due"]
    numerator = _sum(definition.num, counts)
    return numerator, None if definition.den is None else _sum(definition.den, counts)


def _sum(weights: Any, counts: Counts) -> int:
    return sum(weight * counts[name] for name, weight in weights.items())


def measure(
    definition: Definition, counts: Counts, known: frozenset[str]
) -> Ratio | Mean | int | None:
    """One cell; what the log has not measured is null and says so."""
    is_mean = definition.unit == "mean"
    if not known.issuperset(definition.needs):
        if definition.den is None:
            return None
        return no_mean(NOT_MEASURED) if is_mean else no_ratio(NOT_MEASURED)
    numerator, denominator = evaluate(definition, counts)
    if denominator is None:
        return numerator
    return (mean if is_mean else ratio)(numerator, denominator, definition.round)


def column(definition: Definition, known: frozenset[str], name: str | None = None) -> Column:
    """The column of a definition, under its own name unless another is given."""
    kind = definition.unit
    if definition.den is None and kind != "us":
        kind = "int"
    why = None if known.issuperset(definition.needs) else NOT_MEASURED
    return Column(name or definition.name, kind, definition.rule, definition.id, why)
