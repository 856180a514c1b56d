"""Skills that count only while a certificate is valid: ``from_at <= now < until``.

A record of ``certification.changed`` limits the skill that it names, whether or not the
skill needs one; a skill whose settings ask for a certificate counts with a valid record
only. The profile still says at which level. So what an agent can do is a function of the
profile, the records and the time, and changes at an *edge*: the beginning or the end of a
record.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import attrs
import msgpack

FOREVER: Final = 2**63 - 1
"""An instant that no log reaches."""


class Certificate(NamedTuple):
    """One record: a skill counts from ``from_at`` and before ``until``."""

    from_at: int
    until: int
    position: int
    """Of the event that says so."""


@attrs.frozen(slots=True)
class SkillSettings:
    """The content of ``config.applied`` of kind ``skill``: canonical msgpack of a map.

    .. versionadded:: 0.3
    """

    certificate: bool = False
    """It counts only with a valid certificate."""

    def pack(self) -> bytes:
        packed: bytes = msgpack.packb({"certificate": self.certificate})
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> "SkillSettings":
        """:raises TypeError: a key that is not a setting."""
        fields: dict[str, Any] = msgpack.unpackb(data)
        return cls(**fields)


Certificates = Mapping[str, Sequence[Certificate]]
"""Skill to its records, the earliest first; they don't overlap."""


def skills_at(
    profile: dict[str, int],
    certificates: Certificates,
    required: Mapping[str, SkillSettings],
    now: int,
) -> dict[str, int]:
    """What of a profile counts now: skill to level."""
    if not certificates and not required:
        return profile
    return {
        skill: level
        for skill, level in profile.items()
        if _counts(certificates.get(skill), skill in required and required[skill].certificate, now)
    }


def _counts(records: Sequence[Certificate] | None, needed: bool, now: int) -> bool:
    if records is None:
        return not needed
    return any(one.from_at <= now < one.until for one in records)


def edges(certificates: Certificates) -> Iterator[int]:
    """Yield the instants at which something begins or ceases to count."""
    for records in certificates.values():
        for one in records:
            yield one.from_at
            yield one.until


def next_edge(certificates: Certificates, now: int) -> int:
    """The first edge after now, ``FOREVER`` if there is none."""
    return min((at for at in edges(certificates) if at > now), default=FOREVER)


def with_record(records: Sequence[Certificate], new: Certificate) -> tuple[Certificate, ...]:
    """The records of a skill with one more, which takes the place of its namesake."""
    others = [one for one in records if one.from_at != new.from_at]
    return tuple(sorted([*others, new]))
