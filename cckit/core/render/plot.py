"""Plots as inline SVG: drawn here, of integers only, so their bytes are always the same.

Every plot has a title and a description for who cannot see it; every bar names its value.
Colours come from the page's style sheet by class.
"""

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

from .printed import number, percent

WIDTH: Final = 960
LEFT: Final = 52
RIGHT: Final = 52
TOP: Final = 14
HEIGHT: Final = 220
BOTTOM: Final = 30
INNER: Final = WIDTH - LEFT - RIGHT
NAMES: Final = 170
VALUES: Final = 150
ROW: Final = 26
TICKS: Final = 4
LABELS: Final = 12
FULL: Final = 1_000_000


class Series(NamedTuple):
    """One colour of a stacked plot."""

    name: str
    style: str
    values: Sequence[int]


class Bar(NamedTuple):
    """One row of a plot of rows; ``parts`` are (style, value, text)."""

    name: str
    parts: Sequence[tuple[str, int, str]]
    text: str


def safe(text: str) -> str:
    """Text for HTML and SVG: escaped, control characters made visible."""
    shown = "".join("\N{REPLACEMENT CHARACTER}" if _is_control(c) else c for c in text)
    return escape(shown, quote=True)


def _is_control(c: str) -> bool:
    return (c < " " and c not in "\t\n") or "\x7f" <= c <= "\x9f" or "\ufdd0" <= c <= "\ufdef"


def stacked(
    name: str,
    title: str,
    description: str,
    labels: Sequence[str],
    series: Sequence[Series],
    line: Sequence[int | None] = (),
) -> str:
    """Bars upon each other, one column a label, and a line of ppm against the right axis."""
    totals = [sum(values) for values in zip(*(s.values for s in series), strict=True)]
    top = _nice(max(totals, default=0))
    out = [_open(name, title, description, TOP + HEIGHT + BOTTOM)]
    out += _grid(top, with_percent=bool(line))
    count = len(labels)
    for n, label in enumerate(labels):
        left, right = LEFT + INNER * n // count, LEFT + INNER * (n + 1) // count
        width = max(1, right - left - (2 if right - left > 5 else 0))
        below = 0
        for one in series:
            value = one.values[n]
            if value:
                low, high = HEIGHT * below // top, HEIGHT * (below + value) // top
                tip = f"{safe(label)} · {safe(one.name)} {number(value)}"
                out.append(
                    f'<rect class="{one.style}" x="{left}" y="{TOP + HEIGHT - high}" '
                    f'width="{width}" height="{high - low}"><title>{tip}</title></rect>'
                )
            below += value
        if n % max(1, -(-count // LABELS)) == 0:
            out.append(_text(left, TOP + HEIGHT + 18, _short(label, labels), "start"))
    out += _line(line)
    out.append("</svg>")
    return "".join(out)


def rows(
    name: str, title: str, description: str, bars: Sequence[Bar], full: int, names: int = NAMES
) -> str:
    """A row a bar, its parts side by side, against ``full``; ``names`` is their names' room."""
    out = [_open(name, title, description, TOP + ROW * len(bars) + 8)]
    space = WIDTH - names - VALUES
    for n, bar in enumerate(bars):
        y = TOP + ROW * n
        out.append(_text(names - 10, y + 15, _cut(bar.name, names), "end", "name"))
        out.append(
            f'<rect class="track" x="{names}" y="{y + 3}" width="{space}" height="{ROW - 9}"/>'
        )
        before = 0
        for style, value, text in bar.parts:
            left = names + space * before // max(1, full)
            right = names + space * (before + value) // max(1, full)
            if right > left:
                tip = f"{safe(bar.name)} · {safe(text)}"
                out.append(
                    f'<rect class="{style}" x="{left}" y="{y + 3}" width="{right - left}" '
                    f'height="{ROW - 9}"><title>{tip}</title></rect>'
                )
            before += value
        out.append(_text(names + space + 8, y + 15, bar.text, "start", "value"))
    out.append("</svg>")
    return "".join(out)


def _open(name: str, title: str, description: str, height: int) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" direction="ltr" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{safe(title)}</title>'
        f'<desc id="{name}-desc">{safe(description)}</desc>'
    )


def _text(x: int, y: int, text: str, anchor: str, style: str = "axis") -> str:
    return f'<text class="{style}" x="{x}" y="{y}" text-anchor="{anchor}">{safe(text)}</text>'


def _cut(text: str, room: int) -> str:
    """Text that surely fits: no letter of 13 pixels is wider than half of that, on average."""
    fits = room // 7
    return text if len(text) <= fits else text[: fits - 1] + "…"


def _grid(top: int, *, with_percent: bool) -> list[str]:
    out = []
    for tick in range(TICKS + 1):
        y = TOP + HEIGHT - HEIGHT * tick // TICKS
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        out.append(_text(LEFT - 8, y + 4, number(top * tick // TICKS), "end"))
        if with_percent:
            out.append(_text(WIDTH - RIGHT + 8, y + 4, f"{100 * tick // TICKS} %", "start"))
    return out


def _line(line: Sequence[int | None]) -> list[str]:
    """A line through the middles of the columns, broken where there is no value."""
    out: list[str] = []
    points: list[str] = []
    for n, ppm in enumerate([*line, None]):
        if ppm is None:
            if len(points) > 1:
                out.append(f'<polyline class="line" points="{" ".join(points)}"/>')
            points = []
            continue
        x = LEFT + INNER * (2 * n + 1) // (2 * len(line))
        y = TOP + HEIGHT - HEIGHT * min(max(ppm, 0), FULL) // FULL
        points.append(f"{x},{y}")
        out.append(
            f'<circle class="dot" cx="{x}" cy="{y}" r="3"><title>{percent(ppm)}</title></circle>'
        )
    return out


def _nice(value: int) -> int:
    """The least 4, 8, 12, 20, 40 … times a power of ten that is not below a value."""
    scale = 1
    while True:
        for step in (4, 8, 12, 20):
            if step * scale >= value:
                return step * scale
        scale *= 10


def _short(label: str, labels: Sequence[str]) -> str:
    """A label as an axis has room for it: the hour, or the day where that is new."""
    if label[4:5] != "-":
        return label
    day, _, time = label.partition("T")
    if not time:
        return day[5:]
    one_day = day == labels[0].partition("T")[0] == labels[-1].partition("T")[0]
    return time[:5] if one_day or time[:5] != "00:00" else day[5:]
