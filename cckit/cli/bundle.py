"""``cckit bundle``: hand out a part of a log with the proof that it is one."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from cckit.core import bundle as b
from cckit.core.codec import Codec
from cckit.core.errors import CckitError, ConfigError, FormatError, ProofError, UsageError
from cckit.core.frame import REDACTED
from cckit.core.ids import ContactId, QueueId, contact_stream
from cckit.core.note import Note
from cckit.core.tlog import Checkpoint
from cckit.hooks.store import Store
from cckit.shell.proving import positions_of
from cckit.stores.tiles import Tiles, tiles_beside

from . import verify_bundle as verifier
from .codes import GOOD, UNPROVABLE
from .logs import new_codec, open_log
from .main import say
from .options import Json, Whole
from .output import console, print_json
from .text import plain


def bundle(
    log: Path,
    /,
    *,
    contact: str | None = None,
    queue: str | None = None,
    from_: Annotated[Whole | None, Parameter(name="--from")] = None,
    to: Whole | None = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    json: Json = False,
) -> int:
    """Write a bundle: a part of a log, with the proof that it is all of that part.

    Of a contact: its events. Of a queue: all contacts that entered it between two countings
    of the log, those around --from and --to. Of --from and --to alone: all events of these
    positions. Beside the bundle is written verify_bundle.py, which checks it on any machine
    with Python. Exit 3 if no checkpoint covers the events, or if nothing shows that more did
    not follow, as of a contact that is still open; in that case the bundle is written.

    :param log: the log, NAME.db, with NAME.tiles beside it. Both are only read.
    :param contact: the id of a contact.
    :param queue: the name of a queue.
    :param from_: the first position.
    :param to: the last position.
    :param output: the file to write; it must not exist.
    :param json: print {file, verifier, level, question, size, events, claims: {name: {verdict,
        what}}}.
    """
    if os.path.lexists(output):
        raise ConfigError(str(output), "is there already", "name a new file")
    if contact is not None and (queue, from_, to) != (None, None, None):
        what = "--contact is a question by itself"
        raise ConfigError("bundle", what, "leave --queue, --from and --to out")
    store = open_log(log)
    try:
        tiles = Tiles.open(tiles_beside(log), store)
        source = _Source(log, store, tiles)
        question = source.question(contact, queue, from_, to)
        events, data = source.bundle(question)
    except _NotProvableError as error:
        say(error)
        return UNPROVABLE
    finally:
        store.close()
    report = verifier.Bundle(data).judge({}, {}, 0)
    _hold(report, log)
    place = _write(data, output)
    return _tell(report, events, output, place, json)


class _NotProvableError(ProofError):
    """Nothing is wrong, and nothing can be proved yet."""


class _Source:
    """A log, as far as its newest checkpoint covers it."""

    def __init__(self, log: Path, store: Store, tiles: Tiles) -> None:
        note = tiles.checkpoint()
        if note is None:
            what = "no checkpoint is over this log"
            raise _NotProvableError(str(log), what, "sign one: `cckit checkpoint`")
        self._log = log
        self._store = store
        self._tiles = tiles
        self._note = note
        self._size = _signed(note).size
        self._codec = new_codec()

    def leaves(self) -> Iterable[bytes]:
        """The expanded events that the checkpoint covers, in order."""
        plain_codec = Codec(self._codec.registry)
        for frame in self._store.read():
            if frame.first >= self._size:
                return
            if frame.flags & REDACTED:
                what = f"lacks events that were taken out, as in the frame at {frame.first}"
                raise FormatError(str(self._log), what, "make the bundle from the log itself")
            yield from plain_codec.leaves(frame.body, frame.first)[: self._size - frame.first]

    def question(
        self, contact: str | None, queue: str | None, first: int | None, last: int | None
    ) -> b.Question:
        """What is asked.

        :raises ConfigError: nothing, or too much.
        :raises _NotProvableError: no counting of the queue is covered.
        """
        if contact is not None:
            return b.OfContact(ContactId(contact))
        if queue is not None:
            around = (QueueId(queue), first, last)
            after, until = b.ledgers_around(*around, self.leaves, self._codec)
            if until is None:
                what = f"no ledger.counted counts the queue {plain(queue)!r} after these positions"
                remedy = "wait for the day's end or write one: `cckit pin`, then `cckit checkpoint`"
                raise _NotProvableError(str(self._log), what, remedy)
            return b.OfQueue(QueueId(queue), after, until)
        if first is None or last is None or last < first:
            remedy = "give --contact, --queue, or --from and --to with --from first"
            raise ConfigError("bundle", "what is to be proved?", remedy)
        return b.OfRange(first, last)

    def bundle(self, question: b.Question) -> tuple[int, bytes]:
        """How many events answer, and the bundle.

        :raises ConfigError: none do.
        :raises _NotProvableError: the checkpoint does not cover what is asked.
        """
        if isinstance(question, b.OfRange) and question.last >= self._size:
            what = f"its checkpoint covers {self._size} events, up to position {self._size - 1}"
            raise _NotProvableError(str(self._log), what, "sign a newer one: `cckit checkpoint`")
        events = b.pick(question, self.leaves, self._codec)
        if not events:
            raise self._nothing(question)
        older = self._older(question.first) if isinstance(question, b.OfRange) else b""
        edge = _signed(older).size if older else 0
        try:
            proof = b.tree_proof(list(events), self._size, self._tiles.read, edge)
        except UsageError as error:
            raise FormatError(self._tiles.path, error.what, "delete the folder") from error
        return len(events), b.pack(question, events, self._note, proof, older)

    def _nothing(self, question: b.Question) -> CckitError:
        """Why no event that is signed answers."""
        if not isinstance(question, b.OfContact):
            return FormatError(str(self._log), "no event answers", "verify the log")
        what = f"the log has no contact {plain(question.contact)!r}"
        if positions_of(self._store, contact_stream(question.contact)):
            what = f"no checkpoint covers contact {plain(question.contact)!r} yet"
            return _NotProvableError(str(self._log), what, "sign a newer one: `cckit checkpoint`")
        return ConfigError("--contact", what, "take the id that the log has after contact/")

    def _older(self, first: int) -> bytes:
        """The newest checkpoint before a position; none is empty."""
        found = [note for note in self._tiles.checkpoints() if 0 < _signed(note).size <= first]
        return max(found, key=lambda note: _signed(note).size, default=b"")


def _signed(note: bytes) -> Checkpoint:
    return Checkpoint.parse(Note.parse(note).text)


def _hold(report: dict[str, Any], log: Path) -> None:
    """Refuse to hand out what its own verifier refutes: the tiles or the log are wrong."""
    for name, claim in report["claims"].items():
        if claim["verdict"] == verifier.REFUTED:
            what = f"its {name} does not hold: {plain(claim['what'])}"
            raise FormatError(str(log), what, "verify the log; delete NAME.tiles: it is made again")


def _write(data: bytes, output: Path) -> Path:
    """Write the bundle, and the verifier beside it.

    :raises ConfigError: another file stands in the verifier's place.
    """
    source = Path(verifier.__file__).read_bytes()
    place = output.with_name("verify_bundle.py")
    if os.path.lexists(place) and place.read_bytes() != source:
        raise ConfigError(str(place), "is there already, and another", "name another folder")
    place.write_bytes(source)
    output.write_bytes(data)
    return place


def _tell(report: dict[str, Any], events: int, output: Path, place: Path, json: bool) -> int:
    claims = {name: claim for name, claim in report["claims"].items() if name != "signature"}
    whole = all(claim["verdict"] == verifier.PROVED for claim in claims.values())
    if json:
        shape = {key: report[key] for key in ("level", "question", "size")}
        files = {"file": str(output), "verifier": str(place)}
        print_json({**shape, **files, "events": events, "claims": claims})
        return GOOD if whole else UNPROVABLE
    out = console()
    counted = f"{events} events, proved in the first {report['size']}; {report['level']}"
    out.print(plain(f"{output}: {counted}"), markup=False)
    for name, claim in claims.items():
        out.print(plain(f"  {claim['verdict']} {name}: {claim['what']}"), markup=False)
    out.print(plain(f"  check it with: python3 {place} {output} --key VKEY"), markup=False)
    return GOOD if whole else UNPROVABLE
