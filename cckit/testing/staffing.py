"""Who works when, in which queues, and how fast they answer. Agents have numbers, no names.

    zone = "Asia/Jerusalem"     # of these hours where the traffic is a log; else the log's

    [[queue]]
    id = "service"
    strategy = "longest_idle"
    ring_s = 20
    wrapup_s = 60

    [[shift]]
    agents = 12
    from = "08:00"              # civil time, every day; none of both: all the time
    to = "16:30"                # may lie behind midnight
    breaks = [["12:00", "12:30"]]
    queues = ["service"]        # none: all
    skills = { he = 3 }
    answer = { kind = "uniform", from_s = 2, to_s = 6 }
    connect = { kind = "fixed", s = 0.2 }  # from there until both hear each other; none: 0
    unanswered = 0.01           # share of offers that ring out
    back_after_s = 60           # then ready again after this long

A shift works when its agents are there; who is busy at its end leaves after that contact.
"""

from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import attrs

from cckit.core.ids import AgentId
from cckit.core.instant import SECOND, Instant
from cckit.core.routing import MAX_TIER, NAMES
from cckit.core.rules.queue_settings import BOUNDS, wrong_queue
from cckit.core.settings import QueueSettings
from cckit.core.step import steps_of

from . import civil
from .draws import AT_ONCE, NEVER, Lengths
from .tables import Table, read_toml

SETTINGS: Final[Mapping[str, str]] = {
    one.name.removesuffix("us") + "s" if one.name.endswith("_us") else one.name: one.name
    for one in attrs.fields(QueueSettings)
    if one.name != "agents"
}
"""Key to the setting of a queue that it is, all but who works there: the shifts say that."""
QUEUE: Final = ("id", *SETTINGS)
SHIFT: Final = (
    "agents", "from", "to", "breaks", "queues", "skills", "answer", "connect", "unanswered",
    "back_after_s", "channels",
)  # fmt: skip
AGENTS_MAX: Final = 100_000
EVERYONE: Final = ("*",)


@attrs.frozen
class Shift:
    """Some agents who work alike."""

    agents: int
    begins: time | None = None
    ends: time | None = None
    """Both None: there from the first instant to the last."""
    queues: tuple[str, ...] = ()
    """None: all."""
    skills: dict[str, int] = attrs.field(factory=dict)
    answer: Lengths = AT_ONCE
    unanswered: float = 0.0
    back_after_us: int = 60 * SECOND
    breaks: tuple[tuple[time, time], ...] = ()
    """From and to of each, in order, within the shift."""
    connect: Lengths = AT_ONCE
    """From picking up until both hear each other: who hangs up there is lost in between."""
    channels: dict[str, int] = attrs.field(factory=lambda: {"voice": 100})
    """What they serve, and what one contact costs of their budget of 100."""

    def spans(self, start: Instant, end: Instant, zone: ZoneInfo) -> list[tuple[Instant, Instant]]:
        """Return when it works between two instants, by time."""
        if self.begins is None or self.ends is None:
            return [(start, end)]
        found = []
        for day in civil.days(start, end, zone):
            until = day + timedelta(days=1) if self.ends <= self.begins else day
            begin = civil.instant(day, self.begins, zone)
            finish = civil.instant(until, self.ends, zone)
            for here, away in self._worked(day, begin, finish, zone):
                if max(here, start) < away and here < end:
                    found.append((max(here, start), away))
        return found

    def _worked(
        self, day: date, begin: Instant, finish: Instant, zone: ZoneInfo
    ) -> Iterator[tuple[Instant, Instant]]:
        """Yield the stretches between the breaks of one day."""
        for one in self.breaks:
            away, back = (self._at(day, at, zone) for at in one)
            yield begin, away
            begin = back
        yield begin, finish

    def _at(self, day: date, at: time, zone: ZoneInfo) -> Instant:
        """Return an instant of a shift that began on ``day``."""
        early = self.begins is not None and at < self.begins
        return civil.instant(day + timedelta(days=1) if early else day, at, zone)


class Worker(NamedTuple):
    """One agent."""

    agent: AgentId
    shift: Shift


@attrs.frozen
class Staffing:
    """A center: its queues and who works in them."""

    shifts: tuple[Shift, ...]
    queues: dict[str, QueueSettings] = attrs.field(factory=dict)
    """Sorted by id; ``agents`` is filled from the shifts."""
    source: str = "staffing"
    zone: str | None = None
    """Whose civil times the shifts have, where the traffic does not say."""
    given: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    """Queue to the settings that are written down for it; the others are defaults."""

    def workers(self) -> tuple[Worker, ...]:
        """Return the agents, numbered through the shifts: "001", "002" …"""
        total = sum(shift.agents for shift in self.shifts)
        width = max(3, len(str(total)))
        found: list[Worker] = []
        for shift in self.shifts:
            for _ in range(shift.agents):
                found.append(Worker(AgentId(f"{len(found) + 1:0{width}d}"), shift))
        return tuple(found)

    def settings(self, queue: str) -> QueueSettings:
        """Return how a queue works, with its agents; a queue not written down has defaults."""
        base = self.queues.get(queue, QueueSettings())
        return attrs.evolve(base, agents=self.members(queue))

    def members(self, queue: str) -> tuple[str, ...]:
        """Return who works in a queue."""
        if all(not shift.queues or queue in shift.queues for shift in self.shifts):
            return EVERYONE
        return tuple(
            worker.agent
            for worker in self.workers()
            if not worker.shift.queues or queue in worker.shift.queues
        )


def read_staffing(path: Path) -> Staffing:
    """Read queues and shifts from TOML.

    :raises ConfigError: it names file, key, value and what is allowed.

    .. versionadded:: 0.1
    """
    data, raw = read_toml(path)
    top = Table(path.name, "", data, ("zone", "queue", "shift"))
    given = queues_of(top) if top.has("queue") else {}
    queues = {name: QueueSettings(**settings) for name, settings in given.items()}
    shifts = tuple(_shift(table, queues) for table in top.tables("shift", SHIFT))
    if sum(shift.agents for shift in shifts) > AGENTS_MAX:
        raise top.fault("shift", "more than 100,000 agents", "give fewer")
    source = f"{path.name} sha256 {sha256(raw).hexdigest()[:16]}"
    zone = top.text("zone") if top.has("zone") else None
    if zone is not None:
        civil.read_zone(zone, top.where("zone"))
    return Staffing(shifts, queues, source, zone, given)


def queues_of(top: Table) -> dict[str, dict[str, Any]]:
    """Return the tables ``[[queue]]``: sorted by id, of each what is written down.

    :raises ConfigError: it names file, key, value and what is allowed.
    """
    found: dict[str, dict[str, Any]] = {}
    for table in top.tables("queue", QUEUE):
        name = table.text("id")
        if name in found:
            raise table.fault("id", f"{name!r} is there twice", "give each queue once")
        found[name] = _settings(table)
    return {name: found[name] for name in sorted(found)}


def _settings(table: Table) -> dict[str, Any]:
    """Read each setting that is written down, as its type says."""
    strategy = table.text("strategy", NAMES[0])
    if strategy not in NAMES:
        allowed = f"allowed are {', '.join(NAMES)}"
        raise table.fault("strategy", f"no strategy {strategy!r}", allowed)
    kinds = {one.name: one.type for one in attrs.fields(QueueSettings)}
    found: dict[str, Any] = {}
    for key, name in SETTINGS.items():
        if not table.has(key):
            continue
        if key == "need":
            found[name] = table.requirement("need") or ""
        elif key == "steps":
            found[name] = _steps(table)
        elif key != name:
            found[name] = table.seconds(key)
        elif kinds[name] is int:
            found[name] = table.whole(key, *BOUNDS[name])
        elif kinds[name] is str:
            found[name] = table.text(key, "")
        else:
            found[name] = table.levels(key, 0, MAX_TIER)
    wrong = wrong_queue(QueueSettings(**found))
    if wrong is not None:
        raise table.fault("id", wrong, "see the reference of queue settings")
    return found


def _steps(table: Table) -> tuple[str, ...]:
    try:
        return steps_of(table.data["steps"])
    except ValueError as error:
        remedy = "write [[queue.steps]] tables with need and for_s"
        raise table.fault("steps", str(error), remedy) from error


def _shift(table: Table, queues: dict[str, QueueSettings]) -> Shift:
    if table.has("from") != table.has("to"):
        raise table.fault("to", "from and to belong together", 'write from = "08:00", to = "16:00"')
    members = table.texts("queues")
    for name in members:
        if queues and name not in queues:
            known = f"allowed are {', '.join(sorted(queues))}"
            raise table.fault("queues", f"no queue {name!r}", known)
    answer, connect = table.lengths("answer", AT_ONCE), table.lengths("connect", AT_ONCE)
    if answer == NEVER:
        raise table.fault("answer", "'endless' never answers", "use unanswered = 1")
    if connect == NEVER:
        raise table.fault("connect", "'endless' never connects", "give a length")
    return Shift(
        table.whole("agents", 1, AGENTS_MAX),
        table.clock("from") if table.has("from") else None,
        table.clock("to") if table.has("to") else None,
        members,
        table.levels("skills"),
        answer,
        table.number("unanswered", 1, 0),
        table.seconds("back_after_s", 60, low=0.001),
        _breaks(table),
        connect,
        _channels(table),
    )


def _channels(table: Table) -> dict[str, int]:
    given = table.data.get("channels", {"voice": 100})
    inner = Table(table.file, f"{table.path}.channels", given, tuple(given))
    if not given:
        raise table.fault("channels", "nobody serves nothing", "write { voice = 100, chat = 20 }")
    return {channel: inner.whole(channel, 1, 100) for channel in sorted(given)}


def _breaks(table: Table) -> tuple[tuple[time, time], ...]:
    given = table.data.get("breaks", [])
    remedy = 'write [["12:00", "12:30"]], in order, within from and to'
    pairs = isinstance(given, list) and all(isinstance(b, list) and len(b) == 2 for b in given)
    if not pairs or (given and not table.has("from")):
        raise table.fault("breaks", f"{given!r} are no breaks of a shift", remedy)
    found = tuple((table.clock("breaks", a), table.clock("breaks", b)) for a, b in given)
    if not found:
        return ()
    begin, end = table.clock("from"), table.clock("to")
    order = [begin, *(at for one in found for at in one), end]
    # Counted from the shift's begin, so that a night is in order too.
    minutes = [(at.hour * 60 + at.minute - begin.hour * 60 - begin.minute) % 1440 for at in order]
    if any(a >= b for a, b in pairwise(minutes)):
        raise table.fault("breaks", f"{given!r} do not follow each other", remedy)
    return found
