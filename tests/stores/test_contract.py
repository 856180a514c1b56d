"""Both stores keep the contract, and the contract catches every store that lies."""

from collections.abc import Callable, Iterator

import pytest

from cckit.core.errors import StoreError
from cckit.core.frame import Frame
from cckit.hooks.store import Conflict, Head, Store
from cckit.stores.memory import MemoryStore
from cckit.stores.sqlite import SqliteStore
from cckit.testing.faults import FailingDisk
from cckit.testing.stores import FAILURES, RULES, check_event_store

ALL = tuple(rule.__name__ for rule in (*RULES, *FAILURES))


def test_the_memory_store_keeps_the_contract(open_memory: Callable[[str], MemoryStore]) -> None:
    assert check_event_store(open_memory) == ALL[: len(RULES)]


def test_the_sqlite_store_keeps_the_contract(
    open_sqlite: Callable[[str], SqliteStore], disk: FailingDisk
) -> None:
    assert check_event_store(open_sqlite, lambda _: disk.fail_after(0)) == ALL


@pytest.mark.parametrize("kinds", [("sync",), ("write",), ("truncate", "sync")])
def test_the_sqlite_store_keeps_the_contract_whatever_fails(
    open_sqlite: Callable[[str], SqliteStore], disk: FailingDisk, kinds: tuple[str, ...]
) -> None:
    assert check_event_store(open_sqlite, lambda _: disk.fail_after(0, kinds)) == ALL


class Breakable(MemoryStore):
    """Keeps the whole contract, with a disk that can fail; the lies below derive from it."""

    broken = False
    poisoned = False

    def reopen(self) -> "Breakable":
        other = type(self)(self.origin, self.log_id)
        other._frames, other._firsts, other._heads = self._frames, self._firsts, self._heads
        return other

    def _check_open(self) -> None:
        super()._check_open()
        if self.poisoned:
            raise StoreError("log", "an earlier error poisoned this store", "reopen the log")

    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        self._check_open()
        if self.broken:
            self.poisoned = True
            raise StoreError("log", "the disk is gone", "reopen the log")
        return super().append(frame, expected)


class ForgetsItsName(Breakable):
    def head(self) -> Head:
        found = super().head()
        return found if found.position is not None else found._replace(chain=bytes(32))


class ClaimsWithoutRaising(Breakable):
    def claim(self) -> int:
        epoch = super().claim()
        if epoch > 1:
            self._epoch = 1
            self._heads[0] = self._heads[0]._replace(epoch=1)
        return self._epoch or 0


class ForgetsCopiedEpochs(Breakable):
    def claim(self) -> int:
        held = self._frames[:]
        self._frames.clear()
        epoch = super().claim()
        self._frames.extend(held)
        return epoch


class AppendsForAnybody(Breakable):
    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        if self._epoch is None:
            self._epoch = expected.epoch
        return super().append(frame, expected)


class ReadsInDisorder(Breakable):
    def read(self, from_position: int = 0, limit: int | None = None) -> Iterator[Frame]:
        return iter(list(super().read(from_position, limit))[::-1])


class StripsZeros(Breakable):
    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        answer = super().append(frame, expected)
        if answer is None:
            values = (frame.previous, frame.first, frame.count, frame.committed_at, frame.epoch)
            self._frames[-1] = Frame.make(*values, frame.body.rstrip(b"\x00") or b"\x00")
        return answer


class CutsLargeFrames(Breakable):
    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        if len(frame.body) > 1_000_000:
            raise ValueError("string or blob too big")
        return super().append(frame, expected)


class HeadLags(Breakable):
    def head(self) -> Head:
        found = super().head()
        if len(self._frames) < 2:
            return found
        last = self._frames[-2]
        return Head(last.end - 1, last.chain, found.epoch)


class SkipsToTheNextFrame(Breakable):
    def read(self, from_position: int = 0, limit: int | None = None) -> Iterator[Frame]:
        return (f for f in super().read(from_position, limit) if f.first >= from_position)


class IgnoresTheLimit(Breakable):
    def read(self, from_position: int = 0, limit: int | None = None) -> Iterator[Frame]:
        return super().read(from_position)


class NeverCompares(Breakable):
    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        return super().append(frame, self.head())


class ComparesPositionsOnly(Breakable):
    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        head = self.head()
        if expected.position != head.position:
            return Conflict(head)
        values = (head.chain, frame.first, frame.count, frame.committed_at, frame.epoch)
        return super().append(Frame.make(*values, frame.body), head)


class ConflictsYetStores(Breakable):
    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        head = self.head()
        if expected != head:
            values = (head.chain, (head.position or 0) + 1, 1, 0, head.epoch, frame.body)
            super().append(Frame.make(*values), head)
            return Conflict(head)
        return super().append(frame, expected)


class TakesMisfits(Breakable):
    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        if self._epoch is None or self.broken or expected != self.head() or self.poisoned:
            return super().append(frame, expected)
        if self.head().epoch != self._epoch:
            return Conflict(self.head())
        self._frames.append(frame)
        self._firsts.append(frame.first)
        self._heads[0] = Head(frame.end - 1, frame.chain, self._epoch)
        return None


class LosesTheLastFrame(Breakable):
    """Acknowledges before it syncs, and closing syncs nothing either."""

    def reopen(self) -> "Breakable":
        if self._frames:
            last = self._frames.pop()
            self._firsts.pop()
            end = None if last.first == 0 else last.first - 1
            self._heads[0] = Head(end, last.previous, self._heads[0].epoch)
        return super().reopen()


class SyncsOnClosing(Breakable):
    """Acknowledges before it syncs: what is not closed is lost."""

    medium: "SyncsOnClosing | None" = None

    def reopen(self) -> "SyncsOnClosing":
        medium = self.medium or self
        other = type(self)(self.origin, self.log_id)
        other.medium = medium
        other._frames, other._firsts = medium._frames[:], medium._firsts[:]
        other._heads = medium._heads[:]
        return other

    def close(self) -> None:
        assert self.medium is not None
        self.medium._frames, self.medium._firsts = self._frames, self._firsts
        self.medium._heads = self._heads
        super().close()


class IsNeverFenced(Breakable):
    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        if self._epoch is not None:
            self._epoch = self.head().epoch
        return super().append(frame, expected)


class AppendsAfterClosing(Breakable):
    def close(self) -> None:
        pass


class ReadersClaim(Breakable):
    def reader(self) -> "Breakable":
        return self.reopen()


class ReadersStandStill(Breakable):
    def reader(self) -> MemoryStore:
        other = super().reader()
        other._frames, other._firsts = self._frames[:], self._firsts[:]
        return other


class SwallowsFailures(Breakable):
    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        self._check_open()
        return None if self.broken else super().append(frame, expected)


class GoesOnAfterAFailure(Breakable):
    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        try:
            return super().append(frame, expected)
        finally:
            self.poisoned = self.broken = False


class StoresHalfOnFailure(Breakable):
    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        if self.broken:
            values = (frame.previous, frame.first, 1, 0, frame.epoch, frame.body[:10])
            MemoryStore.append(self, Frame.make(*values), expected)
        return super().append(frame, expected)


class StoresTwiceOnFailure(Breakable):
    """Tries again what has already arrived."""

    def append(self, frame: Frame, expected: Head) -> Conflict | None:
        if self.broken:
            MemoryStore.append(self, frame, expected)
            head = self._heads[0]
            values = (head.chain, frame.end, 1, 0, frame.epoch, frame.body)
            MemoryStore.append(self, Frame.make(*values), head)
        return super().append(frame, expected)


class SharesOneLog(Breakable):
    """Every name opens the same log."""


LIES: dict[type[Breakable], str] = {
    ForgetsItsName: "an_empty_log_begins_with_its_name",
    SharesOneLog: "two_logs_are_apart",
    ClaimsWithoutRaising: "a_claim_raises_the_epoch",
    ForgetsCopiedEpochs: "a_claim_passes_the_epochs_of_copied_frames",
    AppendsForAnybody: "nothing_is_appended_without_a_claim",
    ReadsInDisorder: "frames_come_back_whole_and_in_order",
    StripsZeros: "bytes_are_not_touched",
    CutsLargeFrames: "large_frames_fit",
    HeadLags: "the_head_is_the_last_frame",
    SkipsToTheNextFrame: "reading_begins_with_the_frame_that_holds_the_position",
    IgnoresTheLimit: "reading_begins_with_the_frame_that_holds_the_position",
    NeverCompares: "a_conflict_stores_nothing",
    ComparesPositionsOnly: "a_conflict_stores_nothing",
    ConflictsYetStores: "a_conflict_stores_nothing",
    TakesMisfits: "a_frame_that_does_not_follow_is_refused",
    LosesTheLastFrame: "what_was_acknowledged_is_there_after_closing",
    SyncsOnClosing: "what_was_acknowledged_is_there_without_closing",
    IsNeverFenced: "a_stale_writer_is_fenced",
    AppendsAfterClosing: "a_closed_store_does_nothing",
    ReadersClaim: "a_reader_follows",
    ReadersStandStill: "a_reader_follows",
    SwallowsFailures: "a_failure_is_said",
    GoesOnAfterAFailure: "a_failure_poisons",
    StoresHalfOnFailure: "after_a_failure_a_frame_is_whole_or_absent",
    StoresTwiceOnFailure: "after_a_failure_a_frame_is_whole_or_absent",
}


def _maker(kind: type[Breakable]) -> Callable[[str], Breakable]:
    logs: dict[str, Breakable] = {}

    def make(name: str) -> Breakable:
        key = "same" if kind is SharesOneLog else name
        return logs.setdefault(key, kind(name, bytes(16))).reopen()

    return make


def _break(store: Store) -> None:
    assert isinstance(store, Breakable)
    store.broken = True


def test_the_double_that_the_lies_derive_from_is_sound() -> None:
    assert check_event_store(_maker(Breakable), _break) == ALL


@pytest.mark.parametrize(("lie", "rule"), LIES.items(), ids=lambda v: getattr(v, "__name__", v))
def test_the_contract_catches(lie: type[Breakable], rule: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_event_store(_maker(lie), _break)
    assert str(caught.value).split(":")[0] == rule


@pytest.mark.planted("S head not compared")
def test_a_log_on_disk_that_does_not_compare_its_head_is_caught(
    open_sqlite: Callable[[str], SqliteStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    append = SqliteStore.append

    def compare_nothing(store: SqliteStore, frame: Frame, _: Head) -> Conflict | None:
        return append(store, frame, store.head())

    monkeypatch.setattr(SqliteStore, "append", compare_nothing)
    with pytest.raises(AssertionError, match="a_conflict_stores_nothing"):
        check_event_store(open_sqlite)
