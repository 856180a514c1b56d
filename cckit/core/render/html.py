"""A report as one HTML file: no network, no script, plots inline, ready to print.

Everything that is not ours is escaped and stands in ``bdi``, so that no text can change the
direction of what is around it. The page's policy forbids all but its own style.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from cckit.core.reports.arithmetic import add_ratios
from cckit.core.reports.definitions import Definition
from cckit.core.reports.report import Column, Document

from .catalog import Language, language
from .charts import charts, level_of, level_title, maps
from .json_ import fingerprint
from .plot import safe
from .printed import MISSING, cell, duration, instant, interval, number, percent
from .style import STYLE

ROWS_MAX: Final = 5000
"""A page with more is slow in any browser."""
HIDDEN: Final = frozenset({"interval_at", "interval_us"})
"""The interval's label says the same."""
LEFT_TO_RIGHT: Final = frozenset({"contact", "stream", "type"})
ACROSS_MAX: Final = 6
"""A service level has so many columns that so few rows are better turned."""


def render(document: Document, lang: str = "en") -> bytes:
    """The report as UTF-8 HTML in English or Hebrew.

    :raises ConfigError: another language.

    .. versionadded:: 0.1
    """
    words = language(lang)
    return "".join(_page(document, words)).encode()


def _page(document: Document, words: Language) -> Iterator[str]:
    header = document.header
    name = header["report"]
    title = safe(words.word(name))
    yield (
        f'<!doctype html>\n<html lang="{words.code}" dir="{words.direction}">\n<head>\n'
        '<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="cckit">\n<title>{title} · cckit</title>\n'
        f"<style>\n{STYLE}</style>\n</head>\n<body>\n"
    )
    yield f'<header>\n<h1>{title}</h1>\n<p class="lead">{safe(words.word(name + "?"))}</p>\n'
    yield f"{_facts(document, words)}</header>\n<main>\n"
    yield from _tiles(document, words)
    for caption, svg, legend in charts(document, words):
        yield f"<figure>\n<figcaption>{safe(caption)}</figcaption>\n{svg}\n"
        yield f"{_legend(legend)}</figure>\n"
    yield from _table(document, words)
    yield from _definitions(document.table.definitions, words)
    yield from _counts(header["counts"], words)
    yield from _proof(document, words)
    yield "</main>\n</body>\n</html>\n"


def _facts(document: Document, words: Language) -> str:
    header, zone = document.header, document.zone
    first, last = header["from"], header["to"]
    kind = words.word(header["kind"] or MISSING)
    step = header["interval"]
    facts = [
        f'<span class="kind">{safe(kind)}</span>',
        f"{_ltr(instant(first, zone))} – {_ltr(instant(last, zone))}",
        _ltr(zone.name),
    ]
    if step:
        facts.append(f"<bdi>{safe(_step(step, words))}</bdi>")
    return '<p class="facts">' + " · ".join(facts) + "</p>\n"


def _step(step: str, words: Language) -> str:
    """An interval's length: ``30 min``, ``per day``."""
    return words.word("minutes").format(n=step) if step.isdecimal() else words.word(step)


def _tiles(document: Document, words: Language) -> Iterator[str]:
    """The whole range in a few figures."""
    name = document.header["report"]
    rows = maps(document)
    if not rows or name not in ("service-level", "queue-intervals"):
        return
    totals = [row for row in rows if row["queue"] is None]
    yield '<dl class="tiles">\n'
    for count in ("arrived", "A", "B", "open"):
        if count in totals[0]:
            yield _tile(words.word(count), number(sum(row[count] for row in totals)), "")
    level = level_of(document)
    if level is not None:
        share = add_ratios([row[level.name] for row in totals])
        parts = f"{share['numerator']} / {share['denominator']}"
        yield _tile(level_title(document, level, words), _share(share["ppm"]), parts)
    yield "</dl>\n"


def _share(ppm: Any) -> str:
    return percent(ppm) if isinstance(ppm, int) else MISSING


def _tile(name: str, value: str, parts: str) -> str:
    small = f"<small>{_ltr(parts)}</small>" if parts else ""
    return f"<div><dt>{safe(name)}</dt><dd>{_ltr(value)}{small}</dd></div>\n"


def _legend(legend: Sequence[tuple[str, str]]) -> str:
    if not legend:
        return ""
    items = "".join(f'<li><i class="{style}"></i>{safe(word)}</li>' for style, word in legend)
    return f'<ul class="legend">{items}</ul>\n'


# --- the table ----------------------------------------------------------------------------


def _table(document: Document, words: Language) -> Iterator[str]:
    rows = document.table.rows
    name = safe(words.word(document.header["report"]))
    if not rows:
        yield f"<p>{safe(words.word('no rows'))}</p>\n"
        return
    yield f'<div class="scroll" role="region" tabindex="0" aria-label="{name}">\n'
    if document.header["report"] == "service-level" and len(rows) <= ACROSS_MAX:
        yield from _across(document, words, name)
    else:
        yield from _down(document, words, name)
    yield "</div>\n"
    yield from _not_measured(document, words)
    if len(rows) > ROWS_MAX:
        note = words.word("rows shown").format(shown=number(ROWS_MAX), all=number(len(rows)))
        yield f"<p>{safe(note)}</p>\n"


def _not_measured(document: Document, words: Language) -> Iterator[str]:
    """Columns that are null as a whole are named, not shown."""
    missing: dict[str, list[str]] = {}
    for column in document.table.columns:
        if column.why:
            missing.setdefault(column.why, []).append(words.word(column.name))
    for why, names in missing.items():
        yield f"<p>{safe(words.word(why))}: {safe(', '.join(names))}.</p>\n"


def _down(document: Document, words: Language, name: str) -> Iterator[str]:
    """The table as it is: a line a row."""
    columns = enumerate(document.table.columns)
    shown = [(n, c) for n, c in columns if c.name not in HIDDEN and not c.why]
    yield f"<table>\n<caption>{name}</caption>\n<thead><tr>"
    for _, column in shown:
        yield _heading(column, words)
    yield "</tr></thead>\n<tbody>\n"
    for row in document.table.rows[:ROWS_MAX]:
        group = [row[n] for n, c in shown if c.name in ("queue", "agent")]
        total = document.header["interval"] and group == [None]
        yield '<tr class="total">' if total else "<tr>"
        for place, (n, column) in enumerate(shown):
            yield _cell(column, row[n], document, words, first=place == 0)
        yield "</tr>\n"
    yield "</tbody>\n</table>\n"


def _across(document: Document, words: Language, name: str) -> Iterator[str]:
    """Few rows of many columns, turned: a line a column, with its title in full."""
    columns = document.table.columns
    heads = [(n, c) for n, c in enumerate(columns) if c.name in ("interval", "queue")]
    yield f'<table class="wide">\n<caption>{name}</caption>\n<thead>\n'
    for n, column in heads:
        yield f'<tr><th scope="row">{safe(words.word(column.name))}</th>'
        for row in document.table.rows:
            yield f'<th scope="col" class="n">{_text(column, row[n], document, words)}</th>'
        yield "</tr>\n"
    yield "</thead>\n<tbody>\n"
    for n, column in enumerate(columns):
        if column.name in HIDDEN or (n, column) in heads:
            continue
        title = safe(words.word(column.name))
        if column.definition:
            long = safe(level_title(document, column, words))
            title = f"<code>{safe(column.name)}</code><span>{long}</span>"
        yield f'<tr><th scope="row">{title}</th>'
        for row in document.table.rows:
            yield f'<td class="n">{_number(column, row[n], document, words)}</td>'
        yield "</tr>\n"
    yield "</tbody>\n</table>\n"


def _heading(column: Column, words: Language) -> str:
    style = "" if column.kind in ("text", "flags") else ' class="n"'
    if column.definition and column.name == column.definition.partition("@")[0]:
        return f'<th scope="col"{style}><code>{safe(column.name)}</code></th>'
    return f'<th scope="col"{style}>{safe(words.word(column.name))}</th>'


def _cell(column: Column, value: Any, document: Document, words: Language, *, first: bool) -> str:
    is_text = column.kind in ("text", "flags")
    text = (_text if is_text else _number)(column, value, document, words)
    if first:
        return f'<th scope="row">{text}</th>'
    style = "" if is_text else ' class="n"'
    return f"<td{style}>{text}</td>"


def _text(column: Column, value: Any, document: Document, words: Language) -> str:
    if value is None and column.name in ("queue", "agent") and document.header["interval"]:
        return safe(words.word("all queues" if column.name == "queue" else "all agents"))
    printed = cell(column, value, document.zone, words)
    if column.name == "interval":
        return _ltr(words.word("whole range") if printed == "all" else interval(printed))
    return _ltr(printed) if column.name in LEFT_TO_RIGHT else f"<bdi>{safe(printed)}</bdi>"


def _number(column: Column, value: Any, document: Document, words: Language) -> str:
    printed = cell(column, value, document.zone, words)
    parts = {"ratio": "ppm", "mean": "mean_us"}.get(column.kind)
    if value is None or (parts and value[parts] is None):
        return f'<span class="null">{safe(printed)}</span>'
    if column.kind == "ratio":
        divided = f"{value['numerator']} / {value['denominator']}"
        return f"{_ltr(printed)}<small>{_ltr(divided)}</small>"
    return _ltr(printed)


def _ltr(text: str) -> str:
    return f'<bdi dir="ltr">{safe(text)}</bdi>'


# --- what it stands on --------------------------------------------------------------------


def formula(definition: Definition) -> str:
    """``A_T / (A + B − B_T)``; ``p90(wait_A)`` of what is no sum."""
    above = _sum(definition.num.items())
    if definition.unit == "us" and definition.calc:
        above = f"{definition.calc.partition('@')[0]}({above})"
    return above if definition.den is None else f"{above} / {_sum(definition.den.items())}"


def _sum(weights: Any) -> str:
    text = ""
    several = len(weights) > 1
    for name, weight in weights:
        sign = "−" if weight < 0 else "+"
        times = "" if abs(weight) == 1 else f"{abs(weight)}·"
        text += f" {sign} {times}{name}" if text or weight < 0 else f"{times}{name}"
    return f"({text.strip()})" if several else text.strip()


def _definitions(definitions: Sequence[Definition], words: Language) -> Iterator[str]:
    if not definitions:
        return
    yield f'<section>\n<h2>{safe(words.word("definitions"))}</h2>\n<dl class="definitions">\n'
    for one in definitions:
        limits = [f"{name} = {duration(us)}" for name, us in (("T", one.T), ("s", one.s)) if us]
        told = [_ltr(formula(one)), *map(_ltr, limits), safe(words.word(f"by {one.rule}"))]
        yield (
            f"<dt><code>{safe(one.id)}</code></dt><dd>{safe(words.title(one))} "
            f"<span>{' · '.join(told)}</span>"
            f'<code class="hash">{one.hash}</code></dd>\n'
        )
    yield "</dl>\n</section>\n"


def _counts(counts: dict[str, Any], words: Language) -> Iterator[str]:
    yield f"<section>\n<h2>{safe(words.word('counts'))}</h2>\n"
    found = [(name, value) for name, value in counts.items() if value]
    if not found:
        yield f"<p>{safe(words.word('nothing untidy'))}</p>\n"
    else:
        yield '<dl class="counts">\n'
        for name, value in found:
            word = words.word("count open" if name == "open" else name)
            yield f"<dt>{safe(word)}</dt><dd>{_count(name, value)}</dd>\n"
        yield "</dl>\n"
    yield "</section>\n"


def _count(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"<bdi>{safe(why)}</bdi>: {number(n)}" for why, n in sorted(value.items()))
    return _ltr(duration(value) if name.endswith("_us") else number(value))


def _proof(document: Document, words: Language) -> Iterator[str]:
    header, zone = document.header, document.zone
    rules = ", ".join(words.word(f"by {rule}") for rule in header["rule"])
    projections = ", ".join(f"{name} {n}" for name, n in sorted(header["projections"].items()))
    facts = [
        ("kind", words.word(header["kind"] or MISSING)),
        ("source", header["source"]),
        ("seed", None if header["seed"] is None else str(header["seed"])),
        ("position", None if header["position"] is None else str(header["position"])),
        ("as_of", instant(header["as_of"], zone)),
        ("chain", header["chain"]),
        ("zone", f"{zone.name}, tzdata {zone.iana}, SHA-256 {zone.sha256}"),
        ("rule", rules),
        ("projections", projections),
        ("edition", str(header["edition"])),
        ("json_sha256", fingerprint(document)),
    ]
    yield f'<section class="proof">\n<h2>{safe(words.word("proof"))}</h2>\n<dl>\n'
    for name, value in facts:
        if value:
            yield f"<dt>{safe(words.word(name))}</dt><dd><bdi>{safe(value)}</bdi></dd>\n"
    yield "</dl>\n</section>\n"
