"""The log as it is read back, on a thread of its own, with the views beside it.

Reading has its own handle on the store, so it never stands in the writer's way. The views
follow the log in steps: when many events are not indexed yet, when a request is to be
forgotten from memory, and at close.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import outcome

from cckit.core.codec import Codec
from cckit.core.ids import Stream
from cckit.core.instant import Instant
from cckit.hooks.store import Store
from cckit.stores.views import Saved, Views

from .feed import Batch, Chunk
from .owner import Owner, opened
from .requests import Known

T = TypeVar("T")

CHUNK_EVENTS: Final = 8_192
"""Read at a time; a frame is never cut."""
CHUNK_FRAMES: Final = 256
CHECKPOINT: Final = 1
"""Version of how a checkpoint is kept: the next position, 8 bytes."""

STATE: Final = 1
"""Version of how a process is kept: the canonical bytes of its dump."""


class Readable(Store, Protocol):
    """A store that gives another thread a handle of its own."""

    def reader(self) -> Store: ...


class Archive:
    """Everything that reads: frames, the index, saved states."""

    def __init__(
        self, owner: Owner, store: Store, views: Views, codec: Codec, say: Callable[[str], None]
    ) -> None:
        self._owner = owner
        self._store = store
        self._views = views
        self._codec = codec
        self.indexed = views.next
        """The first position that the views do not know."""
        self.failure: BaseException | None = None
        """Why the views do not follow any more; None if they do."""
        self.abandoned = False
        """The log is no longer ours, so its views are not either."""
        self._say = say
        self._busy = False

    @classmethod
    async def open(
        cls,
        owner: Owner,
        store: Readable,
        path: str | None,
        codec: Codec,
        say: Callable[[str], None],
    ) -> "Archive":
        """Open a reading handle and the views at ``path``, or views in memory."""

        def make() -> tuple[Store, Views]:
            handle = store.reader()
            try:
                return handle, Views.open(path, handle)
            except BaseException:
                handle.close()
                raise

        handle, views = await opened(owner, make)
        return cls(owner, handle, views, codec, say)

    def reader(self) -> Store:
        """One more handle on the log, for a thread of its own."""
        return self._store.reader()

    async def chunk(self, position: int, types: tuple[type, ...] | None) -> Chunk:
        """Some whole frames, the first of them holding ``position``, decoded."""
        return await self._owner.run(lambda: self._chunk(position, types))

    async def at(
        self, positions: Sequence[int], types: tuple[type, ...] | None = None
    ) -> AsyncIterator[Batch]:
        """The events at some positions, ascending, as batches."""
        wanted = list(positions)
        while wanted:
            batch, wanted = await self._owner.run(partial(self._at, wanted, types))
            if batch:
                yield batch

    def _at(self, wanted: list[int], types: tuple[type, ...] | None) -> tuple[Batch, list[int]]:
        batch: Batch = []
        n = 0
        while n < len(wanted) and len(batch) < CHUNK_EVENTS:
            for frame in self._store.read(wanted[n], 1):
                found = self._codec.events(frame.body, frame.first, types)
                here = set()
                while n < len(wanted) and wanted[n] < frame.end:
                    here.add(wanted[n])
                    n += 1
                batch += [one for one in found if one[0].position in here]
        return batch, wanted[n:]

    async def last_frames(self, head: int | None, n: int) -> int:
        """The first position of the n-th last frame, 0 in a shorter log."""

        def find() -> int:
            first = 0 if head is None else head + 1
            for _ in range(n):
                if first == 0:
                    break
                first = next(iter(self._store.read(first - 1, 1))).first
            return first

        return await self._owner.run(find)

    async def chain(self, position: int) -> bytes:
        """The chain of the frame that ends with ``position``; empty if none does."""

        def find() -> bytes:
            for frame in self._store.read(position, 1):
                if frame.end - 1 == position:
                    return frame.chain
            return b""

        return await self._owner.run(find)

    def chunk_now(self, position: int) -> Chunk:
        """The same, while the whole center stands still: for repair only."""
        return self._owner.block(lambda: self._chunk(position, None))

    def _chunk(self, position: int, types: tuple[type, ...] | None) -> Chunk:
        batch: Batch = []
        end = position
        for frame in self._store.read(position, CHUNK_FRAMES):
            batch += self._codec.events(frame.body, frame.first, types)
            if frame.end - position >= CHUNK_EVENTS:
                return Chunk(batch, frame.end)
            end = frame.end
        return Chunk(batch, end)

    # --- views ----------------------------------------------------------------------------

    async def positions(
        self,
        stream: Stream | None = None,
        type: str | None = None,
        from_at: Instant | None = None,
        until_at: Instant | None = None,
    ) -> list[int]:
        """Positions of the durable events that fit all that is given, in order."""

        def find() -> list[int]:
            self._catch_up()
            return self._views.positions(stream=stream, type=type, from_at=from_at, to_at=until_at)

        return await self._owner.run(find)

    async def request(self, key: bytes) -> Known | None:
        """A request of the past, by its key of 16 bytes."""

        def find() -> Known | None:
            found = self._views.request(key)
            return None if found is None else (found.digest, found.positions.start)

        return await self._owner.run(find)

    async def version(self, stream: Stream) -> int | None:
        """The last version of a stream, None if it has no event."""

        def find() -> int | None:
            self._catch_up()
            return self._views.version(stream)

        return await self._owner.run(find)

    def version_now(self, stream: Stream) -> int | None:
        """The last version of a stream, while the center stands still."""

        def find() -> int | None:
            self._catch_up()
            return self._views.version(stream)

        return self._owner.block(find)

    def snapshot_now(self, version: int, classes: bytes) -> Saved | None:
        """The newest snapshot, while the center stands still."""
        return self._owner.block(lambda: self._views.snapshot(version, classes))

    def follow(self) -> None:
        """Let the views catch up with what is durable, without waiting."""
        if self._busy or self.failure is not None:
            return
        self._busy = True

        def done(answer: outcome.Outcome[int]) -> None:
            self._busy = False
            self._settled(answer)
            self.indexed = self._views.next

        self._owner.post(self._catch_up, done)

    def _catch_up(self) -> int:
        return self._views.follow(self._store)

    async def checkpoint(self, name: str) -> int | None:
        """Where an outlet goes on; None if it has never been anywhere."""

        def find() -> int | None:
            saved = self._views.projection(name, CHECKPOINT, b"")
            return None if saved is None else int.from_bytes(saved.state, "big")

        return await self._owner.run(find)

    def save_checkpoint(self, name: str, position: int) -> None:
        """Note, later, that an outlet goes on at ``position``."""

        def save() -> None:
            for frame in self._store.read(position - 1, 1):
                place = (frame.end - 1, frame.chain)
                state = position.to_bytes(8, "big")
                self._views.save_projection(name, CHECKPOINT, *place, b"", state)

        self._owner.post(save, self._settled)

    async def state(self, name: str, version: bytes, before: int) -> Saved | None:
        """What was kept of a process by its version, if it stands before a position."""

        def find() -> Saved | None:
            saved = self._views.projection(name, STATE, version)
            return saved if saved is not None and saved.position < before else None

        return await self._owner.run(find)

    def save_state(
        self, name: str, version: bytes, position: int, chain: bytes, state: bytes
    ) -> None:
        """Keep, later, what a process has folded up to a position that ends a frame."""

        def save(views: Views) -> None:
            views.save_projection(name, STATE, position, chain, version, state)

        self.post(save)

    async def views(self, job: Callable[[Views], T]) -> T:
        """Run a job on the views, on their thread."""
        return await self._owner.run(lambda: job(self._views))

    async def reading(self, job: Callable[[Store, Codec], T]) -> T:
        """Run a job on the frames, on their thread; a long one goes in steps."""
        return await self._owner.run(lambda: job(self._store, self._codec))

    async def aside(self, job: Callable[[], T]) -> T:
        """Run a job on the reading thread that reads nothing."""
        return await self._owner.run(job)

    def post(self, job: Callable[[Views], None]) -> None:
        """Run a job on the views later."""
        self._owner.post(lambda: job(self._views), self._settled)

    def _settled(self, answer: outcome.Outcome[Any]) -> None:
        # The views can be made again from the log, so their failure does not end the center.
        if isinstance(answer, outcome.Error):
            self._say(f"the views do not follow: {answer.error}")
            self.failure = self.failure or answer.error

    async def close(self) -> None:
        """Index what is left, and let files go.

        Nothing is indexed by who was taken over: the views are the other's now.
        """

        def end() -> None:
            try:
                if not self.abandoned:
                    self._catch_up()
            finally:
                self._views.close()
                self._store.close()

        await self._owner.run(end)
