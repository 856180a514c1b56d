"""How a queue works: the content of ``config.applied`` of kind ``queue``."""

from typing import Any

import attrs
import msgpack

from .instant import SECOND


@attrs.frozen(slots=True)
class QueueSettings:
    """Stored as canonical msgpack: a map with sorted keys."""

    strategy: str = "longest_idle"
    """longest_idle, least_occupied, round_robin, fewest_contacts, least_talk_time,
    random or best_skill."""
    agents: tuple[str, ...] = ("*",)
    """Agent ids; ``*`` is every agent."""
    need: str = ""
    """What an agent must have, ``billing >= 3 and he >= 2``; empty is nothing more."""
    ring_us: int = 20 * SECOND
    connect_us: int = 5 * SECOND
    wrapup_us: int = 30 * SECOND
    """0: no wrap-up."""
    rona_after: int = 1
    """Unanswered offers in a row until the agent is set not ready."""
    max_wait_us: int = 0
    """After which an entry leaves as timed_out; 0 is never."""
    head_start_us: int = 60 * SECOND
    """What one step of priority is worth in waiting time."""

    def pack(self) -> bytes:
        fields = attrs.asdict(self)
        packed: bytes = msgpack.packb({k: fields[k] for k in sorted(fields)})
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> "QueueSettings":
        """:raises TypeError: a key that is not a setting."""
        fields: dict[str, Any] = msgpack.unpackb(data)
        fields["agents"] = tuple(fields["agents"])
        return cls(**fields)
