"""Writes a golden log: what a released version wrote, and what its reports said.

``python -m tests.replay.golden 0.1`` makes ``tests/replay/golden/0.1`` once; nothing ever
changes it. From then on a changed event is a new version with an upcaster, and a changed
projection is a new version, which adds a line to the digests.

A folder holds ``log.frames`` (each frame behind its length, 4 bytes big-endian),
``log.json`` (its name and its end), ``zone.tzif``, ``digests.json`` (by
projection@version) and ``reports/NAME.json`` (rows, without the header).
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.codec import Codec
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, Actor, Decision, Draft, Recorded, Sealed
from cckit.core.frame import Frame, first_previous
from cckit.core.ids import (
    CENTER,
    AgentId,
    ContactId,
    OfferId,
    QueueId,
    Stream,
    SubjectId,
    contact_stream,
)
from cckit.core.instant import HOUR, MINUTE, SECOND, Instant, Span
from cckit.core.projection import AnyProjection
from cckit.core.registry import Registry
from cckit.core.render.json_ import canonical_json, shape
from cckit.core.reports import PROJECTIONS, REPORTS, Folding, Parameters, Source, Zone, write
from cckit.core.settings import QueueSettings
from cckit.shell.zones import read_zone
from cckit.testing import Exponential, Process, Processes, Rate, Shift, Staffing, World
from tests.replay.golden_floor import gaps, whole_floor

FOLDER = Path(__file__).parent / "golden"
ZONE = "Asia/Jerusalem"
START = Instant(1_774_504_800_000_000)
"""2026-03-26, six hours before the clocks of the zone go forward."""
SALES, HELP = QueueId("sales"), QueueId("help")


def frames_of(path: Path) -> list[bytes]:
    """The stored frames of a golden log."""
    raw, found = path.read_bytes(), []
    at = 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "big")
        found.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def events_of(frames: Sequence[bytes]) -> Iterator[Recorded[Any]]:
    """Their events, in order."""
    codec = Codec(Registry(f.FACTS))
    for raw in frames:
        frame = Frame.parse(raw)
        yield from codec.events(frame.body, frame.first)


def fold(frames: Sequence[bytes], projections: Sequence[AnyProjection] = PROJECTIONS) -> Folding:
    """The projections' states at the end of the log."""
    folding = Folding(projections)
    folding.feed(list(events_of(frames)))
    return folding


def digests_of(folding: Folding) -> dict[str, str]:
    """``name@version`` to the digest."""
    return {f"{n}@{d['version']}": str(d["digest"]) for n, d in folding.digests().items()}


def rows_of(frames: Sequence[bytes], zone: Zone, name: str) -> str:
    """A report's rows as JSON, without its header."""
    report = REPORTS[name]
    folding = fold(frames, report.projections)
    last = Frame.parse(frames[-1])
    *_, (envelope, _) = events_of(frames[-1:])
    source = Source(envelope.position, last.chain, envelope.recorded_at)
    document = write(report, folding.states, Parameters(zone=zone, source=source))
    return canonical_json(shape(document)["rows"]) + "\n"


# --- making one ---------------------------------------------------------------------------


def simulated() -> World:
    """A night with two queues and a change of the clocks."""
    hours = (Rate(START, Instant(START + 8 * HOUR), 8),)
    traffic = Processes(
        START,
        Instant(START + 8 * HOUR),
        ZoneInfo(ZONE),
        tuple(
            Process(queue, hours, Exponential(90 * SECOND), Exponential(200 * SECOND))
            for queue in (SALES, HELP)
        ),
        "golden",
    )
    settings = QueueSettings(max_wait_us=6 * MINUTE, wrapup_us=20 * SECOND)
    picky = attrs.evolve(settings, strategy="best_skill", need="he >= 2", wrapup_us=0)
    shift = Shift(4, skills={"he": 3}, unanswered=0.08)
    staffing = Staffing((shift,), {HELP: picky, SALES: settings}, "golden", ZONE)
    world = World(20260326, traffic=traffic, staffing=staffing)
    world.run()
    return world


class Pen:
    """Goes on writing a simulated log, one frame for all that is done by hand."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.engine = world.engine
        self.now = world.now
        self.decisions: list[Decision] = []

    def do(self, command: Any, actor: Actor = SYSTEM) -> Decision:
        self.now = Instant(self.now + SECOND)
        while (fired := self.engine.fire(self.now)) is not None:
            self.keep(fired)
        decided = self.engine.act(command, actor, self.now)
        while self.engine.unrouted:
            self.keep(self.engine.act(c.Route(), SYSTEM, self.now))
        return self.keep(decided)

    def keep(self, decided: Decision | Refused) -> Decision:
        assert isinstance(decided, Decision), decided
        if decided.recorded:
            self.decisions.append(decided)
        return decided

    def record(self, drafts: Iterable[Draft]) -> None:
        self.keep(self.engine.record(list(drafts), SYSTEM, self.now))

    def close(self) -> None:
        self.engine.check()
        store = self.world.store
        head = store.head()
        first = head.position + 1 if head.position is not None else 0
        body = Codec(Registry(f.FACTS)).pack(self.decisions)
        count = self.engine.position - first
        frame = Frame.make(head.chain, first, count, self.now, head.epoch, body)
        assert store.append(frame, head) is None


def by_hand(pen: Pen) -> None:
    """What simulated people never do, and what only a shell records."""
    anna, boss = Actor("agent", "anna"), Actor("supervisor", "boss")
    me = AgentId("anna")
    do = pen.do
    do(c.SetProfile(me, skills={"he": 4}))
    do(c.LogIn(me), anna)
    do(c.SetReady(me), anna)
    talk = _arrive(pen, "talk")
    offer = _offered(do(c.Enqueue(talk, SALES, priority=2)))
    do(c.ReportAlerting(offer))
    do(c.AcceptOffer(offer), anna)
    do(c.ReportFailed(offer, "no_media"))
    pen.now = Instant(pen.now + 10 * SECOND)
    do(c.SetPermission("boss", "supervisor"), Actor("admin", "root"))
    (failing,) = pen.engine.floor.offers
    do(c.ReportFailed(OfferId(failing), "no_device"))
    pen.now = Instant(pen.now + 20 * SECOND)
    do(c.SetPermission("boss", "agent"), Actor("admin", "root"))
    (again,) = pen.engine.floor.offers
    do(c.AcceptOffer(OfferId(again)), anna)
    do(c.ReportBridged(OfferId(again)))
    leg = pen.engine.floor.contacts[contact_stream(talk)].leg
    do(c.AcceptOffer(offer), anna)
    do(c.Hold(talk), anna)
    do(c.ReportHeld(leg))
    do(c.Retrieve(talk), anna)
    do(c.ReportRetrieved(leg))
    do(c.SetNotReady(me, "lunch"), anna)
    do(c.LeaveContact(talk, me), anna)
    do(c.ExtendWrapup(me, talk, Span(5 * SECOND)), anna)
    do(c.EndWrapup(me, talk, ("sold", "mail")), anna)
    waits = _arrive(pen, "wait")
    do(c.Enqueue(waits, SALES, need="he >= 5 or not en"))
    do(c.SetPriority(waits, 3, "asked twice"), boss)
    do(c.Dequeue(waits), boss)
    do(c.Deflect(waits, "blocked", "fraud"), boss)
    do(c.SetReady(me), anna)
    gone = do(c.ReportArrived("voice", ref="gone", contact=ContactId("gone" * 8)))
    do(c.Enqueue(ContactId("gone" * 8), SALES))
    do(c.ReportCleared(gone.recorded[0][1].leg))
    rejected = _arrive(pen, "no")
    do(c.RejectOffer(_offered(do(c.Enqueue(rejected, SALES))), "busy"), anna)
    do(c.LogOut(me, "home"), anna)
    do(c.Deflect(rejected), boss)
    whole_floor(pen)
    pen.record(shell_facts())
    pen.record(gaps(pen.now))


def _offered(decided: Decision) -> OfferId:
    return next(data.offer for _, data in decided.recorded if isinstance(data, f.OfferMade))


def _arrive(pen: Pen, name: str) -> ContactId:
    contact = ContactId(name * (32 // len(name)))
    pen.do(c.ReportArrived("voice", entry_point="+97235550100", ref=name, contact=contact))
    return contact


def shell_facts() -> Iterator[Draft]:
    """Those that a floor never writes by itself."""
    sealed = Sealed(bytes(16), 1, bytes(12), b"\x07" * 40, bytes(32))
    person = Stream("subject/" + "00" * 16)
    yield Draft(person, f.SubjectKeyMade(b"\x01" * 32))
    yield Draft(Stream("agent/dana"), f.AgentProfileSet(sealed, 100, {"chat": 20}, {}))
    lost = Stream("contact/" + "lost" * 8)
    yield Draft(lost, f.ContactAttributesSet(sealed))
    yield Draft(CENTER, f.ClockStepped(START, Instant(START + 2 * SECOND)))
    yield Draft(CENTER, f.RecoveryReconciled({"contacts": 0, "offers": 0}))
    yield Draft(CENTER, f.AccessGranted("boss", "listen", "recording", "contact", "7", "quality"))
    yield Draft(CENTER, f.AccessRefused("anna", "SetPermission", "who/boss", None, 1))
    yield Draft(CENTER, f.PluginFailed("cckit_x", "cckit_rank_agents", "ValueError", True))
    yield Draft(CENTER, f.InvariantBroken("I8", "SetReady"))
    yield Draft(CENTER, f.FactQuarantined("world", b"\x02" * 32, "offer.ended_long_ago"))
    yield Draft(CENTER, f.FactFlagged(("coarse", "unqueued")))
    yield Draft(CENTER, f.HoldChanged("center", True, "a court"))
    yield Draft(CENTER, f.HoldChanged("center", False, "the court"))
    yield Draft(CENTER, f.LedgerCounted("queue", 0, {"support": 7}))
    yield Draft(CENTER, f.LogRestored("golden", 9, b"\x03" * 32))
    hashes = (b"\x04" * 32, b"\x05" * 32, b"")
    pinned = f.ProjectionPinned("contact.segments", 1, *hashes, 9, b"\x06" * 32, b"\x07" * 32)
    yield Draft(CENTER, pinned)
    yield Draft(person, f.DataDisclosed(SubjectId("00" * 16), "access", "her letter"))
    yield Draft(person, f.SubjectErasureStarted("her letter"))
    places, failures = {"keys": 1, "lookups": 1}, {"crm": "gone"}
    yield Draft(person, f.SubjectErased("her letter", 1, places, failures))


def write_golden(version: str) -> Path:
    """Make the folder of a version.

    :raises FileExistsError: it is there; no golden file ever changes.
    """
    folder = FOLDER / version
    (folder / "reports").mkdir(parents=True)
    world = simulated()
    pen = Pen(world)
    by_hand(pen)
    pen.close()
    frames = [frame.pack() for frame in world.store.read()]
    packed = b"".join(len(raw).to_bytes(4, "big") + raw for raw in frames)
    (folder / "log.frames").write_bytes(packed)
    zone = read_zone(ZONE, "golden")
    (folder / "zone.tzif").write_bytes(zone.data)
    head = world.store.head()
    named = {
        "origin": world.store.origin,
        "log_id": world.store.log_id.hex(),
        "first_previous": first_previous(world.store.origin, world.store.log_id).hex(),
        "head": head.chain.hex(),
        "position": head.position,
        "zone": {"name": zone.name, "iana": zone.iana},
    }
    _dump(folder / "log.json", named)
    _dump(folder / "digests.json", digests_of(fold(frames)))
    for name in REPORTS:
        (folder / "reports" / f"{name}.json").write_text(rows_of(frames, zone, name))
    return folder


def _dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    print(write_golden(sys.argv[1]))
