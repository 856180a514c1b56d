"""A wallboard in the terminal: the fold at a position, drawn."""

from collections import deque
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from cckit.core.reports import Wallboard, Zone

from .table import percent
from .text import plain, span_text

COLOURS: Final = {
    "ready": "green",
    "offered": "yellow",
    "busy": "cyan",
    "wrapup": "magenta",
    "not_ready": "bright_black",
    "fault": "red",
}
WORDS: Final = {"wrapup": "wrapping up", "not_ready": "not ready", "offered": "ringing"}
BARS: Final = " ▁▂▃▄▅▆▇█"
TREND: Final = 60
"""Columns of the curve."""
LATEST: Final = 4
"""Lines of what happened last."""
SLOW_US: Final = 60_000_000
"""A wait that is shown in yellow."""


class Board:
    """What a wallboard remembers from one picture to the next."""

    def __init__(self, zone: Zone, title: str) -> None:
        self.zone = zone
        self.title = title
        self.waited: deque[int] = deque(maxlen=TREND)
        self.latest: deque[str] = deque(maxlen=LATEST)
        self._highest = 1

    def remember(self, waiting: int) -> None:
        """Add a point to the curve of who waits."""
        self.waited.append(waiting)
        self._highest = max(self._highest, waiting)

    def picture(self, board: Wallboard, position: int, chain: bytes) -> RenderableType:
        """The whole board."""
        at = self.zone.local(board.at)
        head = Table.grid(expand=True)
        head.add_column()
        head.add_column(justify="right")
        clock = Text(f"{at:%H:%M:%S}", style="bold")
        head.add_row(Text(self.title, style="bold"), clock + Text(f"  {at:%A}", style="dim"))
        parts: list[RenderableType] = [
            head,
            Rule(style="bright_black"),
            self._queues(board),
            Text(),
            self._agents(board),
            self._curve(),
            Rule(style="bright_black"),
            *(Text(line, style="dim", overflow="ellipsis", no_wrap=True) for line in self._lines()),
            Rule(style="bright_black"),
            Text(f"log  {position + 1:,} events   chain {chain.hex()[:16]}…", style="dim"),
        ]
        return Padding(Group(*parts), (1, 2))

    def _queues(self, board: Wallboard) -> Table:
        table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
        table.add_column("queue", ratio=2)
        for name in ("waiting", "longest", "talking", "answered", "left", "in 20 s"):
            table.add_column(name, justify="right", ratio=1)
        for tile in board.queues:
            slow = (tile.longest_wait_us or 0) > SLOW_US
            table.add_row(
                Text(plain(tile.queue or "all"), style="" if tile.queue else "bold"),
                Text(str(tile.waiting), style="yellow" if tile.waiting else "dim"),
                Text(
                    "–" if tile.longest_wait_us is None else span_text(tile.longest_wait_us),
                    style="yellow" if slow else "dim",
                ),
                str(tile.talking),
                str(tile.answered),
                str(tile.abandoned),
                Text(_level(tile.service_level), style="bold" if tile.queue is None else ""),
            )
        return table

    def _agents(self, board: Wallboard) -> Text:
        text = Text("agents  ", style="dim")
        for state, count in board.agents.items():
            text.append("● " * count, style=COLOURS[state])
        text.append("\n        ")
        words = [
            f"{count} {WORDS.get(state, state)}" for state, count in board.agents.items() if count
        ]
        text.append(" · ".join(words) or "nobody is logged in", style="dim")
        return text

    def _curve(self) -> Text:
        text = Text("waiting ", style="dim")
        steps = len(BARS) - 1
        for count in self.waited:
            text.append(BARS[-(-count * steps // self._highest)], style="yellow")
        return text

    def _lines(self) -> list[str]:
        lines = [plain(line) for line in self.latest]
        return lines + [""] * (LATEST - len(lines))


def _level(cell: object) -> str:
    ppm = cell.get("ppm") if isinstance(cell, dict) else None
    return percent(ppm) if isinstance(ppm, int) else "–"
