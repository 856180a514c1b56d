"""Erasures carried out, and the guard against what would undo them.

``subject.erasure_started`` is durable first; then the keys and lookups are destroyed and
the KEK is exchanged, then whatever else holds something of that person is asked, and
``subject.erased`` says what was reached. All that waits is one batch with one exchange.
What a crash cut off is done again once the center is open, for an eraser that hangs must
not keep it shut; whoever is to be erased stays shut from the first moment.

What an erasure has ended, an old copy of a file could bring back. So keys remember how far
they have seen the log, and whom they have forgotten; the log has its erasures. Where one
of them is behind the other the center does not open (``check_guard``) until ``cckit
restore`` has erased again.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from math import inf
from typing import Any, Final, NamedTuple

import attrs
import trio

from cckit.core.commands import Erase
from cckit.core.errors import FormatError, Refused, StoreError
from cckit.core.events import SYSTEM, Actor, Draft
from cckit.core.facts import SubjectErased, SubjectErasureStarted
from cckit.core.ids import CENTER, Stream, SubjectId
from cckit.hooks import Eraser, Relay
from cckit.shell.archive import Archive
from cckit.shell.feed import Batch
from cckit.shell.owner import Owner
from cckit.shell.parking import Parking
from cckit.shell.replies import Stored, Unknown
from cckit.shell.writer import Writer, mark_of
from cckit.stores.destroying import Destroyed
from cckit.stores.keyfile import Erased, Mark, Memory

from .lost import check_none_lost
from .sealing import NO_KEYS, People

ERASER_S: Final = 60
"""How long one eraser may take for one person."""
RETRY_S: Final = 60
"""After what failed, such as a key service that did not answer."""
AT_ONCE: Final = 16
"""Erasers that are asked at the same time."""
BATCH: Final = 1_024
"""People erased at a time."""
PURPOSE_MAX: Final = 4_000
"""Characters of the grounds of a refusal."""
RESTORE: Final = "see `cckit restore`: it erases again what a copy has brought back"


class Erasing:
    """Carries out the erasures of one center; fed with what is durable."""

    def __init__(
        self,
        writer: Writer,
        people: People,
        owner: Owner,
        erasers: Sequence[tuple[str, Eraser]],
        relay: Relay,
    ) -> None:
        self._writer = writer
        self._people = people
        self._owner = owner
        self._erasers = erasers
        self._relay = relay
        self._waiting: dict[Stream, tuple[int, str]] = {}
        self._bell = Parking()
        self._done: dict[Stream, SubjectErased] = {}
        self._ended = trio.Event()
        self.failure: StoreError | None = None
        """Why nobody could be erased when it was tried last."""

    def listen(self, batch: Batch) -> None:
        """Note whose erasure has become durable."""
        for envelope, data in batch:
            if type(data) is SubjectErasureStarted:
                self._waiting[envelope.stream] = (envelope.position, data.ground)
        if self._waiting:
            self._bell.ring()

    async def resume(self, archive: Archive) -> None:
        """Have ``run`` end what a crash cut off: whose erasure the log knows as begun."""
        for name, ground in self._writer.engine.floor.erasing.items():
            stream = Stream(name)
            found = await archive.positions(stream, "subject.erasure_started")
            self._waiting[stream] = (found[-1], ground)
        if self._waiting:
            self._bell.ring()

    async def run(self) -> None:
        """Erase whoever waits for it, until cancelled; what fails is tried again."""
        while True:
            with trio.move_on_after(RETRY_S if self._waiting else inf):
                await self._bell.wait()
            try:
                await self._carry_out()
                self.failure = None
            except StoreError as error:
                # Calls go on, and whoever is to be erased stays shut meanwhile.
                self.failure = error
                self._writer.say(f"nobody can be erased now: {error}")
                self._wake()

    async def settled(self, stream: Stream) -> SubjectErased | None:
        """Wait until nobody under this id is being erased; what the last erasure came to.

        None if there was none since the center opened.

        :raises StoreError: the keys can't be destroyed now; it is tried again.
        """
        while stream in self._writer.engine.floor.erasing:
            if self.failure is not None:
                raise self.failure
            self._writer.check_open()
            await self._ended.wait()
        await self._durable()
        return self._done.get(stream)

    async def _durable(self) -> None:
        if isinstance(await self._writer.durable(Stored(())), Unknown):
            self._writer.check_open()

    async def forget_further(self) -> None:
        """Have the keys take the end of this log for what they have seen last.

        Only for a log that has lost its tail. All erasures of it are done again before.

        :raises StoreError: the disk failed, or keys can't be destroyed.
        """
        for stream in list(self._writer.engine.floor.erasing):
            await self.settled(Stream(stream))
        await self._durable()
        mark = mark_of(self._writer.head)
        await self._owner.run(partial(self._people.remember, mark))

    def refused(self, command: Erase, actor: Actor, refusal: Refused) -> None:
        """Have it in the log that an erasure was asked for and refused, and on what ground."""
        if refusal.reason != "subject.held":
            return
        engine = self._writer.engine
        facts = engine.refusals.facts(actor, type(command).__name__, refusal.where, engine.now)
        if facts:
            purpose = f"{command.ground}; {refusal.what}"[:PURPOSE_MAX]
            first: Any = facts[0]
            facts[0] = attrs.evolve(first, purpose=purpose)
            self._writer.record([Draft(CENTER, fact) for fact in facts], SYSTEM)

    def _wake(self) -> None:
        ended, self._ended = self._ended, trio.Event()
        ended.set()

    async def _carry_out(self) -> None:
        while self._waiting:
            batch = dict(list(self._waiting.items())[:BATCH])
            destroyed = await self._destroy(batch)
            reached = await self._reach(batch, destroyed)
            if not self._writer.accepts():
                return
            for stream, (position, ground) in batch.items():
                erased = reached[stream]
                self._writer.record([Draft(stream, erased)], SYSTEM, cause=position)
                self._people.erased(stream)
                if self._waiting.get(stream) == (position, ground):
                    del self._waiting[stream]
                while len(self._done) >= BATCH:
                    del self._done[next(iter(self._done))]
                self._done[stream] = erased
            self._writer.nudge()
            self._wake()

    async def _destroy(self, batch: Mapping[Stream, tuple[int, str]]) -> Destroyed:
        destroy = self._people.eraser()
        if destroy is None:
            return Destroyed({}, NO_KEYS)
        asked = {stream: Erased(0, position) for stream, (position, _) in batch.items()}
        return await self._owner.run(partial(destroy, asked, mark_of(self._writer.head)))

    async def _reach(
        self, batch: Mapping[Stream, tuple[int, str]], destroyed: Destroyed
    ) -> dict[Stream, SubjectErased]:
        """Every place that may hold something of somebody, and what came of it.

        The log's own places come first. Views and snapshots hold ids and counts alone: no
        fold of ours keeps a personal value, so there is nothing of anybody to find there.
        """
        limit = trio.CapacityLimiter(AT_ONCE)
        places = {stream: _own_places(_subject(stream), destroyed) for stream in batch}
        async with trio.open_nursery() as nursery:
            for stream, (_, ground) in batch.items():
                for plugin, eraser in self._erasers:
                    asked = (plugin, eraser, _subject(stream), ground, places[stream])
                    nursery.start_soon(self._ask, limit, *asked)
        return {
            stream: SubjectErased(
                ground,
                places[stream].coverage["keys"],
                dict(sorted(places[stream].coverage.items())),
                dict(sorted(places[stream].failures.items())),
            )
            for stream, (_, ground) in batch.items()
        }

    async def _ask(
        self,
        limit: trio.CapacityLimiter,
        plugin: str,
        eraser: Eraser,
        subject: SubjectId,
        ground: str,
        places: "_Places",
    ) -> None:
        """Have one eraser erase one person."""
        async with limit:
            if self._relay.is_suspended(plugin):
                places.failures[eraser.name] = "suspended"
                return
            try:
                with trio.fail_after(ERASER_S):
                    places.coverage[eraser.name] = _count(await eraser.erase(subject, ground))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the plugin's
                # The message may hold what was to be erased; the type does not.
                places.failures[eraser.name] = type(error).__name__
                self._relay.fail(plugin, f"eraser {eraser.name}", type(error).__name__)


class _Places(NamedTuple):
    """Where something of one person was looked for."""

    coverage: dict[str, int]
    """How much was erased, by place."""
    failures: dict[str, str]
    """Why nothing was, by place."""


def _own_places(subject: SubjectId, destroyed: Destroyed) -> _Places:
    gone = destroyed.people.get(bytes.fromhex(subject), Erased(0, -1))
    coverage = {"keys": gone.keys, "lookups": gone.lookups, "snapshots": 0, "views": 0}
    if destroyed.backups:
        return _Places(coverage, {"backups": destroyed.backups})
    return _Places({**coverage, "backups": 1}, {})


def _subject(stream: Stream) -> SubjectId:
    return SubjectId(stream.partition("/")[2])


def _count(answer: Any) -> int:
    if type(answer) is not int or not 0 <= answer < 2**63:
        raise TypeError("an eraser answers how many things it erased")
    return answer


# --- the guard ------------------------------------------------------------------------------


async def check_guard(archive: Archive, memory: Memory | None, log: str, end: int) -> None:
    """Hold the log and its keys to each other.

    ``end``: the position after the log's last event; ``log``: its name, for messages.

    :raises FormatError: one of them is a copy from before an erasure, or of another past,
        or the keys of some people are not here.
    """
    known, mark = ({}, Mark(-1, b"")) if memory is None else (memory.erased, memory.mark)
    if mark.position >= end:
        what = f"ends before position {end}, and its keys have seen position {mark.position}"
        raise FormatError(log, f"{what}: it is an old copy", RESTORE)
    if mark.position >= 0 and await archive.chain(mark.position) != mark.chain:
        what = f"has another past than its keys have seen: it differs at {mark.position}"
        raise FormatError(log, what, "bring the key file of this log, or see `cckit restore`")
    undone = await find_undone(archive, known, mark.position)
    if undone:
        first = min(one.at for one in undone.values())
        what = f"has erased {len(undone)} people whom its keys still know, the first at {first}"
        raise FormatError(log, f"{what}: the key file is an old copy, or a new one", RESTORE)
    await check_none_lost(archive, memory, log)


async def find_undone(
    archive: Archive, known: Mapping[bytes, Erased], after: int
) -> dict[bytes, Erased]:
    """Erasures of the log that its keys know nothing of: subject to what was asked.

    ``after``: how far the keys have seen the log; what was erased before that, they know.
    """
    found: dict[bytes, Erased] = {}
    positions = [at for at in await archive.positions(type="subject.erased") if at > after]
    async for batch in archive.at(positions, (SubjectErased,)):
        for envelope, _ in batch:
            subject = bytes.fromhex(envelope.stream.partition("/")[2])
            started = envelope.position if envelope.cause is None else envelope.cause
            if subject not in known or known[subject].at < started:
                made = await archive.positions(envelope.stream, "subject.key_made")
                found[subject] = Erased(sum(at < started for at in made), started)
    return found
