"""``cckit demo``: a simulated morning, and everything that can be asked of its log."""

import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep
from typing import Annotated, Any, Final, NamedTuple

from cyclopts import Parameter
from rich.console import Console
from rich.live import Live

from cckit.core import facts as f
from cckit.core.codec import Codec
from cckit.core.events import Recorded
from cckit.core.instant import SECOND, Instant
from cckit.core.projection import AnyProjection
from cckit.core.registry import Registry
from cckit.core.render import render_html, render_json
from cckit.core.reports import (
    REPORTS,
    AgentIntervals,
    Document,
    Folding,
    LogFactsOf,
    Parameters,
    Segments,
    Source,
    Zone,
    now,
    write,
)
from cckit.core.upcasters import UPCASTERS
from cckit.core.verify import Verdict
from cckit.shell.clock import SystemClock
from cckit.shell.logs.appearing import refuse_existing
from cckit.shell.logs.folding import fold
from cckit.shell.logs.stories import moment_of
from cckit.shell.proof.checking import verify_log
from cckit.shell.zones import read_zone
from cckit.stores.sqlite import SqliteStore
from cckit.testing import World, read_staffing, read_traffic
from cckit.testing.draws import digest

from .codes import GOOD, NO
from .logs import open_log
from .options import Json, Whole
from .output import console, print_json
from .story import clock, moment_json, moment_lines
from .table import percent
from .text import plain
from .wallboard import Board
from .words import say

MORNING: Final = Path(__file__).with_name("morning")
STEP_US: Final = 30 * SECOND
"""Of simulated time, a picture of the wallboard."""
PICTURE_US: Final = 45_000
"""Of real time."""
NARROWEST: Final = 76
"""Columns of the wallboard: the curve and its margins."""
CURVE_STEPS: Final = 8
"""Pictures to a point of the curve."""
PROJECTIONS: Final[tuple[AnyProjection, ...]] = (Segments(), AgentIntervals(), LogFactsOf())
SHOWN: Final = ("sl.answered", "sl.offered", "sl.ignored", "sl.positive")
TOLD: Final = (f.OfferMade, f.OfferExpired, f.ContactClosed, f.QueueEntered)
"""What the wallboard tells of."""


class Morning(NamedTuple):
    """A morning that is over."""

    log: Path
    customers: int
    states: dict[str, Any]
    """Folded while it happened."""
    source: Source
    offer: int
    """A decision worth explaining."""


def demo(
    *,
    live: Annotated[bool, Parameter(negative="--no-live")] = True,
    seed: Whole = 7,
    out: Path | None = None,
    json: Json = False,
) -> int:
    """Play a simulated morning on a live wallboard, then explain, verify and rebuild it.

    It needs no network and no configuration and takes less than a minute. The same seed
    gives the same log, to the byte.

    :param live: show the wallboard; --no-live is for scripts.
    :param seed: all chance comes from it.
    :param out: keep the log (morning.db) and an HTML report (morning.html) in this folder.
    :param json: print {seed, customers, log, service_level, explained, verify, report_sha256,
        rebuilt_sha256, same}.
    """
    screen = Console()
    shows = live and not json and _has_room(screen)
    zone = read_zone(str(read_traffic(MORNING / "traffic.toml").zone), "demo")
    with _Folder(out) as folder:
        play = _Play(folder / "morning.db", seed, zone)
        morning = play.live(screen) if shows else play.quiet()
        lived = _report(morning.states, morning.source, zone)
        verdict = verify_log(morning.log, events=True)
        rebuilt = _rebuilt(morning.log, zone)
        if out is not None:
            (folder / "morning.html").write_bytes(render_html(lived))
        same = render_json(lived) == render_json(rebuilt)
        if json:
            print_json(_as_json(seed, morning, lived, rebuilt, verdict, zone, out))
        else:
            _tell(morning, lived, rebuilt, verdict, zone, out)
    return GOOD if same and verdict.ok else NO


def _has_room(screen: Console) -> bool:
    """Whether the wallboard can be drawn; a line that wraps would be drawn again and again."""
    if not screen.is_terminal or screen.is_dumb_terminal:
        return False
    if screen.width >= NARROWEST:
        return True
    told = f"cckit demo: the wallboard needs {NARROWEST} columns; playing without it"
    print(told, file=sys.stderr)
    return False


class _Folder:
    """Where the log is written: a folder of the user's, or one that is gone afterwards."""

    def __init__(self, out: Path | None) -> None:
        self._out = out
        self._temporary: TemporaryDirectory[str] | None = None

    def __enter__(self) -> Path:
        if self._out is None:
            self._temporary = TemporaryDirectory(prefix="cckit-demo-")
            return Path(self._temporary.name)
        for name in ("morning.db", "morning.html"):
            refuse_existing(self._out / name)
        self._out.mkdir(parents=True, exist_ok=True)
        return self._out

    def __exit__(self, *_: object) -> None:
        if self._temporary is not None:
            self._temporary.cleanup()


class _Play:
    """The world in steps, and its log folded as it grows."""

    def __init__(self, log: Path, seed: int, zone: Zone) -> None:
        self.log = log
        self.zone = zone
        self.folding = Folding(PROJECTIONS)
        self.position = -1
        self.as_of = 0
        self.board = Board(zone, "cckit  a simulated morning")
        self.offer = 0
        self._choice = 0
        self._codec = Codec(Registry(f.FACTS, UPCASTERS))
        traffic = read_traffic(MORNING / "traffic.toml")
        staffing = read_staffing(MORNING / "staffing.toml")
        log_id = digest(seed, f"log demo {traffic.source} {staffing.source}")[:16]
        self.store = SqliteStore.open(log, create=True, origin="cckit.simulated", log_id=log_id)
        self.world = World(seed, traffic=traffic, staffing=staffing, store=self.store)
        self.begin, self.end = traffic.start, traffic.end

    def live(self, screen: Console) -> Morning:
        """Play it on the screen."""
        ticks = SystemClock().ticks
        with Live(console=screen, auto_refresh=False, screen=False, transient=True) as view:
            due: int = ticks()

            def show() -> None:
                nonlocal due
                due += PICTURE_US
                view.update(self._picture(), refresh=True)
                sleep(max(0, due - ticks()) / SECOND)

            return self._run(show)

    def quiet(self) -> Morning:
        """Play it at full speed."""
        return self._run(lambda: None)

    def _run(self, show: Callable[[], None]) -> Morning:
        try:
            at, step = self.begin, 0
            while at < self.end:
                at, step = Instant(at + STEP_US), step + 1
                self.world.run(at)
                self._take_in()
                if step % CURVE_STEPS == 0:
                    self.board.remember(now(self.folding.states, self.zone, at).queues[-1].waiting)
                show()
            self.world.run()
            self._take_in()
            head = self.store.head()
        finally:
            self.store.close()
        source = Source(head.position, head.chain, self.as_of)
        return Morning(self.log, self.world.arrived, self.folding.states, source, self.offer)

    def _take_in(self) -> None:
        for frame in self.store.read(self.position + 1):
            events = self._codec.events(frame.body, frame.first)
            self.folding.feed(events)
            self.position = frame.end - 1
            self.as_of = events[-1][0].recorded_at
            for recorded in events:
                if isinstance(recorded[1], TOLD):
                    self._tell(recorded)

    def _tell(self, recorded: Recorded[Any]) -> None:
        envelope, data = recorded
        who = envelope.stream.removeprefix("contact/")[:6]
        words = say(data, envelope.type)
        self.board.latest.append(f"{clock(self.zone, envelope.recorded_at)}  {who}  {words}")
        if isinstance(data, f.OfferMade) and data.runner_up is not None:
            worth = min(data.eligible, 4) * len(data.excluded)
            if worth > self._choice:
                self._choice, self.offer = worth, data.offer

    def _picture(self) -> Any:
        board = now(self.folding.states, self.zone, self.world.now, self.position)
        return self.board.picture(board, self.position, self.store.head().chain)


def _report(states: dict[str, Any], source: Source, zone: Zone) -> Document:
    return write(REPORTS["service-level"], states, Parameters(zone=zone, source=source))


def _rebuilt(log: Path, zone: Zone) -> Document:
    """The same report, from the first event on disk to the last."""
    store = open_log(log)
    try:
        folding, source = fold(store, PROJECTIONS)
    finally:
        store.close()
    return _report(folding.states, source, zone)


def _levels(document: Document) -> dict[str, Any]:
    names = [column.name for column in document.table.columns]
    (total,) = [row for row in document.table.rows if row[names.index("queue")] is None]
    row = dict(zip(names, total, strict=True))
    return {name: row[name] for name in ("arrived", "A", "B", *SHOWN)}


def _as_json(
    seed: int,
    morning: Morning,
    lived: Document,
    rebuilt: Document,
    verdict: Verdict,
    zone: Zone,
    out: Path | None,
) -> dict[str, Any]:
    from .verify import as_json

    store = open_log(morning.log)
    try:
        explained = moment_json(moment_of(store, morning.offer), zone)
    finally:
        store.close()
    return {
        "seed": seed,
        "customers": morning.customers,
        "log": None if out is None else str(morning.log),
        "service_level": _levels(lived),
        "explained": explained,
        "verify": as_json(verdict),
        "report_sha256": sha256(render_json(lived)).hexdigest(),
        "rebuilt_sha256": sha256(render_json(rebuilt)).hexdigest(),
        "same": render_json(lived) == render_json(rebuilt),
    }


def _tell(
    morning: Morning,
    lived: Document,
    rebuilt: Document,
    verdict: Verdict,
    zone: Zone,
    out: Path | None,
) -> None:
    screen = console()

    def heading(text: str) -> None:
        screen.print()
        screen.print(text, style="bold")

    levels = _levels(lived)
    first = zone.local(lived.header["from"])
    heading(f"A simulated morning, {first:%Y-%m-%d}: {levels['arrived']} customers came,")
    screen.print(f"{levels['A']} were answered and {levels['B']} gave up.")
    heading("Its service level, within 20 seconds: one morning, as many numbers as dialects")
    titles = {d.name: d.title for d in lived.table.definitions}
    for name in SHOWN:
        cell = levels[name]
        share = f"{cell['numerator']} / {cell['denominator']}"
        screen.print(f"  {percent(cell['ppm'] or 0):>9}  {share:>9}  {name:<12} {titles[name]}")
    heading("Why one caller went to one agent")
    store = open_log(morning.log)
    try:
        for line in moment_lines(moment_of(store, morning.offer), zone):
            screen.print("  " + plain(line), markup=False)
    finally:
        store.close()
    heading("Is the log whole?")
    if verdict.error is None:
        screen.print(
            f"  yes: {verdict.events:,} events in {verdict.frames} frames, headers, chain and "
            "every event checked"
        )
    else:
        screen.print(f"  no: {plain(verdict.error.reason)} at position {verdict.error.position}")
    screen.print(f"  head {verdict.head.hex()}")
    heading("The report once more, from nothing but the log")
    lived_sha, rebuilt_sha = (sha256(render_json(one)).hexdigest() for one in (lived, rebuilt))
    screen.print(f"  as the morning went by   {lived_sha}")
    screen.print(f"  rebuilt from position 0  {rebuilt_sha}")
    same = lived_sha == rebuilt_sha
    screen.print("  the same bytes" if same else "  DIFFERENT bytes: this is a bug of ours")
    if out is None:
        screen.print(
            "\nNext: cckit demo --out DIR keeps the log; cckit report, explain and log read it."
        )
    else:
        screen.print(f"\nKept: {out / 'morning.db'} and {out / 'morning.html'}", markup=False)
        screen.print(f"Try:  cckit report {out / 'morning.db'} queue-intervals", markup=False)
