"""What every store owes, as a function that needs no pytest.

Each rule is a small function; the ``AssertionError`` of a broken one begins with its name.
The rules are proved by stores with planted faults, every one of which has to be caught.
"""

from collections.abc import Callable
from itertools import pairwise
from threading import Thread
from typing import Final, NoReturn, TypeAlias

from cckit.core.errors import StoreError, UsageError
from cckit.core.frame import FRAME_MAX, Frame, first_previous
from cckit.hooks.store import Conflict, Head, Store

Open: TypeAlias = Callable[[str], Store]
"""Open the log of a name for writing, or make it if it is new. It has to succeed, and so
take over, while an earlier handle is still open."""
Break: TypeAlias = Callable[[Store], None]
"""From now on every write of this handle fails, as on a disk that is gone."""
Rule: TypeAlias = Callable[[Open], None]

_RACE: Final = 200
_LARGE: Final = FRAME_MAX - 1024


def check_event_store(make: Open, break_disk: Break | None = None) -> tuple[str, ...]:
    """Put a store to the test; the names of the rules that held, in order.

    Every rule has logs of its own, named after it. Without ``break_disk`` nothing is said
    about what follows a failure of the disk.

    :raises AssertionError: it begins with the name of the rule that is broken.

    .. versionadded:: 0.1
    """
    rules: list[tuple[str, Callable[[], None]]] = [
        (rule.__name__, _bound(rule, make)) for rule in RULES
    ]
    if break_disk is not None:
        rules += [(rule.__name__, _bound_broken(rule, make, break_disk)) for rule in FAILURES]
    for name, run in rules:
        try:
            run()
        except (AssertionError, StoreError, UsageError, LookupError, ValueError) as error:
            raise AssertionError(f"{name}: {error!s}") from error
    return tuple(name for name, _ in rules)


def _bound(rule: Rule, make: Open) -> Callable[[], None]:
    return lambda: rule(lambda name: make(f"{rule.__name__}-{name}"))


def _bound_broken(
    rule: Callable[[Open, Break], None], make: Open, break_disk: Break
) -> Callable[[], None]:
    return lambda: rule(lambda name: make(f"{rule.__name__}-{name}"), break_disk)


# --- rules --------------------------------------------------------------------------------


def an_empty_log_begins_with_its_name(make: Open) -> None:
    store = make("empty")
    _same(store.head(), Head(None, first_previous(store.origin, store.log_id), 0), "head")
    _same(list(store.read()), [], "frames of an empty log")
    _same(len(store.log_id), 16, "bytes of the log id")
    store.close()


def two_logs_are_apart(make: Open) -> None:
    one, two = make("one"), make("two")
    one.claim()
    _append(one, _next_frame(one.head()))
    _same(two.head().epoch, 0, "epoch of a log that nobody claimed")
    _same(list(two.read()), [], "frames of a log that nothing was appended to")
    one.close()
    two.close()


def a_claim_raises_the_epoch(make: Open) -> None:
    store = make("log")
    for epoch in (1, 2, 3):
        _same(store.claim(), epoch, "epoch")
        _same(store.head().epoch, epoch, "epoch of the head")
    store.close()


def a_claim_passes_the_epochs_of_copied_frames(make: Open) -> None:
    store = make("copy")
    store.claim()
    _append(store, _next_frame(store.head(), epoch=7))
    store.close()
    again = make("copy")
    _true(again.claim() > 7, "the new epoch is not above that of the last frame")
    again.close()


def nothing_is_appended_without_a_claim(make: Open) -> None:
    store = make("log")
    frame = _next_frame(store.head())
    _raises(UsageError, lambda: store.append(frame, store.head()), "an append without a claim")
    _same(list(store.read()), [], "frames")
    store.close()


def frames_come_back_whole_and_in_order(make: Open) -> None:
    store = make("log")
    written = fill(store, 40)
    _same_frames(list(store.read()), written)
    positions = [frame.first for frame in store.read()]
    _true(all(a < b for a, b in pairwise(positions)), "frames are out of order")
    store.close()


def bytes_are_not_touched(make: Open) -> None:
    store = make("log")
    store.claim()
    bodies = [b"\x00", b"\x00" * 100, bytes(range(256)) * 3, b"\xff" * 4096, b"x \r\n\x00"]
    written = [_append(store, _next_frame(store.head(), body=body)) for body in bodies]
    _same_frames(list(store.read()), written)
    store.close()


def large_frames_fit(make: Open) -> None:
    store = make("log")
    store.claim()
    written = [_append(store, _next_frame(store.head(), body=bytes(_LARGE))) for _ in range(2)]
    _same_frames(list(store.read()), written)
    store.close()


def the_head_is_the_last_frame(make: Open) -> None:
    store = make("log")
    last = fill(store, 5)[-1]
    chains = {frame.first: frame.chain for frame in store.read()}
    _same(chains.get(last.first), last.chain, f"chain at {last.first}")
    _same(store.head(), Head(last.end - 1, last.chain, last.epoch), "head")
    store.close()


def reading_begins_with_the_frame_that_holds_the_position(make: Open) -> None:
    store = make("log")
    written = fill(store, 20)
    for n, frame in enumerate(written):
        for position in range(frame.first, frame.end):
            _same_frames(list(store.read(position)), written[n:])
            _same_frames(list(store.read(position, 3)), written[n : n + 3])
    _same(list(store.read(written[-1].end)), [], "frames behind the end")
    _same(list(store.read(0, 0)), [], "no frames, as asked")
    store.close()


def a_conflict_stores_nothing(make: Open) -> None:
    store = make("log")
    written = fill(store, 3)
    head = store.head()
    before = written[-1]
    stale = [
        Head(before.first - 1, before.previous, head.epoch),
        head._replace(chain=bytes(32)),
        head._replace(epoch=head.epoch + 1),
    ]
    for expected in stale:
        answer = store.append(_next_frame(expected), expected)
        _same(answer, Conflict(head), f"answer to an append after {expected.position}")
        _same_frames(list(store.read()), written)
    _append(store, _next_frame(head))
    store.close()


def a_frame_that_does_not_follow_is_refused(make: Open) -> None:
    store = make("log")
    written = fill(store, 3)
    head = store.head()
    hole = Frame.make(head.chain, _end(head) + 1, 1, 0, head.epoch, b"hole")
    loose = Frame.make(bytes(32), _end(head), 1, 0, head.epoch, b"loose")
    _raises(UsageError, lambda: store.append(hole, head), "a frame that leaves a hole")
    _raises(UsageError, lambda: store.append(loose, head), "a frame of another chain")
    _same_frames(list(store.read()), written)
    _append(store, _next_frame(head))
    store.close()


def what_was_acknowledged_is_there_after_closing(make: Open) -> None:
    store = make("log")
    written = fill(store, 7)
    head = store.head()
    store.close()
    again = make("log")
    _same(again.head(), head, "head after reopening")
    _same_frames(list(again.read()), written)
    again.close()


def what_was_acknowledged_is_there_without_closing(make: Open) -> None:
    store = make("log")
    written = fill(store, 7)
    again = make("log")
    _same_frames(list(again.read()), written)
    again.close()
    store.close()


def a_closed_store_does_nothing(make: Open) -> None:
    store = make("log")
    fill(store, 1)
    head = store.head()
    store.close()
    store.close()
    _raises(UsageError, lambda: store.append(_next_frame(head), head), "an append after close")


def a_stale_writer_is_fenced(make: Open) -> None:
    old = make("log")
    written = fill(old, 2)
    new = make("log")
    epoch = new.claim()
    head = new.head()
    mine = _next_frame(old.head(), epoch=head.epoch - 1)
    answer = old.append(mine, old.head())
    _true(isinstance(answer, Conflict), "the old writer appended after a claim by another")
    written.append(_append(new, _next_frame(new.head())))
    answer = old.append(_next_frame(new.head()), new.head())
    _true(isinstance(answer, Conflict), "the old writer appended with the new writer's head")
    _same_frames(list(new.read()), written)
    _same(new.head().epoch, epoch, "epoch")
    old.close()
    written.append(_append(new, _next_frame(new.head())))
    _same_frames(list(new.read()), written)
    new.close()


def a_reader_follows(make: Open) -> None:
    store = make("log")
    reader = store.reader()
    _same(reader.head().position, None, "last position of an empty log")
    written = fill(store, 5)
    _same_frames(list(reader.read()), written)
    _same(reader.head()[:2], store.head()[:2], "head that a reader sees")
    _raises(UsageError, reader.claim, "a claim by a reader")
    reader.close()
    store.close()


def a_read_that_pauses_hinders_nobody(make: Open) -> None:
    store = make("log")
    written = fill(store, 3)
    reading = store.read()
    seen = [next(reading)]
    written.append(_append(store, _next_frame(store.head())))
    seen += list(reading)
    _same_frames(seen, written[: len(seen)])
    _true(len(seen) >= 3, "frames were lost while a read paused")
    store.close()


def readers_see_a_prefix_that_grows(make: Open) -> None:
    store = make("log")
    store.claim()
    reader = store.reader()
    seen: list[list[Frame]] = []
    faults: list[BaseException] = []

    def follow() -> None:
        try:
            while not seen or len(seen[-1]) < _RACE:
                seen.append(list(reader.read()))
        except Exception as error:  # noqa: BLE001 - it is raised below, in the caller's thread
            faults.append(error)

    thread = Thread(target=follow)
    thread.start()
    written = []
    for n in range(_RACE):
        frame = _next_frame(store.head(), count=1 + n % 3, body=bytes([n % 256]) * (1 + n * 7))
        written.append(_append(store, frame))
    thread.join()
    for fault in faults:
        raise fault
    for frames in seen:
        _same_frames(frames, written[: len(frames)])
    _true(all(len(a) <= len(b) for a, b in pairwise(seen)), "what was read is gone again")
    reader.close()
    store.close()


RULES: Final[tuple[Rule, ...]] = (
    an_empty_log_begins_with_its_name,
    two_logs_are_apart,
    a_claim_raises_the_epoch,
    nothing_is_appended_without_a_claim,
    the_head_is_the_last_frame,
    frames_come_back_whole_and_in_order,
    bytes_are_not_touched,
    large_frames_fit,
    reading_begins_with_the_frame_that_holds_the_position,
    a_conflict_stores_nothing,
    a_frame_that_does_not_follow_is_refused,
    what_was_acknowledged_is_there_after_closing,
    what_was_acknowledged_is_there_without_closing,
    a_closed_store_does_nothing,
    a_claim_passes_the_epochs_of_copied_frames,
    a_stale_writer_is_fenced,
    a_reader_follows,
    a_read_that_pauses_hinders_nobody,
    readers_see_a_prefix_that_grows,
)


# --- rules about a disk that fails --------------------------------------------------------


def a_failure_is_said(make: Open, break_disk: Break) -> None:
    store = make("log")
    fill(store, 2)
    break_disk(store)
    _fail(store)
    store.close()


def a_failure_poisons(make: Open, break_disk: Break) -> None:
    store = make("log")
    fill(store, 2)
    head = store.head()
    break_disk(store)
    _fail(store)
    frame = _next_frame(head)
    _raises(StoreError, lambda: store.append(frame, head), "an append after a failure")
    _raises(StoreError, store.head, "a look at the head after a failure")
    _raises(StoreError, lambda: list(store.read()), "a read after a failure")
    _raises(StoreError, store.claim, "a claim after a failure")
    store.close()


def after_a_failure_a_frame_is_whole_or_absent(make: Open, break_disk: Break) -> None:
    store = make("log")
    written = fill(store, 5)
    break_disk(store)
    lost = _fail(store)
    store.close()
    again = make("log")
    found = list(again.read())
    _same_frames(found, [*written, lost][: max(len(found), len(written))])
    again.claim()
    found.append(_append(again, _next_frame(again.head())))
    _same_frames(list(again.read()), found)
    again.close()


FAILURES: Final[tuple[Callable[[Open, Break], None], ...]] = (
    a_failure_is_said,
    a_failure_poisons,
    after_a_failure_a_frame_is_whole_or_absent,
)


# --- steps --------------------------------------------------------------------------------


def fill(store: Store, frames: int) -> list[Frame]:
    """Claim a log and append frames of 1 to 4 events and growing bodies; what they are."""
    store.claim()
    return [
        _append(
            store, _next_frame(store.head(), count=1 + n % 4, body=bytes([n % 256]) * (1 + n * 11))
        )
        for n in range(frames)
    ]


def _next_frame(
    head: Head, count: int = 1, body: bytes = b"body", epoch: int | None = None
) -> Frame:
    number = head.epoch if epoch is None else epoch
    return Frame.make(head.chain, _end(head), count, 1_000_000, number, body)


def _end(head: Head) -> int:
    return 0 if head.position is None else head.position + 1


def _append(store: Store, frame: Frame) -> Frame:
    answer = store.append(frame, store.head())
    _same(answer, None, f"answer to an append at {frame.first}")
    expected = Head(frame.end - 1, frame.chain, store.head().epoch)
    _same(store.head(), expected, f"head after an append at {frame.first}")
    return frame


def _fail(store: Store) -> Frame:
    head = store.head()
    frame = _next_frame(head, body=b"lost" * 5000)
    _raises(StoreError, lambda: store.append(frame, head), "an append on a broken disk")
    return frame


def _true(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)


def _same(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise AssertionError(f"{what}: {found!r} instead of {expected!r}")


def _same_frames(found: list[Frame], expected: list[Frame]) -> None:
    _same([frame.first for frame in found], [frame.first for frame in expected], "positions")
    for one, other in zip(found, expected, strict=True):
        if one.pack() != other.pack():
            raise AssertionError(f"other bytes at {other.first}")


def _raises(kind: type[Exception], call: Callable[[], object], what: str) -> None:
    try:
        call()
    except kind:
        return
    _not_raised(kind, what)


def _not_raised(kind: type[Exception], what: str) -> NoReturn:
    raise AssertionError(f"{what} did not raise {kind.__name__}")
