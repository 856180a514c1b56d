"""Decisions that gather for a frame, and who waits for them."""

from collections.abc import Callable
from typing import Any, Final

import trio

from cckit.core.codec import Codec
from cckit.core.errors import UsageError
from cckit.core.events import Decision
from cckit.core.frame import EVENTS_MAX, FRAME_MAX, HEADER

from .replies import Reply

BODY_MAX: Final = FRAME_MAX - HEADER.size - 32
LARGE: Final = 200
"""Events of a decision from which it could be too large for a frame."""
AROUND: Final = 8192
"""Bytes that are more than the names around an event's data take."""


def check_size(codec: Codec, events: int, fields: list[Any]) -> None:
    """:raises UsageError: one decision that is larger than a frame."""
    if events <= EVENTS_MAX:
        at_most = events * AROUND + sum(len(event[4]) for event in fields[7])
        if at_most <= BODY_MAX or len(codec.pack_fields([fields])) <= BODY_MAX:
            return
    raise UsageError("decision", "is larger than a frame", "record it in parts")


class Waiter:
    """A task that waits for its reply to become durable."""

    __slots__ = ("reply", "task")

    def __init__(self, task: trio.lowlevel.Task, reply: Reply) -> None:
        self.task: trio.lowlevel.Task | None = task
        self.reply = reply

    def abort(self, _: Callable[[], None]) -> trio.lowlevel.Abort:
        self.task = None
        return trio.lowlevel.Abort.SUCCEEDED


class Group:
    """Whole decisions that gather for a frame, and who waits for them."""

    __slots__ = ("decisions", "events", "fields", "keys", "waiting")

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self.fields: list[list[Any]] = []
        self.events = 0
        self.keys: list[bytes] = []
        self.waiting: list[Waiter] = []

    def fit(self, codec: Codec, rest: "Group") -> bytes:
        """Pack what fits a frame, leave the other decisions to ``rest``; the body.

        Who waits is then told with the last of them: late, and never too early.
        """
        body = codec.pack_fields(self.fields)
        while self.events > EVENTS_MAX or len(body) > BODY_MAX:
            n = len(self.decisions) // 2
            rest.decisions[:0], rest.fields[:0] = self.decisions[n:], self.fields[n:]
            del self.decisions[n:], self.fields[n:]
            left = sum(len(decision.recorded) for decision in self.decisions)
            rest.events += self.events - left
            self.events = left
            rest.waiting, rest.keys = self.waiting + rest.waiting, self.keys + rest.keys
            self.waiting, self.keys = [], []
            body = codec.pack_fields(self.fields)
        return body
