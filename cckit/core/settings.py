"""How a queue works: the content of ``config.applied`` of kind ``queue``."""

from typing import Any, Final

import attrs
import msgpack

from .ids import QueueId
from .instant import SECOND

SEVERAL: Final = frozenset({"parallel", "progressive"})
"""Strategies whose rounds have several offers."""

ACCEPT: Final = "accept"
BLOCKED: Final = "blocked"
DEFLECT: Final = "deflect"
CALLBACK_ONLY: Final = "callback_only"
OVERFLOW: Final = "overflow "
"""Followed by the queue that takes over: what is done with whom a queue can't keep."""
OLD: Final = frozenset(
    {
        *("strategy", "agents", "need", "ring_us", "connect_us", "wrapup_us"),
        *("rona_after", "max_wait_us", "head_start_us"),
    }
)
"""Settings that are always packed; of later ones only those that say something else than
their default, so that a queue which does without them has the hash that it always had."""


@attrs.frozen(slots=True)
class OfferSettings:
    """How often an agent is asked: the content of ``config.applied`` of kind ``offers``.

    .. versionadded:: 0.3
    """

    backoff_us: int = 5 * SECOND
    """How long a contact is kept from an agent who did not take it; it doubles each time."""
    backoff_max_us: int = 60 * SECOND
    a_minute: int = 10
    """Offers that an agent gets within a minute at most; 0 is any number."""

    def pack(self) -> bytes:
        fields = attrs.asdict(self)
        packed: bytes = msgpack.packb({k: fields[k] for k in sorted(fields)})
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> "OfferSettings":
        """:raises TypeError: a key that is not a setting."""
        return cls(**msgpack.unpackb(data))


@attrs.frozen(slots=True)
class QueueSettings:
    """Stored as canonical msgpack: a map with sorted keys."""

    strategy: str = "longest_idle"
    """longest_idle, least_occupied, round_robin, fewest_contacts, least_talk_time,
    random, best_skill, ordered, parallel or progressive."""
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
    rona_back_us: int = 0
    """After which who was set not ready so turns ready again; 0: somebody must say so."""
    rona_returns: int = 3
    """How often that happens without an answered offer between."""
    max_wait_us: int = 0
    """After which an entry leaves as timed_out; 0 is never."""
    head_start_us: int = 60 * SECOND
    """What one step of priority is worth in waiting time."""
    steps: tuple[str, ...] = ()
    """What a wait needs one after the other, if its command says nothing else: texts of
    steps, in place of ``need``."""
    weight: int = 1
    """How much a waited second counts against one of other queues, 1 to 1000."""
    sticky_us: int = 0
    """How long a wait is kept for whom the customer talked to last; 0 is not at all."""
    prefer_us: int = 20 * SECOND
    """How long a wait is kept for the agents whom its command prefers."""
    capacity: int = 0
    """How many may be in the queue; 0 is any number."""
    full: str = BLOCKED
    """What becomes of one more: ``overflow QUEUE``, ``deflect``, ``blocked`` or
    ``callback_only``."""
    estimator: str = ""
    """How the expected wait is computed: ``les`` or ``ql``; empty is not at all."""
    expected_max_us: int = 0
    """How long the expected wait may be for one more to enter; 0 is any time."""
    too_long: str = BLOCKED
    """What becomes of them if it is longer: as ``full``."""
    join_empty: str = ACCEPT
    """What becomes of who comes while nobody signed in could serve them: ``accept``,
    ``overflow QUEUE``, ``deflect`` or ``blocked``."""
    leave_empty: str = ACCEPT
    """The same for who waits when the last one who could leaves."""
    callback_tries: int = 3
    """How often somebody whose place is kept is called before they are given up."""
    callback_pause_us: int = 300 * SECOND
    """After the first call in vain; it doubles with each one."""
    callback_ring_us: int = 30 * SECOND
    """How long their phone may ring."""
    resume_us: int = 0
    """Who gave up and comes again within it waits on from where they were; 0 is never."""

    then: str = "longest_idle"
    """For ordered, parallel and progressive: the strategy that orders the agents."""
    tiers: dict[str, int] = attrs.field(factory=dict)
    """For the same three: agent to tier, the least is asked first; who has none, last."""
    at_once: int = 0
    """For parallel: how many ring at once; 0 is all."""
    add_us: int = 10 * SECOND
    """For progressive: after how long one more rings."""

    def remembers_last(self) -> bool:
        """Tell whether a wait may be kept for whom the customer talked to last."""
        return bool(self.sticky_us) or any("LAST" in step for step in self.steps)

    def pack(self) -> bytes:
        fields = attrs.asdict(self)
        fields["tiers"] = dict(sorted(self.tiers.items()))
        kept = sorted(k for k, value in fields.items() if k in OLD or value != _default(k))
        packed: bytes = msgpack.packb({k: fields[k] for k in kept})
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> "QueueSettings":
        """:raises TypeError: a key that is not a setting."""
        fields: dict[str, Any] = msgpack.unpackb(data)
        fields["agents"] = tuple(fields["agents"])
        if "steps" in fields:
            fields["steps"] = tuple(fields["steps"])
        return cls(**fields)


def _default(name: str) -> Any:
    return getattr(_DEFAULTS, name)


_DEFAULTS: Final = QueueSettings()


def overflow_of(rule: str) -> QueueId | None:
    """The queue that a rule of a full, slow or empty queue sends to, if it is that."""
    if not rule.startswith(OVERFLOW):
        return None
    return QueueId(rule.removeprefix(OVERFLOW))
