"""Who signs what the log holds: the tree grows behind the log, and checkpoints over it.

The notary reads what is durable, never what is only decided, so no checkpoint speaks of an
event that a crash takes back. It lives inside a center (``AtWork``) or in a process of its
own (``cckit follow``); the lock of the tiles keeps it from being both. Since Ed25519 draws
nothing, a checkpoint that a crash loses is signed again to the same bytes.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import sleep
from typing import Final

import trio

from cckit.core.codec import Codec
from cckit.core.errors import CckitError, HistoryError, StoreError
from cckit.core.frame import REDACTED
from cckit.core.merkle import Frontier
from cckit.core.note import Note, Signature
from cckit.core.redaction import entries, leaf_hashes
from cckit.core.registry import Registry
from cckit.core.tlog import Checkpoint
from cckit.hooks.signing import Signer
from cckit.hooks.store import Store
from cckit.shell.archive import Readable
from cckit.shell.feed import Batch, Feed
from cckit.shell.owner import Runs, opened
from cckit.shell.parking import Parking
from cckit.stores.connection import disk_errors
from cckit.stores.folder import sync_file
from cckit.stores.tiles import Tiles

EVERY_EVENTS: Final = 1_000
"""After so many events a checkpoint is due,"""
EVERY_S: Final = 1
"""or so long after the first event that the last one does not cover,"""
LEAST_S: Final = 0.1
"""but not sooner than that."""
CHUNK_EVENTS: Final = 8_192
"""Hashed at a time; a frame is never cut."""
SAVE_EVENTS: Final = 65_536
"""Hashed before they are saved, where the tree is far behind."""
AGAIN_S: Final = 60
"""Before another try, where the disk failed."""
NEVER: Final = 2**63


class Notary:
    """Builds the tiles of one log and signs them. Synchronous, used by one thread at a time.

    ``signers``: of the log's origin, see ``check_signers``. ``settle``
    makes durable what the store shows: a reader sees what a writer that was killed had not
    synced yet, and nothing may be signed that a power cut could still take.
    """

    def __init__(
        self,
        store: Store,
        tiles: Tiles,
        signers: Sequence[Signer],
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self.tiles = tiles
        self._settle = settle
        self._store = store
        self._signers = signers
        self._codec = Codec(Registry(()))
        self._saved = tiles.size

    def behind(self) -> int:
        """How many durable events are not hashed yet.

        :raises StoreError: the log can't be read.
        """
        head = self._store.head().position
        return (0 if head is None else head + 1) - self.tiles.size

    def grow(self, end: int = NEVER) -> bool:
        """Hash some frames that lie before ``end``; whether any were left to hash.

        :raises StoreError: the log or the tiles can't be read or written.
        """
        tiles = self.tiles
        before = tiles.size
        chain = tiles.chain
        for frame in self._store.read(before):
            if frame.end > end:
                break
            if frame.first != tiles.size or (chain and frame.previous != chain):
                what = f"the frame at {frame.first} does not follow what was hashed before it"
                raise StoreError(tiles.path, what, "see `cckit verify`; restore the log")
            hashes = leaf_hashes(self._codec, frame) if frame.flags & REDACTED else ()
            leaves = entries(self._codec, frame)
            sleep(0)  # Whoever waits for the interpreter goes first: the center does.
            tiles.grow(leaves, frame.chain, hashes)
            chain = frame.chain
            if tiles.size - before >= CHUNK_EVENTS:
                break
        if tiles.size - self._saved >= SAVE_EVENTS:
            self._save()
        return tiles.size > before

    def _save(self) -> None:
        self._settle()
        self.tiles.save()
        self._saved = self.tiles.size

    def sign(self) -> bytes | None:
        """Save what grew, and sign it; None if nothing has since the last checkpoint.

        :raises StoreError: the tiles can't be written.
        """
        tiles = self.tiles
        if tiles.size == 0:
            return None
        if tiles.size > self._saved:
            self._save()
        text = Checkpoint(self._store.origin, tiles.size, tiles.root()).text()
        ours = tuple(signer.sign_note(text) for signer in self._signers)
        newest = tiles.checkpoint()
        before = None if newest is None else Note.parse(newest)
        others: tuple[Signature, ...] = ()
        if before is not None and before.text == text:
            others = tuple(one for one in before.signatures if one not in ours)
            if len(others) + len(ours) == len(before.signatures):
                return None
        note = Note(text, ours + others).pack()
        tiles.save_checkpoint(note)
        return note


def root_of_log(store: Store, size: int) -> bytes:
    """The root over the first ``size`` events, hashed from the log alone.

    :raises StoreError: the log can't be read.
    """
    codec, frontier = Codec(Registry(())), Frontier()
    for frame in store.read():
        if frame.first >= size:
            break
        frontier.extend(leaf_hashes(codec, frame)[: size - frame.first])
    return frontier.root()


def sync_log(path: str) -> None:
    """Make durable what a log and its WAL hold, whoever wrote it.

    :raises StoreError: the disk failed.
    """
    with disk_errors(path, "look at the disk"):
        for name in (path + "-wal", path):
            with suppress(FileNotFoundError):
                sync_file(name)


class TakenOverError(StoreError):
    """Another center writes this log now, so this one signs it no more."""


class AtWork:
    """A notary inside a center: woken by what becomes durable, working on the reading thread.

    Tiles can be made again from the log, so their failure does not end the center: every
    minute all is taken up anew, until it works. Who was taken over, or would sign a second
    history, signs no more.
    """

    def __init__(
        self,
        reader: Runs,
        store: Readable,
        path: str,
        signers: Sequence[Signer],
        say: Callable[[str], None],
    ) -> None:
        self._reader = reader
        self._store = store
        self._path = path
        self._signers = signers
        self._say = say
        self._feed: Feed | None = None
        self._epoch: int | None = None
        self._bell = Parking()
        self._ring_at = NEVER
        self._failure = ""
        """Why nothing is signed for now; empty if all is well."""
        self._over = False

    @classmethod
    async def open(
        cls,
        reader: Runs,
        store: Readable,
        path: str,
        signers: Sequence[Signer],
        say: Callable[[str], None],
        take_over: bool,
    ) -> "AtWork":
        """Open the tiles at ``path`` to be built by this center alone.

        :raises StoreError: somebody else builds them.
        :raises HistoryError: its key has signed another history of this log. Nothing is
            written to it then: what comes after would be unsigned for ever.
        """
        found = cls(reader, store, path, signers, say)
        await opened(reader, partial(found._take_up, take_over))
        found._tell_what_was_rebuilt()
        return found

    def begin(self, feed: Feed, epoch: int) -> None:
        """Follow what is durable from here on, as long as the epoch is this one."""
        self._feed = feed
        self._epoch = epoch

    def listen(self, _: Batch) -> None:
        """Hear of what is durable; cheap, for it is on the way of every event."""
        if self._feed is not None and self._feed.durable >= self._ring_at:
            self._ring_at = NEVER
            self._bell.ring()

    async def run(self) -> None:
        """Sign now and then, until cancelled or over."""
        while not self._over:
            if self._failure:
                await trio.sleep(AGAIN_S)
            else:
                covered = self._notary.tiles.size
                await self._reach(covered + 1)
                with trio.move_on_after(EVERY_S):
                    await trio.sleep(LEAST_S)
                    await self._reach(covered + EVERY_EVENTS)
            await self.sign()

    async def _reach(self, end: int) -> None:
        """Wait until so many events are durable."""
        while self._durable() < end:
            self._ring_at = end
            await self._bell.wait()

    def _durable(self) -> int:
        return 0 if self._feed is None else self._feed.durable

    async def sign(self) -> None:
        """Hash all that is durable now, in steps that let others read, and sign it."""
        if self._over:
            return
        end = self._durable()
        try:
            if self._failure:
                await self._reader.run(self._take_up_again)
                self._tell_what_was_rebuilt()
            while await self._reader.run(lambda: self._notary.grow(end)):
                pass
            await self._reader.run(self._notary.sign)
        except (TakenOverError, HistoryError) as error:
            self._over = True
            self._say(f"no more checkpoints are signed: {error}")
        except CckitError as error:
            if self._failure != str(error):
                self._say(f"no checkpoint is signed, which is tried again every minute: {error}")
            self._failure = str(error)
        else:
            if self._failure:
                self._say("checkpoints are signed again")
            self._failure = ""

    def _tell_what_was_rebuilt(self) -> None:
        why = self._notary.tiles.rebuilt
        if why is not None:
            self._say(f"{self._path}: {why}; they are made anew")

    async def close(self) -> None:
        """Sign what was durable last, and let the tiles go."""
        await self.sign()
        await self._reader.run(self._let_go)

    # --- on the reading thread ------------------------------------------------------------

    def _take_up(self, take_over: bool = False) -> None:
        handle = self._store.reader()
        try:
            self._check_ours(handle)
            tiles = Tiles.open(self._path, handle, write=True, take_over=take_over)
        except BaseException:
            handle.close()
            raise
        self._handle = handle
        self._notary = Notary(handle, tiles, self._signers, partial(self._check_ours, handle))

    def _take_up_again(self) -> None:
        self._let_go()
        self._take_up()

    def _let_go(self) -> None:
        self._notary.tiles.close()
        self._handle.close()

    def _check_ours(self, handle: Store) -> None:
        """:raises TakenOverError: the log is no longer this center's."""
        if self._epoch is not None and handle.head().epoch != self._epoch:
            what = "another center took the log over"
            raise TakenOverError(self._path, what, "stop this one")
