#!/usr/bin/env python3
"""Check a bundle: an extract of a contact center's log, with the proof that it is one.

    python3 verify_bundle.py FILE --key VKEY [--witness-key VKEY] [--quorum N] [--json]

It needs Python 3.9 or later and nothing else: no package, no network. Every rule is on these
400 lines, from the bytes to the verdict; read them before you trust it. Keys and quorum are
yours and come by another way than the bundle: nothing in a bundle says whom to trust.
"""

# fmt: off
from __future__ import annotations

import argparse
import re
import struct
import sys
from binascii import a2b_base64, b2a_base64, crc32
from bisect import bisect_left
from collections import namedtuple
from hashlib import sha256, sha512
from json import dumps, loads
from pathlib import Path
from typing import Any

VERDICTS = PROVED, REFUTED, BAD, UNPROVABLE = "proved", "refuted", "bad input", "not provable"

SIZE_MAX, EVENTS_MAX = 64 << 20, 400_000  # Half a gigabyte of memory does for these.

class Unprovable(ValueError):
    """It may be so, but what would show it is not here. Any other ValueError says no."""
def hold(good: object, what: str, doubt: type[ValueError] = ValueError) -> None:
    if not good:
        raise doubt(what)
def words_of(error: BaseException) -> str:
    """What is wrong, in words of ours; Python's are about Python."""
    ours = isinstance(error, (Unprovable, OSError)) or type(error) is ValueError
    other = "too little memory" if isinstance(error, MemoryError) else "it is in no form of ours"
    return str(error) if ours else other
# --- the tree: RFC 6962, section 2.1 --------------------------------------------------------
def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
def roots(low: int, high: int, leaves: list[Any], others: Any, edge: int) -> tuple[bytes, bytes]:
    """The roots over [low, high) when the tree had ``edge`` leaves, and now; a part with neither
    a known leaf nor the edge in it takes its root from ``others``."""
    if not leaves and not low < edge < high:
        root = next(others, b"")
    elif high - low == 1:
        root = leaves[0][1]
    else:
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        cut = bisect_left(leaves, (middle,))
        old1, left = roots(low, middle, leaves[:cut], others, edge)
        old2, right = roots(middle, high, leaves[cut:], others, edge)
        return (node_hash(old1, old2) if old2 else old1), node_hash(left, right)
    return (root if high <= edge else b""), root
# --- Ed25519: RFC 8032, section 5.1, with S < L, y < p, and no point of small order ----------
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, P - 2, P) % P, pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]  # X, Y, Z, T with x = X/Z, y = Y/Z, x * y = T/Z.

def add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P

def point_of(data: bytes) -> Point | None:
    """The point that 32 bytes encode; None if none, or in another form, or of small order."""
    sign, y = divmod(int.from_bytes(data, "little"), 1 << 255)
    u, v = y * y - 1, D * y * y + 1
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    x = x if (v * x * x - u) % P == 0 else x * ROOT % P
    x = P - x if x & 1 != sign else x
    point = eightfold = (x, y, 1, x * y % P)
    for _ in range(3):
        eightfold = add(eightfold, eightfold)
    good = len(data) == 32 and y < P and (v * x * x - u) % P == 0
    return point if good and eightfold[0] else None
def is_signature(public: bytes, message: bytes, signature: bytes) -> bool:
    base = point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    a, r, s = point_of(public), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or base is None or s >= L or len(signature) != 64:
        return False
    k = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little") % L
    minus_a = (P - a[0], a[1], a[2], P - a[3])
    addends, point = ((0, 1, 1, 0), base, minus_a, add(base, minus_a)), (0, 1, 1, 0)
    for bit in range(252, -1, -1):  # The sum becomes s * base - k * a, which must be r.
        point = add(add(point, point), addends[(s >> bit & 1) | (k >> bit & 1) << 1])
    return (point[0] - r[0] * point[2]) % P == 0 and (point[1] - r[1] * point[2]) % P == 0
# --- signed checkpoints: C2SP signed-note, tlog-checkpoint, tlog-cosignature -----------------
SIGNER, WITNESS, WHOSE = 1, 4, {1: "log", 4: "witness"}
NOTE = re.compile(  # Origin, size and root; a blank line; 1 to 16 signatures.
    r"(([^\0-\x1f]+)\n(0|[1-9][0-9]{0,18})\n(\S{43}=)\n)\n((?:— [^\s\0-\x1f+]+ \S{8,}\n){1,16})"
)
Keys = dict[tuple[str, bytes], bytes]  # Name and key id to the public key.
Texts = tuple[str, ...]
Checkpoint = namedtuple("Checkpoint", "origin size root text signatures")

def unbase64(text: str) -> bytes:
    whole = len(text) % 4 == 0 and re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text)
    data = a2b_base64(text) if whole else b""
    hold(b2a_base64(data, newline=False).decode() == text, f"{text[:60]!r} is no base64 of ours")
    return data
def key_of(text: str, kind: int) -> tuple[tuple[str, bytes], bytes]:
    name, number, data = (*text.split("+", 2), "", "")[:3]
    raw = unbase64(data)
    id = sha256(name.encode(errors="replace") + b"\n" + raw).digest()[:4]
    good = name and number == id.hex() and len(raw) == 33 and raw[0] == kind
    hold(good, f"{text!r} is no key of a {WHOSE[kind]}: give its text, NAME+ID+BASE64")
    return (name, id), raw[1:]
def checkpoint_of(note: bytes) -> Checkpoint:
    match = NOTE.fullmatch(note.decode())
    text, origin, size, root, lines = match.groups() if match else ("", "", "0", "", "")
    named = [(name, unbase64(data)) for name, data in re.findall(r"— (\S+) (\S+)\n", lines)]
    found = Checkpoint(origin, int(size), unbase64(root), text.encode(), named)
    good = found.size < 1 << 63 and len(found.root) == 32 and origin.isprintable()
    hold(good, "a checkpoint that is no signed note of origin, size and root")
    return found

def signed_by(checkpoint: Checkpoint, keys: Keys, kind: int) -> dict[tuple[str, bytes], int]:
    """Which of our keys signed, a witness with its time; signatures of others say nothing."""
    found = {}
    for name, raw in checkpoint.signatures:
        time, message, signature = 0, checkpoint.text, raw[4:]
        if kind == WITNESS:
            time, signature = int.from_bytes(raw[4:12], "big"), raw[12:]
            message = b"cosignature/v1\ntime %d\n" % time + message
        if (name, raw[:4]) in keys:
            good = time < 1 << 63 and is_signature(keys[name, raw[:4]], message, signature)
            hold(good, f"the signature of {name} does not hold")
            found[name, raw[:4]] = time
    return found
# --- msgpack: of each value the one shortest form; no floats, no extension but 1 -------------
SHORT = ((dict, 0, 0), (list, 0, 0), (str, 0, 0), (str, 0, 0))  # Codes 80, 90, A0, B0.
LONG = {  # Kind, bytes of the number or length, least; nothing in a log needs longer lengths.
    0xC4: (bytes, 1, 0), 0xC5: (bytes, 2, 256), 0xC7: (tuple, 1, 17), 0xC8: (tuple, 2, 256),
    0xCC: (int, 1, 128), 0xCD: (int, 2, 256), 0xCE: (int, 4, 1 << 16), 0xCF: (int, 8, 1 << 32),
    0xD0: (int, 1, 33), 0xD1: (int, 2, 129), 0xD2: (int, 4, 32_769), 0xD3: (int, 8, (1 << 31) + 1),
    0xD9: (str, 1, 32), 0xDA: (str, 2, 256), 0xDC: (list, 2, 16), 0xDE: (dict, 2, 16),
}
SEALED = ["bytes", "int", "bytes", "bytes", "bytes"]  # Subject, key, nonce, ciphertext, digest.

def unpack(data: bytes) -> Any:
    value, end = read(data, 0, 0)
    hold(end == len(data), "no canonical msgpack")
    return value
def read(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """One value, and where it ends; a sealed one as the tuple of its parts."""
    hold(at < len(data), "a value that is cut off")
    code, at = data[at], at + 1
    if code < 0x80 or code >= 0xE0:
        return code - (code >> 7 << 8), at
    if code in (0xC0, 0xC2, 0xC3):
        return (None, None, False, True)[code & 3], at
    kind, width, least = SHORT[code >> 4 & 3] if code < 0xC0 else LONG.get(code, (None, 0, 99))
    below = 0xD0 <= code <= 0xD3
    size = int.from_bytes(data[at : at + width], "big", signed=below)
    size, at = size if width else code & (15, 31)[kind is str], at + width
    good = least <= (-size if below else size) and size < 1 << 63 and depth < 9
    hold(good, "a value in no form of ours, or too deep")
    if kind is int:
        return size, at
    if kind is list or kind is dict:
        items = []
        for _ in range(size * (1 + (kind is dict))):
            item, at = read(data, at, depth + 1)
            items.append(item)
        keys = items[::2] if kind is dict else []
        hold(keys == sorted({key for key in keys if type(key) is str}), "a map without order")
        return ({k: items[2 * n + 1] for n, k in enumerate(keys)} if kind is dict else items), at
    part, end = data[at : at + size], at + size
    hold(end <= len(data), "cut off")
    if kind is tuple:
        parts, end = unpack(data[at + 1 : end + 1]), end + 1
        hold(data[at] == 1 and fits(parts, SEALED), "an extension that is no sealed value")
        return tuple(parts), end
    return sys.intern(part.decode()) if kind is str else part, end  # Most texts come again.

def fits(value: Any, shape: str | list[str]) -> bool:
    """Whether a value is of a type as the log declares it: ``int``, ``{str[]}?`` …"""
    if isinstance(shape, list):
        return type(value) is list and len(value) == len(shape) and all(map(fits, value, shape))
    if shape.startswith("personal "):
        return value is None or type(value) is tuple
    if shape[-1:] == "?":
        return value is None or fits(value, shape[:-1])
    if shape[-2:] == "[]":
        return type(value) is list and all(fits(one, shape[:-2]) for one in value)
    if shape[:1] + shape[-1:] == "{}":
        return type(value) is dict and all(fits(one, shape[1:-1]) for one in value.values())
    return shape in ("int", "bool", "str", "bytes") and type(value).__name__ == shape
# --- the file: a zip in one form only, its members, its events -------------------------------
MEMBERS = ("bundle.json", "checkpoint", "disclosed.json", "events.bin", "older", "proof.bin")
STORED = struct.pack("<5H", 20, 0, 0, 0, 33)  # Version 2.0, no flags, stored, 1980-01-01.
ENVELOPE = "int int int? str int str int str str int? str? bytes? bytes".split()  # noqa: SIM905
Event = namedtuple("Event", "position at since stream version type n kind by cause of id data leaf")

def members_of(data: bytes) -> dict[str, bytes]:
    """The members of a zip, neither more nor less, and no byte that its writer has not written."""
    found, directory, at = {}, b"", 0
    for name in MEMBERS:
        size, start = int.from_bytes(data[at + 22 : at + 26], "little"), at + 30 + len(name)
        body, here = data[start : start + size], name.encode()
        head = STORED + struct.pack("<IIIHH", crc32(body), len(body), len(body), len(name), 0)
        good = data[at:start] == b"PK\x03\x04" + head + here
        hold(good, f"where {name} should be stands another file, or it is compressed or changed")
        directory += b"PK\x01\x02\x14\x03" + head + struct.pack("<6xII", 0o600 << 16, at) + here
        found[name], at = body, start + size
    end = struct.pack("<4s4HIIH", b"PK\x05\x06", 0, 0, 6, 6, len(directory), at, 0)
    hold(data[at:] == directory + end, "after its members the bundle is cut off, or goes on")
    return found
def events_of(data: bytes) -> list[Event]:
    found, at = list[Any](), 0
    while at < len(data):
        hold(len(found) < EVENTS_MAX, f"more than {EVENTS_MAX} events are too many at a time")
        start, at = at + 4, at + 4 + int.from_bytes(data[at : at + 4], "big")
        hold(at - start < 1 << 16 and at <= len(data), f"events.bin, byte {start}: cut off")
        fields = unpack(data[start:at])
        hold(fits(fields, ENVELOPE) and fields[0] >= 0, f"events.bin, byte {start}: no event")
        hold(not found or fields[0] > found[-1].position, "one stands twice, or out of order")
        found.append(Event._make([*fields, sha256(b"\x00" + data[start:at]).digest()]))
    hold(found, "there is no event in it")
    return found
# --- the claims -----------------------------------------------------------------------------
QUESTIONS = {"contact": ["str"], "queue": ["str", "int?", "int"], "range": ["int", "int"]}
ASKED = {"contact": "contact {}", "queue": "queue {}, {} to {}", "range": "positions {} to {}"}
RESTS = dict.fromkeys(("completeness", "contents"), ("inclusion", "schema"))
DECLARED: list[Any] = ["schema.declared", 1, ["declared:str", "n:int", "fields:str[]"]]

class Bundle:
    """What the file holds. Each claim says in words what is so, or raises why it is not."""
    def __init__(self, data: bytes) -> None:
        members = members_of(data)
        texts = [members[name].decode() for name in ("bundle.json", "disclosed.json")]
        self.question, self.opened = map(loads, texts)
        hold([dumps(self.question), dumps(self.opened)] == texts, "JSON in another form than ours")
        shapes = [QUESTIONS[k] for k in QUESTIONS if self.question[:2] == ["cckit bundle 1", k]]
        hold(shapes and fits(self.question[2:], shapes[0]), "bundle.json asks no question")
        good = [fits(one, ["int", "str", "str", "str"]) for one in self.opened]
        hold(type(self.opened) is list and all(good), "disclosed.json lists no openings")
        self.new = checkpoint_of(members["checkpoint"])
        self.old = checkpoint_of(members["older"]) if members["older"] else None
        self.events, self.proof = events_of(members["events.bin"]), members["proof.bin"]
        self.rows: dict[int, dict[str, Any]] = {}  # Position to the event's fields by name.

    def signature(self, keys: Keys) -> str:
        hold(keys, "consistent, signer not checked: no key was given", Unprovable)
        for one in filter(None, (self.new, self.old)):
            signed = one.origin in [name for name, _ in signed_by(one, keys, SIGNER)]
            hold(signed, f"no given key signed {one.origin} at {one.size}", Unprovable)
        return f"signed by {self.new.origin}"

    def witnesses(self, keys: Keys, quorum: int) -> str:
        found = signed_by(self.new, keys, WITNESS)
        count = len({keys[key] for key in found})
        hold(count >= quorum, f"{count} of {quorum} witnesses cosigned", Unprovable)
        return "cosigned by " + ", ".join(f"{key[0]} at {found[key]}" for key in sorted(found))

    def inclusion(self) -> str:
        size, last, edge = self.new.size, self.events[-1].position, self.old.size if self.old else 0
        hold(edge <= size > last, f"position {last}, an older size of {edge}, a tree of {size}")
        others = iter([self.proof[at : at + 32] for at in range(0, len(self.proof), 32)])
        leaves = [(event.position, event.leaf) for event in self.events]
        before, root = roots(0, size, leaves, others, edge)
        hold((root, [*others]) == (self.new.root, []), "events and proof lead to another root")
        good = not self.old or (before, self.new.origin) == (self.old.root, self.old.origin)
        hold(good, "the older checkpoint is of another log, or of another past")
        grown = f", which grew from that of {edge}" if edge else ""
        return f"{len(leaves)} events are in the tree of {size}{grown}"

    def schema(self) -> str:
        """Each event is, in its one form, what the log declared of its type before it."""
        shapes: dict[Any, Any] = {("schema.declared", 1): DECLARED[2]}
        hold(self.events[0].position == 0, "the first declaration is not here", Unprovable)
        for event in self.events:
            where, kind = f"{event.type} at {event.position}", (event.type, event.n)
            hold(kind in shapes, f"{where}: its type is not declared here", Unprovable)
            parts, row = [field.partition(":") for field in shapes[kind]], unpack(event.data)
            hold(fits(row, [part[2] for part in parts]), f"{where} is not what was declared")
            self.rows[event.position] = {part[0]: row[n] for n, part in enumerate(parts)}
            if event.type == "schema.declared":
                good = shapes.setdefault((row[0], row[1]), row[2]) == row[2]
                hold(good and (event.position or row == DECLARED), f"{where} declares otherwise")
        return "every event is what the log declares of its type"

    def completeness(self) -> str:
        _, kind, first, second, third = (*self.question, None, None)[:5]
        if kind == "range":
            rest = [e for e in self.events if e.type != "schema.declared" or e.position >= first]
            here = [e.position for e in rest if e.type != "schema.declared" or e.position <= second]
            good = here[:1] + here[-1:] == [first, second] and len(here) == second - first + 1
            hold(good, f"the events here are not those of the positions {first} to {second}")
            return f"replayed: all {len(here)} events of the positions {first} to {second}"
        contact = {f"contact/{first}"}, f"contact {first}"
        streams, what = self.entries(first, second, third) if kind == "queue" else contact
        seen: dict[str, list[Any]] = {stream: [] for stream in streams}
        for event in self.events:
            support = event.type == "schema.declared" or event.position in (second, third)
            hold(support or event.stream in seen, f"position {event.position} was not asked for")
            seen.get(event.stream, []).append(event)
        for stream, mine in sorted(seen.items()):
            hold([one.version for one in mine] == list(range(len(mine))), f"{stream} has a hole")
            closed = "contact.closed" in [one.type for one in mine]
            hold(closed, f"{stream} is not closed here: more may follow", Unprovable)
        return f"counted: {what}, from version 0 on to contact.closed"

    def entries(self, queue: str, after: int | None, until: int) -> tuple[set[str], str]:
        """The streams of all that entered a queue between two countings of the log."""
        found, counts = list[tuple[int, str]](), {after: 0}
        for event in self.events:
            row, inside = self.rows[event.position], (after or -1) < event.position < until
            if (event.type, row.get("kind")) == ("ledger.counted", "queue"):
                counts[event.position] = row["counters"].get(queue, -1)
            if inside and (event.type, row.get("queue")) == ("queue.entered", queue):
                found.append((row["n"], event.stream))
        begin, end = max(counts[after], 0) + 1, counts.get(until, -1)
        hold(end >= 0, f"position {until} does not count the queue {queue}", Unprovable)
        good = [n for n, _ in found] == [*range(begin, min(end, begin + len(found)) + 1)]
        hold(good, f"the entries of {queue} are not {begin} to {end}, each once and in order")
        return {stream for _, stream in found}, f"entries {begin} to {end} of {queue}"

    def contents(self) -> str:
        told = []
        for position, field, salt, value in self.opened:
            found, data = self.rows.get(position, {}).get(field), bytes.fromhex(salt + value)
            good = type(found) is tuple and len(salt) == 32 and sha256(data).digest() == found[4]
            hold(good, f"{field} at {position} is not what was sealed")
            told.append(f"{field} at {position} is {unpack(data[16:])!r}")
        hashes = [(at, row.get("sha256")) for at, row in self.rows.items()]
        told += [f"recording at {at}: SHA-256 {h.hex()}" for at, h in hashes if type(h) is bytes]
        return "; ".join(told) or "nothing is opened, nothing was recorded"

    def judge(self, keys: Keys, cosigners: Keys, quorum: int) -> dict[str, Any]:
        """Every claim with its verdict; what rests on one that fails is not provable."""
        claims: dict[str, dict[str, str]] = {}
        checks: list[tuple[Any, ...]] = [(self.signature, keys)]
        checks += [(self.witnesses, cosigners, quorum)] * (quorum > 0)
        checks += [(self.inclusion,), (self.schema,), (self.completeness,), (self.contents,)]
        for check, *given in checks:
            name = check.__name__
            try:
                sure = all(claims[other]["verdict"] == PROVED for other in RESTS.get(name, ()))
                hold(sure, "it rests on what is not proved", Unprovable)
                claims[name] = {"verdict": PROVED, "what": check(*given)}
            except (ValueError, LookupError, TypeError, AttributeError) as no:
                verdict = UNPROVABLE if isinstance(no, Unprovable) else REFUTED
                claims[name] = {"verdict": verdict, "what": words_of(no)}
        found = {one["verdict"] for one in claims.values()}
        worst = next(one for one in (REFUTED, UNPROVABLE, PROVED) if one in found)
        complete = claims["completeness"]
        level = complete["what"].split(":")[0] if complete["verdict"] == PROVED else "included"
        return {"verdict": worst, "level": level, "question": self.question[1:], "claims": claims,
                "origin": self.new.origin, "size": self.new.size, "root": self.new.root.hex()}

def verify_bundle(
    file: Path, /, *, key: Texts = (), witness_key: Texts = (), quorum: int = 0, json: bool = False
) -> int:
    """Check a bundle offline: exit 0 proved, 1 refuted, 2 bad input, 3 not provable.

    :param file: the bundle. Nothing in it is trusted.
    :param key: the log's public key, from its owner; may be given more than once.
    :param witness_key: the public key of a witness; may be given more than once.
    :param quorum: how many witnesses must have cosigned; 0 is all that are given.
    :param json: print {verdict, level, question, origin, size, root, claims}.
    """
    try:
        hold(quorum >= 0, "a quorum is 0 or more witnesses")
        hold(file.is_file() and file.stat().st_size <= SIZE_MAX, "no file of at most 64 MiB")
        signers = dict(key_of(text, SIGNER) for text in key)
        cosigners = dict(key_of(text, WITNESS) for text in witness_key)
        report = Bundle(file.read_bytes()).judge(signers, cosigners, quorum or len(cosigners))
    except (ValueError, TypeError, LookupError, OSError, RecursionError, MemoryError) as error:
        report, wrong = {}, words_of(error)
    if not report:  # The error is gone by now, and the memory that it held.
        print("cckit: " + repr(f"{file}: {wrong}")[1:-1], file=sys.stderr)
        return VERDICTS.index(BAD)
    asked = ASKED[report["question"][0]].format(*(part or 0 for part in report["question"][1:]))
    lines = ["{verdict}, {level}: {0} of the first {size} of {origin}".format(asked, **report)]
    lines += [f"  {c['verdict']:14}{name}: {c['what']}" for name, c in report["claims"].items()]
    print(dumps(report, indent=2) if json else "\n".join(repr(line)[1:-1] for line in lines))
    return VERDICTS.index(report["verdict"])

def main() -> int:
    parser = argparse.ArgumentParser(description="Check a bundle.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--witness-key", action="append", default=[])
    parser.add_argument("--quorum", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = vars(parser.parse_args())
    code = getattr(sys.stdout, "encoding", None)
    try:  # What a screen cannot show is escaped, and what cannot be written is no verdict.
        with open(1, "w", encoding=code, errors="backslashreplace", closefd=False) as sys.stdout:
            return verify_bundle(given.pop("file"), **given)
    except OSError as error:
        print(f"cckit: standard output: {error}", file=sys.stderr)
        return VERDICTS.index(BAD)
if __name__ == "__main__":
    sys.exit(main())
