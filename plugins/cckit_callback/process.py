"""Follows each call on the floor, and tells the machine how an attempt and a promise ended.

Durable facts in, the machine's own commands out. What is repeated after a crash is decided
again by the machine, which takes the n-th attempt once.
"""

from collections.abc import Sequence
from typing import Any, Final

import attrs

from cckit.core import LegId, Recorded, Stream, contact_stream
from cckit.core.facts import (
    ContactClosed,
    ContactConnected,
    LegCleared,
    LegEstablished,
    LegOrdered,
    QueueLeft,
)

from . import events as e
from .machine import DONE, EndAttempt, EndCallback, recall_id

NOBODY: Final = LegId(0)
ENDED_AS: Final = {"callback_failed": "unreachable", "timed_out": "expired"}
"""How a promise ends by the reason for which the entry left; else it is ``cancelled``."""


@attrs.define
class Call:
    """The contact that is, or will be, called for one callback."""

    of: Stream
    n: int = 0
    """Attempts that ended."""
    begun: int = 0
    leg: LegId = NOBODY
    """The customer's, while they are called or have answered."""
    answered: bool = False
    left: str = ""
    """Why it left its queue."""


Calls = dict[Stream, Call]
"""Contact to its call."""


class Attempts:
    """The process of the callbacks of a center."""

    name = "callback"
    types: tuple[type, ...] = (
        e.CallbackRequested,
        e.CallbackRescheduled,
        e.CallbackClosed,
        LegOrdered,
        LegEstablished,
        LegCleared,
        ContactConnected,
        QueueLeft,
        ContactClosed,
    )

    def initial(self) -> Calls:
        return {}

    def apply(self, state: Calls, recorded: Recorded[Any]) -> Sequence[Any]:
        """Fold one fact; nearly all are of contacts that nobody called."""
        envelope, data = recorded
        stream = envelope.stream
        if isinstance(data, e.CallbackRequested):
            call = Call(stream)
            state[stream if data.mode == "keep" else _next(call)] = call
            return ()
        call_ = state.get(stream)
        if call_ is None:
            return self._elsewhere(state, stream, data)
        return self._follow(state, stream, call_, data)

    def _elsewhere(self, state: Calls, stream: Stream, data: Any) -> Sequence[Any]:
        """What is said of a callback where nobody is called: put off, or closed."""
        if isinstance(data, e.CallbackClosed):
            for contact in [contact for contact, call in state.items() if call.of == stream]:
                del state[contact]
        return ()

    def _follow(self, state: Calls, stream: Stream, call: Call, data: Any) -> Sequence[Any]:
        if isinstance(data, LegOrdered):
            if data.order == "dial" and data.role == "customer":
                call.leg, call.answered = data.leg, False
        elif isinstance(data, LegEstablished):
            call.answered = call.answered or data.leg == call.leg
        elif isinstance(data, LegCleared):
            if data.leg == call.leg and not call.answered:
                return self._ended(call, data.cause)
        elif isinstance(data, QueueLeft):
            call.left = data.reason
        elif isinstance(data, ContactConnected):
            del state[stream]
            tried = self._ended(call, DONE) if call.leg else ()
            return (*tried, EndCallback(call.of, "done"))
        elif isinstance(data, e.CallbackRescheduled):
            del state[stream]
            call.begun += stream != call.of
            state[_next(call)] = call
        elif isinstance(data, e.CallbackClosed):
            del state[stream]
        elif isinstance(data, ContactClosed):
            del state[stream]
            return self._closed(call)
        return ()

    def _ended(self, call: Call, result: str) -> Sequence[Any]:
        call.n += 1
        call.leg, call.answered = NOBODY, False
        return (EndAttempt(call.of, call.n, result),)

    def _closed(self, call: Call) -> Sequence[Any]:
        if call.answered:
            return (*self._ended(call, "left"), EndCallback(call.of, "declined"))
        return (EndCallback(call.of, ENDED_AS.get(call.left, "cancelled")),)

    def dump(self, state: Calls) -> Any:
        """Contact, and the fields of its call."""
        return [
            [contact, call.of, call.n, call.begun, call.leg, call.answered, call.left]
            for contact, call in state.items()
        ]

    def load(self, dumped: Any) -> Calls:
        return {Stream(row[0]): Call(Stream(row[1]), *row[2:]) for row in dumped}


def _next(call: Call) -> Stream:
    """The stream of the contact that will be begun for a callback."""
    return contact_stream(recall_id(call.of, call.begun + 1))
