"""Audits of logs in memory, without a file."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cckit.core.audit import Audit, Beside, Bounds, Pinned, Rebuilt, Subject, certificate, identity
from cckit.core.facts import ProjectionPinned
from cckit.core.projection import AnyProjection
from cckit.core.verify import verify
from cckit.shell.proof.auditing import USUAL

from .logs import ID, Log

Certify = Callable[..., dict[str, Any]]


@pytest.fixture
def certify() -> Certify:
    """The certificate of a log, of the projections that are given."""

    def run(
        log: Log,
        projections: Sequence[AnyProjection] = (),
        *,
        code: bytes = b"code",
        bounds: Bounds = USUAL,
        end: int | None = None,
    ) -> dict[str, Any]:
        registry = log.codec.registry
        rebuilt = [Rebuilt.of(p, identity(p, code, registry)) for p in projections]
        until = log.next if end is None else end
        pins = [
            Pinned(envelope.position, envelope.stamp.recorded_at, data)
            for envelope, data in log.events
            if isinstance(data, ProjectionPinned) and envelope.position < until
        ]
        audit = Audit(rebuilt, pins, bounds)
        for frame in log.frames:
            if frame.first < until:
                audit.feed(frame, log.codec.events(frame.body, frame.first), until)
        audit.end()
        chain = verify((f.pack() for f in log.frames), log.origin, ID, events=True)
        subject = Subject(log.origin, ID, log.frames[-1].chain, chain, True)
        return certificate(subject, audit, Beside())

    return run
