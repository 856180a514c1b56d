"""``cckit check``: does the log whose key you have hold these events?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgpack

from cckit.core.errors import CckitError, ConfigError, FormatError, ProofError, UnknownSignerError
from cckit.core.merkle import check_inclusion, leaf_hash
from cckit.core.note import ED25519, Note, VKey, open_note
from cckit.core.tlog import Checkpoint, Proof
from cckit.hooks.signing import verify
from cckit.shell.files import read_file
from cckit.shell.proof.notary import root_of_log

from .codes import GOOD, NO, UNPROVABLE
from .logs import open_log
from .main import say
from .options import Json
from .output import console, print_json
from .prove import EVENT, PROOF
from .text import instant_text, plain

TITLE: Final = b"c2sp.org/tlog-proof@v1\n"
PROVED, REFUTED, UNPROVED = "proved", "refuted", "not provable"
INCLUDED: Final = "included"
"""What proofs of events show: that these are in the log, never that no others are."""
CODES: Final = {PROVED: GOOD, REFUTED: NO, UNPROVED: UNPROVABLE}


class Claim(NamedTuple):
    """One event that a log is said to hold, and what became of that."""

    position: int
    verdict: str
    reason: str
    event: dict[str, Any] | None


def check(
    file: Path,
    /,
    *,
    key: tuple[str, ...] = (),
    event: tuple[str, ...] = (),
    log: Path | None = None,
    json: Json = False,
) -> int:
    """Check proofs that events are in a log, against a public key that you trust.

    Whether the log has others beside them no proof of an event shows: `cckit bundle` does. Exit
    0 only if every event is proved; 1 if something is refuted: an event that is
    another one, a path or a signature that does not hold; 2 if there is nothing to judge: no
    proof, cut off, doubled, of another log, or over more events than the log given has; 3 if
    nothing is proved: no key, or another key than who signed, or no event, or the events of a
    folder are all of one stream and some of that stream are missing.

    :param file: a proof, or the folder that `cckit prove --contact` wrote.
    :param key: a public key of the log, by another way than the proof; may be given more
        than once, as when the log's key was exchanged.
    :param event: the event, a file or its bytes in hex, one for each proof; left out, it is
        in the file beside the proof, FILE.event.
    :param log: a copy of the log that you have: the checkpoint must be over its beginning.
    :param json: print {verdict, level, lacking, origin, size, signed_by, events: [{position,
        verdict, reason, event}]}; level is "included".
    """
    keys = tuple(VKey.parse(text) for text in key)
    places = _places(file)
    proofs = _parsed(places)
    if event and len(event) != len(places):
        what = f"{len(event)} events for {len(places)} proofs"
        raise ConfigError("--event", what, "give one for each, by position")
    sources = event or tuple(str(_beside(place)) for place in places)
    noted = {proof.checkpoint: _checkpoint(proof, keys) for proof in proofs}
    if log is not None:
        try:
            _hold_to(log, list(noted.values()))
        except ProofError as error:
            say(error)
            return NO
    signed = {note: _signed(note, keys) for note in noted}
    claims = []
    for proof, source in zip(proofs, sources, strict=True):
        leaf = _event(source, given=bool(event))
        claims.append(_claim(proof, leaf, noted[proof.checkpoint], signed[proof.checkpoint]))
    return _tell(file, claims, list(noted.values())[-1], signed, json)


# --- reading --------------------------------------------------------------------------------


def _places(file: Path) -> list[Path]:
    if not file.is_dir():
        return [file]
    found = [place for place in file.iterdir() if place.name.endswith(PROOF)]
    if not found:
        raise ConfigError(str(file), "holds no proof", f"name a file, or a folder of *{PROOF}")
    return sorted(found, key=lambda place: (len(place.name), place.name))


def _parsed(places: Sequence[Path]) -> list[Proof]:
    found: dict[int, Proof] = {}
    for place in places:
        data = read_file(place)
        if data.count(TITLE) > 1:
            raise FormatError(str(place), "holds more than one proof", "give each its own file")
        try:
            proof = Proof.parse(data)
            note = Note.parse(proof.checkpoint)
            Checkpoint.parse(note.text)
        except FormatError as error:
            raise FormatError(str(place), error.what, error.remedy) from error
        if proof.index in found:
            what = f"position {proof.index} is proved twice"
            raise FormatError(str(place), what, "take the other one out")
        found[proof.index] = proof
    return list(found.values())


def _beside(place: Path) -> Path:
    return place.with_name(place.name.removesuffix(PROOF) + EVENT)


def _event(source: str, given: bool) -> bytes | None:
    """An event's bytes; None where there are none beside a proof.

    :raises ConfigError: what was named is no file and no hex.
    """
    if not given:
        return read_file(Path(source)) if Path(source).exists() else None
    if Path(source).exists():
        return read_file(Path(source))
    try:
        return bytes.fromhex(source)
    except ValueError:
        what = f"{plain(source[:40])!r} is no file, and no bytes in hex"
        raise ConfigError("--event", what, "give either") from None


def _checkpoint(proof: Proof, keys: Sequence[VKey]) -> Checkpoint:
    """What the checkpoint says.

    :raises ConfigError: it is of another log than all the keys.
    """
    found = Checkpoint.parse(Note.parse(proof.checkpoint).text)
    names = sorted({key.name for key in keys})
    if keys and found.origin not in names:
        what = f"is of the log {found.origin!r}, and the key is of {', '.join(names)}"
        raise ConfigError("the proof", plain(what), "give the key of that log, if you trust it")
    return found


def _hold_to(log: Path, checkpoints: Sequence[Checkpoint]) -> None:
    """Compare checkpoints with a copy of their log.

    :raises ProofError: one is not over the beginning of this log.
    :raises ConfigError: it is of another log, or over more events than this one has.
    """
    store = open_log(log)
    try:
        head = store.head().position
        events = 0 if head is None else head + 1
        for one in checkpoints:
            if one.origin != store.origin:
                what = f"is of the log {one.origin!r}, and this is {store.origin!r}"
                raise ConfigError("the proof", plain(what), "compare it with a copy of its own log")
            if one.size > events:
                what = f"its checkpoint is of {one.size} events, and {log} has {events}"
                raise ConfigError("the proof", plain(what), "bring a newer copy of the log")
            if root_of_log(store, one.size) != one.root:
                what = f"its checkpoint of {one.size} events is not over the beginning of {log}"
                raise ProofError("the proof", plain(what), "find out which of the two is true")
    finally:
        store.close()


# --- judging --------------------------------------------------------------------------------


def _signed(note: bytes, keys: Sequence[VKey]) -> CckitError | tuple[str, ...]:
    """Whose keys have signed, the log's own among them; or why that is not so."""
    if not keys:
        return UnknownSignerError("signer", "not checked: no key was given", "give --key")
    try:
        found, signatures = open_note(note, keys, verify)
    except ProofError as error:
        return error
    origin = Checkpoint.parse(found.text).origin
    own = [k.key_id for k in keys if k.name == origin and k.algorithm == ED25519]
    if not any(one.name == origin and one.key_id in own for one in signatures):
        what = "only a witness has signed with a key that was given"
        return UnknownSignerError("signer", what, "give the log's key, too")
    return tuple(dict.fromkeys(signature.name for signature in signatures))


def _claim(
    proof: Proof, event: bytes | None, over: Checkpoint, signed: CckitError | tuple[str, ...]
) -> Claim:
    at, size = proof.index, over.size
    if event is None:
        return Claim(at, UNPROVED, "no event was given: nothing says what is there", None)
    shown = _shown(event)
    if shown is None or shown["position"] != at:
        return Claim(at, REFUTED, "these bytes are no event of this position", None)
    try:
        check_inclusion(leaf_hash(event), at, size, proof.hashes, over.root)
    except ProofError as error:
        return Claim(at, REFUTED, f"the path does not lead to this event: {error.what}", shown)
    if isinstance(signed, UnknownSignerError):
        what = f"consistent, but nobody is known to have signed it: {signed.what}"
        return Claim(at, UNPROVED, what, shown)
    if isinstance(signed, CckitError):
        return Claim(at, REFUTED, signed.what, shown)
    return Claim(at, PROVED, f"in the first {size} events of {over.origin}", shown)


def _shown(event: bytes) -> dict[str, Any] | None:
    """What an expanded event says of itself; None of other bytes."""
    try:
        position, at, _, stream, version, type_, *_, data = msgpack.unpackb(event)
    except (ValueError, TypeError, msgpack.UnpackException):
        return None
    row = {"position": position, "recorded_at": at, "stream": stream, "type": type_}
    numbers = (position, at, version)
    if (
        any(type(n) is not int for n in numbers)
        or type(stream) is not str
        or type(data) is not bytes
    ):
        return None
    return {**row, "stream_version": version} if type(type_) is str else None


# --- telling --------------------------------------------------------------------------------


def _tell(
    file: Path,
    claims: Sequence[Claim],
    over: Checkpoint,
    signed: dict[bytes, CckitError | tuple[str, ...]],
    json: bool,
) -> int:
    verdicts = {claim.verdict for claim in claims}
    lacking = _lacking(claims) if file.is_dir() else None
    if lacking is not None:
        verdicts.add(UNPROVED)
    verdict = next(one for one in (REFUTED, UNPROVED, PROVED) if one in verdicts)
    names = {name for who in signed.values() if isinstance(who, tuple) for name in who}
    if json:
        rows = [claim._asdict() for claim in claims]
        shape = {"verdict": verdict, "level": INCLUDED, "lacking": lacking}
        log = {"origin": over.origin, "size": over.size}
        print_json({**shape, **log, "signed_by": sorted(names), "events": rows})
        return CODES[verdict]
    out = console()
    for claim in claims:
        out.print(plain(_line(claim)), markup=False)
    by = f", signed by {', '.join(sorted(names))}" if verdict == PROVED else ""
    why = "" if lacking is None else f": {lacking}"
    out.print(plain(f"{file}: {verdict.upper()}{by}{why}"), markup=False)
    if verdict == PROVED and file.is_dir():
        events = "1 event is" if len(claims) == 1 else f"{len(claims)} events are"
        rest = "whether there are others this does not show (see cckit bundle)"
        out.print(f"{events} in the log; {rest}", markup=False)
    return CODES[verdict]


def _lacking(claims: Sequence[Claim]) -> str | None:
    """What is missing of the stream that all events are of; None if nothing is known to be."""
    events = [claim.event for claim in claims if claim.event is not None]
    if len({event["stream"] for event in events}) != 1:
        return None
    versions = {event["stream_version"] for event in events}
    missing = next(n for n in range(len(versions) + 1) if n not in versions)
    if missing > max(versions):
        return None
    return f"version {missing} of {events[0]['stream']} is not among them"


def _line(claim: Claim) -> str:
    event = claim.event
    what = "" if event is None else f" {event['type']} in {event['stream']}"
    at = "" if event is None else f" at {instant_text(event['recorded_at'])}"
    return f"position {claim.position}{what}{at}: {claim.verdict}, {claim.reason}"
