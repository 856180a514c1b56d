"""``cckit bundle``: hand out a part of a log with the proof that it is one."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Annotated, Any, Final, NamedTuple

from cyclopts import Parameter

from cckit.core import bundle as b
from cckit.core.bundle import Shown
from cckit.core.codec import Codec
from cckit.core.errors import (
    CckitError,
    ConfigError,
    FormatError,
    ProofError,
    UsageError,
)
from cckit.core.frame import REDACTED
from cckit.core.ids import ContactId, QueueId, contact_stream
from cckit.core.note import Note
from cckit.core.tlog import Checkpoint
from cckit.hooks.store import Store
from cckit.shell.logs.appearing import refuse_existing
from cckit.shell.logs.finding import frames_of
from cckit.shell.logs.moving import write_file
from cckit.shell.proof.proving import positions_of
from cckit.stores.beside import tiles_beside
from cckit.stores.compaction import path_of
from cckit.stores.folder import UNBORN, Folder
from cckit.stores.tiles import Tiles
from cckit.stores.views import Views

from . import verify_bundle as verifier
from .codes import GOOD, UNPROVABLE
from .logs import new_codec, open_log
from .main import say
from .options import Json, Who, Whole
from .output import console, print_json, progress
from .text import plain

_VERIFIER: Final = "verify_bundle.py"


def bundle(
    log: Path,
    /,
    *,
    contact: str | None = None,
    queue: str | None = None,
    from_: Annotated[Whole | None, Parameter(name="--from")] = None,
    to: Whole | None = None,
    disclose: tuple[str, ...] = (),
    purpose: str | None = None,
    actor: Who = None,
    keys: Path | None = None,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    json: Json = False,
) -> int:
    """Write a bundle: a part of a log, with the proof that it is all of that part.

    Of a contact: its events. Of a queue: all contacts that entered it between two countings
    of the log, those around --from and --to. Of --from and --to alone: all events of these
    positions. Beside the bundle is written verify_bundle.py, which checks it on any machine
    with Python. Exit 3 if no checkpoint covers the events, or if nothing shows that more did
    not follow, as of a contact that is still open; in that case the bundle is written.

    What is personal stays sealed. With --disclose it can be read in the bundle, with what
    proves that it was sealed; first the log says to whom each value is shown, and what for.

    :param log: the log, NAME.db, with NAME.tiles beside it. Both are only read; but with
        --disclose the log is written, and no center may have it open.
    :param contact: the id of a contact.
    :param queue: the name of a queue.
    :param from_: the first position.
    :param to: the last position.
    :param disclose: a field, such as from, whose sealed values are shown; may be given more
        than once. What is erased stays sealed.
    :param purpose: what the values are shown for; it stands in the log.
    :param actor: who shows them, KIND/ID such as admin/dana; else the user of this computer,
        as an admin.
    :param keys: the key file; NAME.keys unless given.
    :param output: the file to write; it must not exist.
    :param json: print {file, verifier, level, question, size, events, disclosed, erased,
        claims: {name: {verdict, what}}}.
    """
    place = _free(output)
    if contact is not None and (queue, from_, to) != (None, None, None):
        what = "--contact is a question by itself"
        raise ConfigError("bundle", what, "leave --queue, --from and --to out")
    _check_disclosure(disclose, purpose, actor, keys)
    store, views = open_log(log), None
    try:
        tiles = Tiles.open(tiles_beside(log), store)
        views = Views.look(path_of(log), store)
        with progress("reading") as tell:
            source = _Source(log, store, tiles, views, tell)
            question = source.question(contact, queue, from_, to)
            answer = source.answer(question)
    except _NotProvableError as error:
        say(error)
        return UNPROVABLE
    finally:
        store.close()
        if views is not None:
            views.close()
    data = answer.pack()
    report = _judged(data, log)
    shown = Shown()
    if purpose is not None:
        # The center that the log says so in is loaded only here, for it takes its time.
        from .showing import show

        shown = show(log, keys, answer.events, disclose, actor, purpose)
        data = answer.pack(shown.disclosed)
        report = _judged(data, log)
    _write(data, output, place, private=bool(shown.disclosed))
    return _tell(report, answer, shown, output, place, json)


class _NotProvableError(ProofError):
    """Nothing is wrong, and nothing can be proved yet."""


class _Answer(NamedTuple):
    """What answers a question, with its proof."""

    question: b.Question
    events: Mapping[int, bytes]
    checkpoint: bytes
    proof: bytes
    older: bytes

    def pack(self, disclosed: Sequence[tuple[int, str, bytes, bytes]] = ()) -> bytes:
        return b.pack(*self, disclosed)


def _check_disclosure(
    fields: tuple[str, ...], purpose: str | None, actor: str | None, keys: Path | None
) -> None:
    """Refuse to show something half said.

    :raises ConfigError: it is.
    """
    if fields and purpose is None:
        remedy = "say it: --purpose TEXT; it stands in the log"
        raise ConfigError("--disclose", "what are the values shown for?", remedy)
    if not fields and (purpose, actor, keys) != (None, None, None):
        what = "--purpose, --actor and --keys are about values that are shown"
        raise ConfigError("bundle", what, "say which: --disclose FIELD")


class _Source:
    """A log, as far as its newest checkpoint covers it."""

    def __init__(
        self,
        log: Path,
        store: Store,
        tiles: Tiles,
        views: Views | None,
        tell: Callable[[int], None],
    ) -> None:
        note = tiles.checkpoint()
        if note is None:
            what = "no checkpoint is over this log"
            raise _NotProvableError(str(log), what, "sign one: `cckit checkpoint`")
        self._log = log
        self._store = store
        self._tiles = tiles
        self._note = note
        self._tell = tell
        self._size = _signed(note).size
        self._views = views if views is not None and views.next >= self._size else None
        self._codec = new_codec()

    def leaves(self, wanted: b.Wanted) -> Iterable[bytes]:
        """The wanted ones of the events that the checkpoint covers, and maybe others."""
        plain_codec = Codec(self._codec.registry)
        for frame in frames_of(self._store, self._views, wanted):
            if frame.first >= self._size:
                return
            if frame.flags & REDACTED:
                what = f"lacks events that were taken out, as in the frame at {frame.first}"
                raise FormatError(str(self._log), what, "make the bundle from the log itself")
            yield from plain_codec.leaves(frame.body, frame.first)[: self._size - frame.first]
            self._tell(frame.first + frame.count)

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

    def answer(self, question: b.Question) -> _Answer:
        """Which events answer, and their proof.

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
            remedy = "sign a newer one: `cckit checkpoint`"
            raise FormatError(self._tiles.path, error.what, remedy) from error
        return _Answer(question, events, self._note, proof, older)

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


# --- handing it out -------------------------------------------------------------------------


def _judged(data: bytes, log: Path) -> dict[str, Any]:
    """What its own verifier says of a bundle, without a key.

    :raises FormatError: it refutes something: the tiles or the log are wrong.
    """
    with progress("checking"):
        report = verifier.Bundle(data).judge({}, {}, 0)
    for name, claim in report["claims"].items():
        if claim["verdict"] == verifier.REFUTED:
            what = f"its {name} does not hold: {plain(claim['what'])}"
            remedy = "verify the log; delete NAME.tiles/tile, then sign: tiles are made again"
            raise FormatError(str(log), what, remedy)
    return report


def _free(output: Path) -> Path:
    """Where the verifier of a bundle goes; one of another version is replaced.

    :raises ConfigError: the bundle, or another file in the verifier's place, is there.
    """
    place = output.with_name(_VERIFIER)
    if output.name.lower() == _VERIFIER:
        raise ConfigError(str(output), "is the name of the verifier", "name another file")
    refuse_existing(output)
    if os.path.lexists(place) and not (place.is_file() and _first(place.read_bytes()) == _first()):
        raise ConfigError(str(place), "is there already, and another", "name another folder")
    return place


def _verifier() -> bytes:
    return Path(verifier.__file__).read_bytes()


def _first(source: bytes | None = None) -> list[bytes]:
    """How a verifier of any version begins."""
    return (_verifier() if source is None else source).splitlines()[:2]


def _write(data: bytes, output: Path, place: Path, *, private: bool) -> None:
    """Write the bundle and the verifier beside it: both whole and synced, or neither.

    :raises ConfigError: one of them can't be written.
    """

    def write(file: IO[bytes]) -> None:
        if private:
            os.fchmod(file.fileno(), 0o600)  # It holds what nobody else may read.
        file.write(data)

    write_file(output, write)
    folder, source = Folder(place.parent), _verifier()
    try:
        if folder.read(place.name) not in (None, source):
            print(plain(f"{place}: of another version, is written anew"), file=sys.stderr)
        folder.put([(place.name, source)])
    except OSError as error:
        folder.remove(place.name + UNBORN)
        output.unlink()
        what = f"can't be written: {error.strerror}"
        remedy = "make room there, or name another folder"
        raise ConfigError(str(place), what, remedy) from error


def _tell(
    report: dict[str, Any], answer: _Answer, shown: Shown, output: Path, place: Path, json: bool
) -> int:
    events = len(answer.events)
    claims = {name: claim for name, claim in report["claims"].items() if name != "signature"}
    whole = all(claim["verdict"] == verifier.PROVED for claim in claims.values())
    if json:
        shape = {key: report[key] for key in ("level", "question", "size")}
        files = {"file": str(output), "verifier": str(place)}
        opened = [[at, field] for at, field, *_ in shown.disclosed]
        erased = [list(place) for place in shown.erased]
        sealed = {"disclosed": opened, "erased": erased}
        print_json({**shape, **files, "events": events, **sealed, "claims": claims})
        return GOOD if whole else UNPROVABLE
    out = console()
    counted = f"{events} events, proved in the first {report['size']}; {report['level']}"
    out.print(plain(f"{output}: {counted}"), markup=False)
    for name, claim in claims.items():
        out.print(plain(f"  {claim['verdict']} {name}: {claim['what']}"), markup=False)
    for at, field in shown.erased:
        out.print(plain(f"  erased, not disclosed: {field} at {at}"), markup=False)
    out.print(plain(f"  check it with: python3 {place} {output} --key VKEY"), markup=False)
    return GOOD if whole else UNPROVABLE
