"""The facts of alerts, in the stream of what they are about: a contact, an agent, the center.

An alert is named by its rule and that stream: ``too_long contact/…``; of the center by the
rule alone. A rule for each queue, scope ``queue/*``, has the queue in its name:
``long_line queue/sales``.
"""

from typing import get_args

from cckit.core import event


@event("alert.raised", version=1)
class AlertRaised:
    """A value reached its limit, and stayed there as long as the rule says."""

    rule: str
    value: int
    """Microseconds, a count or a permille, by the kind of the rule."""
    limit: int
    """The one that was reached."""


@event("alert.repeated", version=1)
class AlertRepeated:
    """It still stands, and nobody has acknowledged it."""

    rule: str
    n: int
    """From 1."""
    value: int


@event("alert.acknowledged", version=1)
class AlertAcknowledged:
    """Somebody takes care of it: it is not repeated."""

    rule: str
    by: str


@event("alert.cleared", version=1)
class AlertCleared:
    """It is over: what it was about ended, or the value reached the limit for clearing."""

    rule: str


Event = AlertRaised | AlertRepeated | AlertAcknowledged | AlertCleared
EVENTS: tuple[type, ...] = get_args(Event)
