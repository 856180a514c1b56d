"""The fact of supervision, in the stream of the contact."""

from cckit.core import event


@event("supervision.mode_set", version=1)
class SupervisionModeSet:
    """A supervisor hears a contact, or is heard in it, from here on."""

    supervisor: str
    mode: str
    """``listen``: hears both. ``whisper``: the agent hears the supervisor, too. ``barge``: all
    hear each other. ``take_over``: is the agent now. ``none``: no more."""


EVENTS: tuple[type, ...] = (SupervisionModeSet,)
