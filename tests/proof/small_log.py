"""A log of a few contacts, small enough that a bundle of it can be spoilt bit by bit."""

from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import attrs
import msgpack

from cckit.cli import verify_bundle as verifier
from cckit.core import bundle as b
from cckit.core import facts as f
from cckit.core import merkle
from cckit.core.codec import Codec, canonical
from cckit.core.events import Actor, Envelope, Sealed, Stamp, event, kind_of
from cckit.core.ids import CENTER, ContactId, EntryId, LegId, QueueId, Stream, contact_stream
from cckit.core.instant import Instant, Span
from cckit.core.note import COSIGNATURE, ED25519, Note
from cckit.core.registry import Registry
from cckit.core.tlog import Checkpoint
from cckit.hooks.signing import Signer

KEY = Signer("log.example/day", ED25519, bytes(range(32)))
OTHER = Signer("log.example/day", ED25519, bytes(range(2, 34)))
WITNESSES = tuple(Signer(f"witness.example/{n}", COSIGNATURE, bytes([n] * 32)) for n in (1, 2))
NOON = 1_774_504_800
HELP = QueueId("help")
SALT = bytes(range(16))
NUMBER = "+972 3 000 0000"
RECORDING = sha256(b"what was said").digest()
SEALED = Sealed(bytes(16), 1, bytes(12), b"cipher", sha256(SALT + canonical(NUMBER)).digest())


@event("recording.stopped", version=1)
class RecordingStopped:
    length_us: Span
    sha256: bytes
    ref: str


TYPES = (
    f.RunStarted,
    f.ContactCreated,
    f.QueueEntered,
    f.QueueLeft,
    f.ContactClosed,
    f.LedgerCounted,
    RecordingStopped,
)


def created(contact: str) -> tuple[Stream, Any]:
    data = f.ContactCreated("voice", "in", LegId(1), None, SEALED, None, "main", contact)
    return contact_stream(ContactId(contact)), data


def entered(contact: str, n: int, queue: str = "help") -> tuple[Stream, Any]:
    data = f.QueueEntered(EntryId(n), QueueId(queue), n, Instant(n), 0, 0, ())
    return contact_stream(ContactId(contact)), data


def closed(contact: str) -> tuple[Stream, Any]:
    data = f.ContactClosed("completed", "talk", "customer")
    return contact_stream(ContactId(contact)), data


def counted(**queues: int) -> tuple[Stream, Any]:
    return CENTER, f.LedgerCounted("queue", 0, queues)


HISTORY: tuple[tuple[Stream, Any], ...] = (
    (CENTER, f.RunStarted(1, "live", None, None, False, {})),
    created("a"),
    entered("a", 1),
    (Stream("contact/a"), f.QueueLeft(EntryId(1), "answered", Span(5))),
    (Stream("contact/a"), RecordingStopped(Span(7), RECORDING, "a.wav")),
    closed("a"),
    created("b"),
    entered("b", 2),
    closed("b"),
    counted(help=2),
    created("c"),
    entered("c", 1, "vip"),
    entered("c", 3),
    created("e"),
    entered("e", 4),
    closed("e"),
    closed("c"),
    counted(help=4, vip=1),
    created("d"),
    entered("d", 5),
    counted(help=5, vip=1),
)
"""What happened after the declarations: of contacts a to e, d is never closed."""
FIRST = len(TYPES) + 1
"""Position of the first of it."""
COUNTED = tuple(FIRST + n for n, (_, data) in enumerate(HISTORY) if type(data) is f.LedgerCounted)


class SmallLog:
    """Its expanded events, its tree, and checkpoints of any size."""

    def __init__(
        self,
        history: tuple[tuple[Stream, Any], ...] = HISTORY,
        *,
        key: Signer = KEY,
        leaf_hash: Any = merkle.leaf_hash,
    ) -> None:
        registry = Registry(TYPES)
        declarations = registry.declarations()
        self.codec = Codec(registry)
        self.key = key
        self.leaves: list[bytes] = []
        versions: dict[str, int] = {}
        events = [*((CENTER, one) for one in declarations), *history]
        for position, (stream, data) in enumerate(events):
            if isinstance(data, f.SchemaDeclared):
                registry.admit(data)
            version = versions.get(stream, 0)
            versions[stream] = version + 1
            stamp = Stamp(Instant(1_000_000 + position), Actor("system", "cckit"))
            kind = kind_of(type(data))
            envelope = Envelope(stamp, position, stream, version, kind)
            self.leaves.append(self.codec.expand((envelope, data)))
        self.hashes = [leaf_hash(leaf) for leaf in self.leaves]

    @property
    def size(self) -> int:
        return len(self.leaves)

    def read(self, level: int, index: int) -> bytes:
        return merkle.root_of(self.hashes[index << level : (index + 1) << level])

    def checkpoint(self, size: int | None = None, witnesses: tuple[Signer, ...] = ()) -> bytes:
        size = self.size if size is None else size
        root = merkle.root_of(self.hashes[:size])
        text = Checkpoint(self.key.name, size, root).text()
        lines = [self.key.sign_note(text), *(one.cosign(text, NOON) for one in witnesses)]
        return Note(text, tuple(lines)).pack()

    def pick(self, question: b.Question, size: int | None = None) -> dict[int, bytes]:
        return b.pick(question, lambda _: self.leaves[:size], self.codec)

    def bundle(
        self,
        question: b.Question,
        *,
        size: int | None = None,
        events: dict[int, bytes] | None = None,
        older: int | None = None,
        witnesses: tuple[Signer, ...] = (),
        disclosed: tuple[tuple[int, str, bytes, bytes], ...] = (),
        checkpoint: bytes | None = None,
    ) -> bytes:
        """A bundle of the first ``size`` events; ``events`` are shown instead of the right ones."""
        size = self.size if size is None else size
        shown = self.pick(question, size) if events is None else events
        proof = b.tree_proof(sorted(shown), size, self.read, older or 0)
        note = self.checkpoint(size, witnesses) if checkpoint is None else checkpoint
        before = self.checkpoint(older) if older else b""
        return b.pack(question, shown, note, proof, before, disclosed)


OF_A = b.OfContact(ContactId("a"))
OF_D = b.OfContact(ContactId("d"))
OF_QUEUE = b.OfQueue(HELP, COUNTED[0], COUNTED[1])
OF_RANGE = b.OfRange(FIRST, FIRST + 9)
DISCLOSED = ((FIRST + 1, "from", SALT, canonical(NUMBER)),)


def keys(*signers: Signer) -> verifier.Keys:
    return dict(verifier.key_of(one.vkey.text(), one.algorithm) for one in signers)


def judged(data: bytes, *signers: Signer, quorum: int = 0) -> dict[str, Any]:
    """The report on a bundle, with the key of the log unless others are given."""
    known = keys(*(signers or (KEY,)))
    return verifier.Bundle(data).judge(known, keys(*WITNESSES), quorum)


def verdicts(data: bytes, *signers: Signer) -> dict[str, str]:
    """Claim to verdict, of those that are not proved."""
    claims = judged(data, *signers)["claims"]
    return {n: one["verdict"] for n, one in claims.items() if one["verdict"] != verifier.PROVED}


def words(data: bytes, claim: str, *signers: Signer) -> str:
    """What the verifier says of one claim."""
    text: str = judged(data, *signers)["claims"][claim]["what"]
    return text


RESTING = {"completeness": verifier.UNPROVABLE, "contents": verifier.UNPROVABLE}
"""What rests on events that are not in the log, or are not what they say."""
FORGED = {"inclusion": verifier.REFUTED, **RESTING}
"""What is not proved of a bundle whose events, proof or checkpoint are not the log's."""


def members(data: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(found: Mapping[str, bytes], method: int = ZIP_STORED) -> bytes:
    """A zip with the attributes of ours and any members, in their order."""
    file = BytesIO()
    with ZipFile(file, "w", method) as archive:
        for name, data in found.items():
            info = ZipInfo(name)
            info.create_system, info.external_attr, info.compress_type = 3, 0o600 << 16, method
            archive.writestr(info, data)
    return file.getvalue()


def with_member(data: bytes, name: str, content: bytes) -> bytes:
    """A bundle one of whose members is another, its checksums right."""
    return zipped({**members(data), name: content})


def packed(events: Mapping[int, bytes] | list[bytes]) -> bytes:
    """Expanded events as events.bin holds them."""
    found = [*events.values()] if isinstance(events, Mapping) else events
    return b"".join(len(leaf).to_bytes(4, "big") + leaf for leaf in found)


def changed(leaf: bytes, place: int, value: Any) -> bytes:
    """An expanded event one of whose fields is another."""
    fields = msgpack.unpackb(leaf)
    fields[place] = value
    again: bytes = msgpack.packb(fields)
    return again


def renamed(history: tuple[tuple[Stream, Any], ...], at: int, **more: Any) -> Any:
    """A history one of whose events has other fields."""
    stream, data = history[at]
    return (*history[:at], (stream, attrs.evolve(data, **more)), *history[at + 1 :])
