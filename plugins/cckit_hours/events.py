"""The fact that is this plugin's own; that modes change is a fact of the core."""

from cckit.core import event


@event("mode.callback_offered", version=1)
class ModeCallbackOffered:
    """Somebody who waits is asked whether to be called back, for a mode has begun."""

    mode: str
    """The mode that began."""


Event = ModeCallbackOffered
EVENTS: tuple[type, ...] = (ModeCallbackOffered,)
