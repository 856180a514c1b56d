"""Channels as data: what a contact of one costs an agent, and what it may interrupt.

An agent has a budget. Each contact at hand holds its cost from the offer to the end of
wrap-up, and of one channel there are never more than its maximum. A call may interrupt
something that can wait, such as e-mail: what is interrupted costs nothing until the call
is over. Then it counts again, so no contact is taken in meanwhile that would not fit
beside it: what must fit the budget is the most that can ever count at once, whatever of
it ends first (``heaviest``).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs
import msgpack

from .instant import HOUR

INTERRUPT: Final = "interrupt"
"""By what an interrupted contact is held, and retrieved."""


@attrs.frozen(slots=True)
class ChannelSettings:
    """The content of ``config.applied`` of kind ``channel``: canonical msgpack of a map.

    .. versionadded:: 0.3
    """

    calls: bool = True
    """Two legs are bridged. False: messages, which are connected as soon as accepted."""
    cost: int = 100
    """Of an agent's budget, where the agent's profile says nothing else."""
    maximum: int = 0
    """Contacts of it that one agent has at once; 0 is what the budget allows."""
    interrupts: tuple[str, ...] = ()
    """Channels whose contacts wait while an agent has one of this."""
    idle_us: int = 0
    """How long a conversation that its agent left waits for the customer to write again;
    0: it is over then."""

    def pack(self) -> bytes:
        fields = attrs.asdict(self)
        packed: bytes = msgpack.packb({k: fields[k] for k in sorted(fields)})
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> "ChannelSettings":
        """:raises TypeError: a key that is not a setting."""
        fields: dict[str, Any] = msgpack.unpackb(data)
        fields["interrupts"] = tuple(fields["interrupts"])
        return cls(**fields)


Channels = Mapping[str, ChannelSettings]
CALL: Final = ChannelSettings()
"""A channel that nobody configured."""
DEFAULTS: Final[Channels] = {
    "voice": ChannelSettings(maximum=1, interrupts=("email",)),
    "video": ChannelSettings(maximum=1, interrupts=("email",)),
    "chat": ChannelSettings(calls=False, cost=20, maximum=5),
    "email": ChannelSettings(calls=False, cost=25, maximum=4),
}


def interrupted(present: Iterable[str], channels: Channels) -> set[str]:
    """Which channels wait beside these."""
    return {name for one in present for name in channels.get(one, CALL).interrupts}


def heaviest(totals: Mapping[str, int], channels: Channels) -> int:
    """The most of these costs that can ever count at once, whatever ends first.

    :param totals: channel to the cost of all contacts of it, the interrupted ones too.
    """
    most = 0
    names = sorted(totals)
    front: list[tuple[int, int, frozenset[str]]] = [(0, 0, frozenset())]
    while front:
        at, cost, taken = front.pop()
        if at == len(names):
            most = max(most, cost)
            continue
        name = names[at]
        front.append((at + 1, cost, taken))
        rivals = {*channels.get(name, CALL).interrupts}
        if not (rivals & taken or name in interrupted(taken, channels)):
            front.append((at + 1, cost + totals[name], taken | {name}))
    return most


def wrong(name: str, settings: ChannelSettings, channels: Channels) -> str | None:
    """Say what can't be about a channel beside the others; None if all can."""
    calls: object = settings.calls
    if type(calls) is not bool:
        return f"calls is {calls!r}, allowed are true and false"
    for key, most in (("cost", 10_000), ("maximum", 1_000)):
        value, least = getattr(settings, key), key == "cost"
        if type(value) is not int or not least <= value <= most:
            return f"{key} is {value!r}, allowed are {int(least)} to {most}"
    if type(settings.idle_us) is not int or not 0 <= settings.idle_us <= 90 * 24 * HOUR:
        return f"idle_us is {settings.idle_us!r}, allowed are 0 to {90 * 24 * HOUR}"
    if settings.calls and settings.idle_us:
        return "idle_us is set, but a call has no idle time; set calls to false, or idle_us to 0"
    for other in settings.interrupts:
        if type(other) is not str or other == name:
            return f"it interrupts {other!r}; name other channels"
        if channels.get(other, CALL).calls:
            return f"it interrupts {other!r}, which is a call; only messages can wait"
    rivals = [one for one, rule in channels.items() if name in rule.interrupts and one != name]
    if settings.calls and rivals:
        return f"{rivals[0]!r} interrupts it, and a call can't wait; change {rivals[0]!r} first"
    if _leads_to(name, settings.interrupts, channels):
        return f"{name!r} would be interrupted by what it interrupts; take one of them out"
    return None


def _leads_to(name: str, through: Iterable[str], channels: Channels) -> bool:
    """Tell whether interrupting comes back to a channel."""
    seen: set[str] = set()
    front = [*through]
    while front:
        one = front.pop()
        if one == name:
            return True
        if one not in seen:
            seen.add(one)
            front.extend(channels.get(one, CALL).interrupts)
    return False
