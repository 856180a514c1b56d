"""Bundles: what an auditor is handed, and in which bytes.

A bundle answers one question about a log: what befell a contact, which contacts entered a
queue between two countings, what stands at some positions. It holds the events that answer,
the declarations of their types, a signed checkpoint, and one proof for all of them: the
roots of the parts of the tree that hold none of the events. The format, byte for byte, is in
docs/reference/bundle.md; ``cckit/cli/verify_bundle.py`` reads it and knows nothing of this.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import BytesIO
from itertools import pairwise
from json import dumps
from typing import Any, Final, NamedTuple, TypeAlias
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import msgpack

from .codec import Codec
from .errors import UsageError
from .events import kind_of
from .facts import LedgerCounted, QueueEntered, SchemaDeclared
from .ids import ContactId, QueueId, contact_stream
from .merkle import Read, root_at

FORM: Final = "cckit bundle 1"
SIZE_MAX: Final = 64 << 20
"""Bytes of a bundle: more takes more memory to check than an auditor may have."""
EVENTS_MAX: Final = 400_000
"""Events of a bundle, for the same reason."""
UNIX: Final = 3
READABLE: Final = 0o600
"""Of whoever unpacks it."""

_DECLARED: Final = kind_of(SchemaDeclared).name
_ENTERED: Final = kind_of(QueueEntered).name
_COUNTED: Final = kind_of(LedgerCounted).name


class Shown(NamedTuple):
    """Which values are shown in a bundle, and which can't be any more."""

    disclosed: tuple[tuple[int, str, bytes, bytes], ...] = ()
    """Position, field, salt and packed value."""
    erased: tuple[tuple[int, str], ...] = ()


class OfContact(NamedTuple):
    """All events of a contact's stream."""

    contact: ContactId

    def fields(self) -> list[Any]:
        """As ``bundle.json`` has it."""
        return [FORM, "contact", self.contact]


class OfQueue(NamedTuple):
    """All contacts that entered a queue between two countings of the log."""

    queue: QueueId
    after: int | None
    """Position of the ``ledger.counted`` before; None is the log's beginning."""
    until: int
    """Position of the one after, which counts this queue."""

    def fields(self) -> list[Any]:
        """As ``bundle.json`` has it."""
        return [FORM, "queue", self.queue, self.after, self.until]


class OfRange(NamedTuple):
    """All events of some positions."""

    first: int
    last: int
    """Of it, too."""

    def fields(self) -> list[Any]:
        """As ``bundle.json`` has it."""
        return [FORM, "range", self.first, self.last]


Question: TypeAlias = OfContact | OfQueue | OfRange


class Wanted(NamedTuple):
    """Which events have to be looked at: all of some streams, types and positions."""

    streams: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    positions: range = range(0)


Leaves: TypeAlias = Callable[[Wanted], Iterable[bytes]]
"""Each call gives expanded events of the log, in order: all that are wanted, maybe others."""


class Head(NamedTuple):
    """What an expanded event says of itself; its data is still packed."""

    position: int
    stream: str
    type: str
    version: int
    data: bytes


def head_of(leaf: bytes) -> Head:
    """Read an expanded event that a codec wrote."""
    position, _, _, stream, _, type_, version, *_, data = msgpack.unpackb(leaf, use_list=False)
    return Head(position, stream, type_, version, data)


# --- which events ---------------------------------------------------------------------------


def pick(question: Question, leaves: Leaves, codec: Codec) -> dict[int, bytes]:
    """The events that answer a question, and the declarations of their types, by position."""
    if isinstance(question, OfRange):
        first, last = question
        here = leaves(Wanted(types=frozenset({_DECLARED}), positions=range(first, last + 1)))
        return _with_types(here, codec, lambda head: first <= head.position <= last)
    if isinstance(question, OfContact):
        streams = frozenset({str(contact_stream(question.contact))})
        here = leaves(Wanted(streams, frozenset({_DECLARED})))
        return _with_types(here, codec, lambda head: head.stream in streams)
    after = -1 if question.after is None else question.after
    entered = set()
    for leaf in leaves(Wanted(types=frozenset({_ENTERED}))):
        head = head_of(leaf)
        if head.type == _ENTERED and after < head.position < question.until:
            data = codec.decode(head.type, head.version, head.data)
            if data.queue == question.queue:
                entered.add(head.stream)
    ledgers = {question.after, question.until}
    here = leaves(Wanted(frozenset(entered), frozenset({_DECLARED, _COUNTED})))
    return _with_types(here, codec, lambda head: head.stream in entered or head.position in ledgers)


def _with_types(
    leaves: Iterable[bytes], codec: Codec, wanted: Callable[[Head], bool]
) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    declared: dict[tuple[str, int], tuple[int, bytes]] = {}
    for leaf in leaves:
        head = head_of(leaf)
        if head.type == _DECLARED:
            data = codec.decode(head.type, head.version, head.data)
            declared.setdefault((data.declared, data.n), (head.position, leaf))
        if wanted(head):
            found[head.position] = leaf
            declared_at, declaration = declared[head.type, head.version]
            found[declared_at] = declaration
    if found and declared:
        first, declaration = declared[_DECLARED, 1]
        found[first] = declaration
    return dict(sorted(found.items()))


def ledgers_around(
    queue: QueueId, first: int | None, last: int | None, leaves: Leaves, codec: Codec
) -> tuple[int | None, int | None]:
    """The countings of a queue around some positions.

    The last one before ``first``, None if there is none or it is the log's beginning, and
    the first one after ``last``, or the newest; None if there is none.
    """
    before = after = None
    for leaf in leaves(Wanted(types=frozenset({_COUNTED}))):
        head = head_of(leaf)
        if head.type != _COUNTED:
            continue
        data = codec.decode(head.type, head.version, head.data)
        if data.kind != "queue" or queue not in data.counters:
            continue
        if first is not None and head.position <= first:
            before = head.position
        elif last is None or after is None or after < last:
            after = head.position
    return before, None if last is not None and after is not None and after < last else after


# --- in which bytes -------------------------------------------------------------------------


def tree_proof(positions: Sequence[int], size: int, read: Read, edge: int = 0) -> bytes:
    """What with the events at ``positions`` gives the root of the first ``size`` events.

    The tree is cut in two, as RFC 6962 cuts it, until a part holds neither one of the
    positions nor ``edge``: the root of each such part, 32 bytes, from left to right. With
    ``edge``, the size of an older tree, the same hashes give its root, too.

    :raises UsageError: no positions, or not ascending ones in a tree of this size.
    """
    ascending = all(a < b for a, b in pairwise(positions))
    if not positions or not ascending or positions[0] < 0 or positions[-1] >= size:
        raise UsageError("proof", f"no such positions in {size} events", "give them ascending")
    found: list[bytes] = []

    def walk(low: int, high: int, here: Sequence[int]) -> None:
        if not here and not low < edge < high:
            found.append(root_at(high - low, lambda level, n: read(level, n + (low >> level))))
        elif high - low > 1:
            middle = low + (1 << ((high - low - 1).bit_length() - 1))
            cut = bisect_left(here, middle)
            walk(low, middle, here[:cut])
            walk(middle, high, here[cut:])

    walk(0, size, positions)
    return b"".join(found)


def pack(
    question: Question,
    events: Mapping[int, bytes],
    checkpoint: bytes,
    proof: bytes,
    older: bytes = b"",
    disclosed: Sequence[tuple[int, str, bytes, bytes]] = (),
) -> bytes:
    """The file: a stored zip, its members sorted, dated 1980; the same for the same bundle.

    ``checkpoint`` is a signed note, and ``older``, if there is one. ``disclosed``: position,
    field, salt and packed value of what is to be shown.

    :raises UsageError: more than 64 MiB, or than 400,000 events.
    """
    opened = [[at, field, salt.hex(), value.hex()] for at, field, salt, value in disclosed]
    members = {
        "bundle.json": dumps(question.fields()).encode(),
        "checkpoint": checkpoint,
        "disclosed.json": dumps(opened).encode(),
        "events.bin": b"".join(len(e).to_bytes(4, "big") + e for _, e in sorted(events.items())),
        "older": older,
        "proof.bin": proof,
    }
    size = sum(len(data) for data in members.values())
    if size > SIZE_MAX - 4096 or len(events) > EVENTS_MAX:
        what = f"{len(events)} events in {size} bytes; at most {EVENTS_MAX} in 64 MiB are checked"
        raise UsageError("bundle", what, "ask for a smaller range at a time")
    file = BytesIO()
    with ZipFile(file, "w", ZIP_STORED) as archive:
        for name, data in members.items():
            info = ZipInfo(name)
            info.create_system, info.external_attr = UNIX, READABLE << 16
            archive.writestr(info, data)
    return file.getvalue()
