"""Which plots a report has, and what they show."""

from collections import Counter
from itertools import pairwise
from typing import Any, Final

from cckit.core.instant import SECOND
from cckit.core.reports.arithmetic import add_ratios
from cckit.core.reports.report import Column, Document

from .catalog import Language
from .plot import FULL, Bar, Series, rows, stacked
from .printed import MISSING, duration, number, percent

COLUMNS_MAX: Final = 430
"""More columns than that cannot be told apart."""
AGENTS_MAX: Final = 60
TITLES: Final = 470
"""Pixels: the room for a definition's title."""
STATES: Final = (
    ("busy_us", "busy"),
    ("in_wrapup_us", "wrapup"),
    ("ready_us", "ready"),
    ("offered_us", "ring"),
    ("not_ready_us", "away"),
    ("fault_us", "fault"),
)
WAITS: Final = (0, 1, 5, 10, 20, 30, 60, 120, 180, 300, 600, 1200)
"""Seconds: where the classes of waits begin."""


class Row(dict[str, Any]):
    """A table's row by column name."""


def maps(document: Document) -> list[Row]:
    """All rows by column name."""
    names = [column.name for column in document.table.columns]
    return [Row(zip(names, row, strict=True)) for row in document.table.rows]


def charts(document: Document, language: Language) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Plots of a report: (caption, SVG, legend of (style, word))."""
    if not document.table.rows:
        return []
    match document.header["report"]:
        case "service-level":
            found = [_volume(document, language), _levels(document, language)]
        case "queue-intervals":
            found = [_volume(document, language)]
        case "agent-summary":
            found = [_agents(document, language)]
        case "contacts":
            found = [_waits(document, language)]
        case _:
            found = []
    return [chart for chart in found if chart is not None]


Chart = tuple[str, str, list[tuple[str, str]]]


def level_of(document: Document) -> Column | None:
    """The first service level of a report, sl.offered where it is there."""
    levels = [c for c in document.table.columns if c.definition and c.kind == "ratio"]
    offered = [c for c in levels if c.name == "sl.offered"]
    return next(iter(offered or levels), None)


def level_title(document: Document, column: Column, language: Language) -> str:
    found = {d.id: d for d in document.table.definitions}
    return language.title(found[column.definition or ""])


def _volume(document: Document, language: Language) -> Chart | None:
    totals = [row for row in maps(document) if row["queue"] is None]
    if not 1 < len(totals) <= COLUMNS_MAX:
        return None
    level = level_of(document)
    title = level_title(document, level, language) if level else ""
    caption = language.word("plot volume").format(metric=f"“{title}”")
    groups = (("A", "good", ("A",)), ("B", "bad", ("B",)), ("other", "other", ("F", "D", "E")))
    series = [
        Series(language.word(word), style, [sum(row[n] for n in names) for row in totals])
        for word, style, names in groups
    ]
    if "open" in totals[0]:
        series.append(Series(language.word("open"), "still", [row["open"] for row in totals]))
    line = [row[level.name]["ppm"] for row in totals] if level else []
    said = ", ".join(f"{s.name} {number(sum(s.values))}" for s in series)
    svg = stacked("volume", caption, said, [row["interval"] for row in totals], series, line)
    legend = [(s.style, s.name) for s in series]
    return caption, svg, [*legend, ("line", title)] if level else legend


def _levels(document: Document, language: Language) -> Chart | None:
    totals = [row for row in maps(document) if row["queue"] is None]
    bars = []
    for column in document.table.columns:
        if column.definition and column.kind == "ratio":
            cell = add_ratios([row[column.name] for row in totals])
            ppm = cell["ppm"]
            text = percent(ppm) if isinstance(ppm, int) else MISSING
            share = min(max(ppm, 0), FULL) if isinstance(ppm, int) else 0
            parts = f"{cell['numerator']} / {cell['denominator']}"
            title = level_title(document, column, language)
            bars.append(Bar(title, [("good", share, parts)], f"{text}  ({parts})"))
    if not bars:
        return None
    caption = language.word("plot levels")
    said = ", ".join(f"{bar.name} {bar.text}" for bar in bars)
    return caption, rows("levels", caption, said, bars, FULL, TITLES), []


def _agents(document: Document, language: Language) -> Chart | None:
    spent: dict[str, Counter[str]] = {}
    for row in maps(document):
        if row["agent"] is not None:
            times = spent.setdefault(row["agent"], Counter())
            for name in ("talk_us", "logged_in_us", *(name for name, _ in STATES)):
                times[name] += row[name] or 0
    if not 0 < len(spent) <= AGENTS_MAX:
        return None
    known = any(times["logged_in_us"] for times in spent.values())
    parts = STATES if known else (("talk_us", "busy"),)
    whole = "logged_in_us" if known else "talk_us"
    caption = language.word("plot agents" if known else "plot talk")
    bars = [
        Bar(
            agent,
            [
                (style, t[name], f"{language.word(name)} {duration(t[name])}")
                for name, style in parts
            ],
            duration(t[whole]),
        )
        for agent, t in spent.items()
    ]
    said = ", ".join(f"{bar.name} {bar.text}" for bar in bars)
    full = max(t[whole] for t in spent.values())
    legend = [(style, language.word(name)) for name, style in parts]
    return caption, rows("agents", caption, said, bars, full), legend


def _waits(document: Document, language: Language) -> Chart | None:
    groups = {"A": "good", "B": "bad", "other": "other"}
    counts: dict[str, list[int]] = {name: [0] * len(WAITS) for name in groups}
    for row in maps(document):
        if row["wait_us"] is not None and row["outcome"] is not None:
            place = sum(row["wait_us"] >= start * SECOND for start in WAITS) - 1
            name = row["outcome"] if row["outcome"] in groups else "other"
            counts[name][max(0, place)] += 1
    caption = language.word("plot waits")
    series = [Series(language.word(n), groups[n], counts[n]) for n in groups]
    unit = language.word("seconds")
    labels = [f"{a}–{b} {unit}" for a, b in pairwise(WAITS)]
    labels.append(f"{WAITS[-1]}+ {unit}")
    said = ", ".join(f"{s.name} {number(sum(s.values))}" for s in series)
    svg = stacked("waits", caption, said, labels, series)
    return caption, svg, [(s.style, s.name) for s in series]
