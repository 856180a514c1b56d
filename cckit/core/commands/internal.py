"""What the shell itself asks."""

from .making import command


@command
class TimerDue:
    """An instant that an event set has come."""

    kind: str
    subject: str
    set_position: int


@command
class Route:
    """Go on matching where the last decision reached its bound of offers."""
