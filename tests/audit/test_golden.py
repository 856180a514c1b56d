"""One log and its certificate, as they were when this shape was first released.

``golden.frames`` holds each frame after its length (u32); no file ever changes. A new shape
of the certificate gets a file of its own beside these.
"""

from collections.abc import Iterator
from pathlib import Path

from cckit.core.audit import Audit, Beside, Bounds, Pinned, Rebuilt, Subject, certificate, identity
from cckit.core.codec import Codec
from cckit.core.facts import FACTS, ProjectionPinned
from cckit.core.frame import Frame
from cckit.core.registry import Registry
from cckit.core.render.json_ import canonical_json
from cckit.core.verify import verify

from .logs import ID
from .projections import Entries

HERE = Path(__file__).parent


def frames() -> Iterator[bytes]:
    stored, at = (HERE / "golden.frames").read_bytes(), 0
    while at < len(stored):
        size = int.from_bytes(stored[at : at + 4], "big")
        yield stored[at + 4 : at + 4 + size]
        at += 4 + size


def certified() -> str:
    registry = Registry(FACTS)
    codec = Codec(registry)
    read = [Frame.parse(stored) for stored in frames()]
    events = [one for frame in read for one in codec.events(frame.body, frame.first)]
    pins = [
        Pinned(envelope.position, envelope.recorded_at, data)
        for envelope, data in events
        if isinstance(data, ProjectionPinned)
    ]
    projection = Entries()
    rebuilt = [Rebuilt.of(projection, identity(projection, b"code", registry))]
    audit = Audit(rebuilt, pins, Bounds())
    for frame in read:
        audit.feed(frame, codec.events(frame.body, frame.first), read[-1].end)
    audit.end()
    chain = verify(frames(), "center", ID, events=True)
    subject = Subject("center", ID, read[-1].chain, chain, True)
    return canonical_json(certificate(subject, audit, Beside())) + "\n"


def test_the_certificate_of_the_golden_log_is_the_golden_one() -> None:
    assert certified() == (HERE / "golden.json").read_text("utf-8")
