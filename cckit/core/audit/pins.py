"""What a projection came to, pinned in the log, and the same rebuilt.

A pin says which code, which schemas and which zone file made its digest. Where the digest
comes out alike it holds, whatever made it. Where it differs, those hashes tell a log that
was changed from code that was.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from cckit.core.codec import digest
from cckit.core.facts import ProjectionPinned
from cckit.core.projection import AnyProjection
from cckit.core.registry import Registry
from cckit.core.reports.zone import Zone
from cckit.core.schema import schema_of

SAME: Final = "same"
DIFFERS: Final = "differs"
NOT_COMPARED: Final = "not compared"


class Identity(NamedTuple):
    """What makes a projection's digest.

    .. versionadded:: 0.2
    """

    name: str
    version: int
    code: bytes
    """SHA-256 of the source of its module; empty where there is no source."""
    schemas: bytes
    """SHA-256 of the declarations of the types that it reads."""
    zones: bytes
    """SHA-256 of the zone file that it was given; empty if none."""


def identity(projection: AnyProjection, code: bytes, registry: Registry) -> Identity:
    """Name a projection as a pin does; ``code`` is the source of its module."""
    zone = getattr(projection, "zone", None)
    return Identity(
        projection.name,
        projection.version,
        sha256(code).digest() if code else b"",
        schemas(projection.types, registry),
        sha256(zone.data).digest() if isinstance(zone, Zone) else b"",
    )


def schemas(types: Sequence[type], registry: Registry) -> bytes:
    """SHA-256 of the canonical array ``[name, version, [field, …]]`` of each type, sorted."""
    # A class that nobody registered is in no log, and still says what it would read.
    read = {registry.by_class.get(cls) or schema_of(cls) for cls in types}
    declared = sorted((s.kind.name, s.kind.version, tuple(map(str, s.fields))) for s in read)
    return digest(declared)


_CHAIN: Final = ("chain",)


def pin(
    identity: Identity, position: int, chain: bytes, projection: AnyProjection, state: Any
) -> ProjectionPinned:
    """The fact to write of a state that has folded 0 to ``position``."""
    return ProjectionPinned(
        projection=identity.name,
        n=identity.version,
        code=identity.code,
        schemas=identity.schemas,
        zones=identity.zones,
        position=position,
        chain=chain,
        digest=digest(projection.dump(state)),
    )


class Pinned(NamedTuple):
    """A pin as it stands in the log."""

    position: int
    """Where it stands; ``fact.position`` is what it speaks of."""
    at: int
    fact: ProjectionPinned


class Compared(NamedTuple):
    """One pin beside what was rebuilt."""

    pinned: Pinned
    status: str
    """``same``, ``differs`` or ``not compared``."""
    because: tuple[str, ...]
    """What is not as it was: chain, digest, code, schemas, zones, version, position; or why
    it was not compared: not loaded, redacted, or that the projection raised."""
    found: bytes | None
    """The digest that came out; where the chain is another one, which says it all, the chain."""

    def as_json(self) -> dict[str, Any]:
        """One map, hashes as hex."""
        fact = self.pinned.fact
        pinned = fact.chain if self.because[:1] == _CHAIN else fact.digest
        return {
            "position": self.pinned.position,
            "at": self.pinned.at,
            "projection": fact.projection,
            "version": fact.n,
            "of_position": fact.position,
            "status": self.status,
            "because": list(self.because),
            "pinned": pinned.hex(),
            "found": None if self.found is None else self.found.hex(),
        }


def compare(
    pinned: Pinned, ours: Identity | None, chain: bytes, found: bytes | None, hidden: int, why: str
) -> Compared:
    """Judge one pin.

    :param ours: the projection as it is loaded; None if it is not.
    :param chain: of the frame that holds the pinned position.
    :param found: the digest of our own fold; None if it raised, and ``why`` says how.
    :param hidden: redacted events up to there.
    """
    fact = pinned.fact
    if fact.chain != chain:
        return Compared(pinned, DIFFERS, _CHAIN, chain)
    if ours is None:
        return Compared(pinned, NOT_COMPARED, ("not loaded",), None)
    if fact.n != ours.version:
        return Compared(pinned, NOT_COMPARED, ("version",), found)
    others = _others(fact, ours)
    if found is None:
        return Compared(pinned, NOT_COMPARED, (why, *others), None)
    if found == fact.digest:
        return Compared(pinned, SAME, others, found)
    if hidden:
        return Compared(pinned, NOT_COMPARED, ("redacted", *others), found)
    return Compared(pinned, DIFFERS, ("digest", *others), found)


def _others(fact: ProjectionPinned, ours: Identity) -> tuple[str, ...]:
    pairs = (
        ("code", fact.code, ours.code),
        ("schemas", fact.schemas, ours.schemas),
        ("zones", fact.zones, ours.zones),
    )
    return tuple(name for name, theirs, mine in pairs if theirs != mine)
