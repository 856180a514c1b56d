"""The facts of a callback.

``callback.requested`` stands in the stream of the contact that asked for it, and so do the
others while nobody is called. A scheduled callback begins a contact of its own when it is due
(``contact.linked``, kind ``callback_of``), and goes on in that one's stream.
"""

from cckit.core import Instant, Personal, QueueId, SubjectId, event


@event("callback.requested", version=1)
class CallbackRequested:
    """Somebody is promised to be called."""

    subject: SubjectId | None
    number: Personal[str] | None
    """Where to call them; None is where they came from."""
    mode: str
    """``keep``: at their turn, in the place that they had. ``scheduled``: at ``due``."""
    first: str
    """Who is called first: ``agent`` or ``customer``."""
    due: Instant | None = None
    queue: QueueId | None = None
    """Where they wait when they are called."""


@event("callback.rescheduled", version=1)
class CallbackRescheduled:
    """It was agreed to call at another time."""

    due: Instant


@event("callback.attempt_ended", version=1)
class CallbackAttemptEnded:
    """They were called once."""

    n: int
    """From 1."""
    result: str
    """``connected``, ``left`` if they answered and hung up before anybody spoke to them, else
    why nobody answered: ``busy``, ``no_answer``, ``timeout`` …"""


@event("callback.closed", version=1)
class CallbackClosed:
    """The promise has ended."""

    reason: str
    """``done``: they spoke. ``unreachable``: all tries were in vain. ``declined``: they
    answered and hung up. ``cancelled``: by anybody, or they called themselves. ``expired``:
    the time for it passed."""


Event = CallbackRequested | CallbackRescheduled | CallbackAttemptEnded | CallbackClosed
