"""Whatever bytes a decoder is given: a value or a declared error, soon and in little memory.

Each surface begins with sound inputs, which must be taken, and gets changed copies of them.
"""

import gc
import json
import resource
import sys
from binascii import crc32
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from struct import pack
from time import process_time
from typing import Any, Final

import pytest
from attrs import fields

from cckit.cli import verify_bundle
from cckit.core.codec import Codec
from cckit.core.commands import AcceptOffer, LogIn, ReportArrived, SetProfile
from cckit.core.errors import CckitError, Refused
from cckit.core.facts import FACTS
from cckit.core.frame import Frame, first_previous
from cckit.core.ids import AgentId, OfferId
from cckit.core.imports import read_mapping
from cckit.core.interchange import read_command
from cckit.core.note import Note, Signature, parse_signatures
from cckit.core.registry import Registry
from cckit.core.strict import StrictReader
from cckit.core.tlog import Checkpoint, Proof, pack_entries, unpack_entries
from cckit.core.transfer import FramesFile, LogName, pack_end, pack_frame, pack_start
from cckit.core.verify import verify
from cckit.shell.config import Config
from cckit.shell.files import parse_toml
from tests.proof.small_log import (
    DISCLOSED,
    FIRST,
    OF_A,
    OF_QUEUE,
    OF_RANGE,
    SmallLog,
    members,
)
from tests.replay import golden

from .mutation import Mutation

SEED: Final = 20_261_121
LIMIT_S: Final = 0.5
"""CPU for one input: ten times what the slowest should take."""
LIMIT_KIB: Final = 256 * 1024
"""By how much the peak of memory may grow over all inputs of a surface."""
RENEWED: Final = 10_000
"""Inputs after which a decoder that learns from them begins anew."""

Decode = Callable[[bytes], bool]
"""Tells whether it took an input; or raises an error of ours."""


Surface = tuple[Callable[[], Decode], Sequence[bytes]]
"""How a decoder is made, and what it takes."""


def decisions() -> list[Any]:
    """Those of the newest golden log, its schemas first."""
    frames = golden.frames_of(sorted(golden.FOLDER.iterdir())[-1] / "log.frames")
    codec = Codec(Registry(FACTS))
    parsed = [Frame.parse(raw) for raw in frames]
    return [one for frame in parsed for one in codec.unpack(frame.body, frame.first)]


def bodies() -> list[bytes]:
    """Small ones, so that a change hits what matters."""
    codec = Codec(Registry(FACTS))
    return [codec.pack([decision]) for decision in decisions()[1:200:3]]


def codec() -> Surface:
    sound = bodies()
    declared = Codec(Registry(FACTS)).pack(decisions()[:1])
    count = len(decisions()[0].recorded)

    def make() -> Decode:
        reading, strict = Codec(Registry(FACTS)), StrictReader()
        assert strict.fault(declared, 0, count) is None

        def decode(body: bytes) -> bool:
            strict.fault(body, count, 1)
            reading.events(body, count, ())
            reading.events(body, count)
            return len(reading.unpack(body, count)) > 0

        return decode

    return make, sound


def frame() -> Surface:
    previous = first_previous("fuzz", bytes(16))
    small = sorted(bodies(), key=len)[:9]
    sound = [Frame.make(previous, 0, 1, 7, 1, body).pack() for body in small]

    def decode(stored: bytes) -> bool:
        whole = Frame.parse(stored).is_whole()
        return verify([stored], "fuzz", bytes(16), events=whole).ok or whole

    return lambda: decode, sound


def checkpoint() -> Surface:
    heads = [Checkpoint("example.org/log", n, bytes([n]) * 32).text() for n in range(4)]
    signature = Signature("example.org/log", b"\x01\x02\x03\x04", bytes(64))
    notes = [Note(head, (signature,) * (1 + n)).pack() for n, head in enumerate(heads)]
    proofs = [Proof(n, (bytes(32),) * n, note).pack() for n, note in enumerate(notes)]
    entries = [pack_entries([b"one", b"", b"three" * 30])]

    def decode(data: bytes) -> bool:
        for parse in (Proof.parse, parse_signatures, unpack_entries, _parse_checkpoint):
            try:
                parse(data)
            except CckitError as error:
                assert error.where and error.what and error.remedy
            else:
                return True
        return False

    return lambda: decode, [*notes, *proofs, *entries]


def bundle() -> Surface:
    """Its members are changed and zipped again, so that their checksums are right."""
    log = SmallLog()
    found = [
        members(log.bundle(OF_A, disclosed=DISCLOSED)),
        members(log.bundle(OF_QUEUE)),
        members(log.bundle(OF_RANGE, older=FIRST + 4)),
    ]
    names = list(found[0])
    sound = [
        bytes([n, at]) + content
        for n, one in enumerate(found)
        for at, content in enumerate(one.values())
    ]

    def decode(data: bytes) -> bool:
        whole = data  # The zip itself, or one with a changed member.
        if len(data) > 1 and data[0] < len(found) and data[1] < len(names):
            whole = zipped({**found[data[0]], names[data[1]]: data[2:]})
        try:  # Without a key: to check a signature takes a thousand times as long.
            claims = verify_bundle.Bundle(whole).judge({}, {}, 0)["claims"]
        except (ValueError, TypeError, LookupError, RecursionError):
            return False  # What the command calls bad input.
        del claims["signature"]
        return all(claim["verdict"] == "proved" for claim in claims.values())

    return lambda: decode, sound


def zipped(found: dict[str, bytes]) -> bytes:
    """A zip in the one form that bundles have, ten times as fast as ``zipfile``."""
    body, directory = b"", b""
    for name, data in found.items():
        sizes = pack("<IIIHH", crc32(data), len(data), len(data), len(name), 0)
        start = len(body)
        body += b"PK\x03\x04" + verify_bundle.STORED + sizes + name.encode() + data
        directory += b"PK\x01\x02\x14\x03" + verify_bundle.STORED + sizes
        directory += pack("<6xII", 0o600 << 16, start) + name.encode()
    n, size = len(found), len(directory)
    return body + directory + pack("<4s4HIIH", b"PK\x05\x06", 0, 0, n, n, size, len(body), 0)


def transfer() -> Surface:
    registry = Codec(Registry(FACTS))
    name = LogName("example.org/log", bytes(16))
    made = Frame.make(first_previous(*name[:2]), 0, 1, 7, 1, registry.pack(decisions()[:1])[:300])
    sound = pack_start(name) + pack_frame(made.pack()) + pack_end(made.chain)

    def decode(data: bytes) -> bool:
        return len(list(FramesFile(BytesIO(data).read, "frames").frames())) > 0

    return lambda: decode, [sound]


def _parse_checkpoint(data: bytes) -> None:
    note = Note.parse(data)
    assert note.pack() == data
    Checkpoint.parse(note.text)


def mapping() -> Surface:
    file = Path(__file__).parents[1] / "imports" / "support.toml"
    sound = file.read_bytes()

    def decode(content: bytes) -> bool:
        return bool(read_mapping(parse_toml(content, file), "support.toml").id)

    return lambda: decode, [sound]


def configuration() -> Surface:
    sound = (
        b'[center]\nname = "demo"\nzone = "Asia/Jerusalem"\n[queues.support]\nring = "20s"\n'
        b'need = "billing >= 3"\nagents = ["anna"]\n[agents.anna]\nskills = { he = 5 }\n'
    )
    return lambda: lambda text: bool(Config.parse(text.decode(errors="replace"))), [sound]


def command() -> Surface:
    commands = (
        ReportArrived("voice", from_="+972500000", ref="7"),
        AcceptOffer(OfferId(1 << 32)),
        LogIn(AgentId("anna"), ("voice", "chat")),
        SetProfile(AgentId("anna"), {"he": 5}, {"voice": 100}),
    )
    sound = []
    for one in commands:
        given = {field.name.rstrip("_"): getattr(one, field.name) for field in fields(type(one))}
        sound.append(json.dumps([type(one).__name__, given]).encode())

    def decode(data: bytes) -> bool:
        try:
            name, given = json.loads(data)
        except (ValueError, TypeError, RecursionError):
            return False  # Not ours: who reads JSON for us says so.
        return not isinstance(read_command(name if isinstance(name, str) else "", given), Refused)

    return lambda: decode, sound


SURFACES: Final[dict[str, tuple[Callable[[], Surface], tuple[int, int, int]]]] = {
    "codec": (codec, (4_000, 1_000_000, 50_000_000)),
    "frame": (frame, (4_000, 1_000_000, 50_000_000)),
    "checkpoint": (checkpoint, (4_000, 1_000_000, 50_000_000)),
    "mapping": (mapping, (1_000, 1_000_000, 50_000_000)),
    "bundle": (bundle, (1_000, 1_000_000, 50_000_000)),
    "transfer": (transfer, (1_000, 100_000, 5_000_000)),
    "configuration": (configuration, (1_000, 20_000, 1_000_000)),
    "command": (command, (1_000, 100_000, 5_000_000)),
}
"""Surface to how it is made, and how many inputs it gets in each tier."""


@pytest.mark.parametrize("name", SURFACES)
def test_any_bytes_are_a_value_or_a_declared_error(
    name: str, tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    make_surface, counts = SURFACES[name]
    make, sound = make_surface()
    decode = make()
    mutation = Mutation(SEED, sound)
    taken = refused = 0
    slowest, before = 0.0, peak()
    gc.freeze()  # What other tests have left is not looked through for garbage meanwhile.
    for n in range(tier(*counts)):
        if n % RENEWED == 0:
            decode = make()
        data = mutation.draw()
        began = process_time()
        try:
            took = decode(data)
        except CckitError as error:
            took = False
            assert error.where and error.what and error.remedy
        except Exception as error:
            raise AssertionError(f"{name}: {error!r} for {data.hex()}") from error
        taken += took
        refused += not took
        slowest = max(slowest, process_time() - began)
    gc.unfreeze()
    assert refused + taken == tier(*counts) and refused > 0
    assert slowest < LIMIT_S, f"{name}: {slowest:.3f} s for one input"
    assert peak() - before < LIMIT_KIB, f"{name}: {peak() - before} KiB more at the peak"
    publish(f"fuzz, {name}: {taken + refused:,} inputs, {refused:,} refused, 0 undeclared errors")


@pytest.mark.parametrize("name", SURFACES)
def test_what_is_sound_is_taken(name: str) -> None:
    make, sound = SURFACES[name][0]()
    decode = make()
    for data in sound:
        assert decode(data)


def peak() -> int:
    """The most memory that this process had at once, in KiB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most // 1024 if sys.platform == "darwin" else most
