"""A report for people: few rows stand side by side, many below each other."""

from typing import Any, Final

from rich.table import Table

from cckit.core.reports import Column, Document

from .output import console
from .text import plain, span_text

SIDE_BY_SIDE: Final = 4
"""Rows up to which a wide report is turned, a line a column."""
WIDE: Final = 10
ROWS_SHOWN: Final = 200
HIDDEN: Final = ("interval_at", "interval_us")
LEFT: Final = ("text", "instant", "flags")
UNBOUNDED: Final = 10_000
GAP: Final = 2
"""Between two columns."""
MEANING: Final = 20
"""Columns of the screen that a definition's title needs at least."""
Row = tuple[Any, ...]


def show(document: Document) -> None:
    """Print a report on standard output."""
    out = console()
    if not out.is_terminal:  # A file is as wide as it has to be.
        out = console(UNBOUNDED)
    for line in header_lines(document):
        out.print(plain(line), style="dim", markup=False)
    out.print()
    columns = [
        (n, column) for n, column in enumerate(document.table.columns) if column.name not in HIDDEN
    ]
    rows = document.table.rows
    if not rows:
        out.print("no rows")
    elif len(rows) <= SIDE_BY_SIDE and len(columns) > WIDE:
        for n, some in enumerate(_side_by_side(document, columns, out.width)):
            if n:
                out.print()
            out.print(_turned(document, columns, some, out.width))
    else:
        fitting = _fitting(document, columns, out.width)
        out.print(_straight(document, fitting))
        if len(rows) > ROWS_SHOWN:
            out.print(f"… and {len(rows) - ROWS_SHOWN:,} more rows: --format csv has them all")
        if len(fitting) < len(columns):
            left = ", ".join(column.name for _, column in columns[len(fitting) :])
            out.print(f"… and {left}: --format csv has them all", markup=False)


def _fitting(
    document: Document, columns: list[tuple[int, Column]], width: int
) -> list[tuple[int, Column]]:
    """The first columns that fit side by side."""
    used, fitting = 0, []
    for n, column in columns:
        cells = (_cell(document, column, row[n]) for row in document.table.rows[:ROWS_SHOWN])
        used += max([len(_title(column)), *map(len, cells)]) + GAP
        if used > width + GAP:
            break
        fitting.append((n, column))
    return fitting


def _title(column: Column) -> str:
    return plain(column.name.removesuffix("_us"))


def header_lines(document: Document) -> list[str]:
    """What the numbers are of: the log, its position, the zone, the definitions."""
    header = document.header
    chain = str(header["chain"])[:16]
    zone = header["zone"]
    within = {d.T for d in document.table.definitions if d.T}
    promise = f", in time is within {span_text(within.pop())}" if len(within) == 1 else ""
    place = f"zone {zone['name']} ({zone['iana']})"
    return [
        f"{header['report']} of a log that is {header['kind'] or 'empty'}",
        f"position {header['position']}, chain {chain}…, {place}{promise}",
    ]


def text_of(document: Document, column: Column, value: Any) -> str:
    """A cell for people."""
    if value is None:
        return "–"
    if column.kind == "instant":
        return document.zone.text(value)
    if column.kind == "us":
        return span_text(value)
    if column.kind == "ratio":
        ppm = value["ppm"]
        return f"– ({value['why']})" if ppm is None else percent(ppm)
    if column.kind == "mean":
        us = value["mean_us"]
        return f"– ({value['why']})" if us is None else span_text(us)
    if column.kind == "flags":
        return " ".join(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def percent(ppm: int) -> str:
    """Parts per million as percent with two decimals, half away from zero."""
    sign, hundredths = ("-" if ppm < 0 else ""), (abs(ppm) + 50) // 100
    return f"{sign}{hundredths // 100}.{hundredths % 100:02} %"


def _straight(document: Document, columns: list[tuple[int, Column]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for _, column in columns:
        justify: Any = "left" if column.kind in LEFT else "right"
        table.add_column(_title(column), justify=justify, no_wrap=True)
    for row in document.table.rows[:ROWS_SHOWN]:
        table.add_row(*(_cell(document, column, row[n]) for n, column in columns))
    return table


def _side_by_side(
    document: Document, columns: list[tuple[int, Column]], width: int
) -> list[list[Row]]:
    """The rows in groups that fit beside each other."""
    names = max(len(_title(column)) for _, column in columns)
    groups: list[list[Row]] = []
    used = width
    for row in document.table.rows:
        needs = _width(document, columns, row) + GAP
        if used + needs > width:
            groups.append([])
            used = names
        groups[-1].append(row)
        used += needs
    return groups


def _width(document: Document, columns: list[tuple[int, Column]], row: Row) -> int:
    return max(len(_cell(document, column, row[n])) for n, column in columns)


def _turned(
    document: Document, columns: list[tuple[int, Column]], some: list[Row], width: int
) -> Table:
    """Rows as columns; what a line means stands beside it where there is room."""
    used = max(len(_title(column)) for _, column in columns)
    used += sum(_width(document, columns, row) + GAP for row in some)
    meanings = width - used > MEANING
    titles = {d.id: d.title for d in document.table.definitions} if meanings else {}
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, GAP, 0, 0))
    table.add_column(style="bold", overflow="fold")
    for _ in some:
        table.add_column(justify="right", no_wrap=used <= width, overflow="fold")
    if meanings:
        table.add_column(style="dim")
    for n, column in columns:
        cells = [_cell(document, column, row[n]) for row in some]
        meaning = [titles.get(column.definition or "", "")] if meanings else []
        table.add_row(_title(column), *cells, *meaning)
    return table


def _cell(document: Document, column: Column, value: Any) -> str:
    if column.name == "queue" and value is None:
        return "all"
    return plain(text_of(document, column, value)).replace("[", "\\[")
