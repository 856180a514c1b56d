"""A machine with timers, to test by: each promise is kept when it is due."""

from collections.abc import Sequence
from typing import Any

import attrs

from cckit.core import Draft, Machine, Recorded, Stream, Wake, event
from cckit.hooks import RegisterHooks, hookimpl


@event("promise.made", version=1)
class PromiseMade:
    due: int


@event("promise.kept", version=1)
class PromiseKept:
    due: int


@attrs.frozen
class Make:
    stream: Stream
    due: int


@attrs.define
class Promises:
    open: list[int] = attrs.field(factory=list)
    lazy: bool = False


def decide(state: Promises, command: Make | Wake, now: int, ask: object) -> Any:
    if isinstance(command, Make):
        return (Draft(command.stream, PromiseMade(command.due)),)
    if state.lazy:
        return ()
    return [Draft(command.stream, PromiseKept(due)) for due in state.open if due <= command.due]


def evolve(state: Promises, recorded: Recorded[Any]) -> None:
    data = recorded[1]
    if type(data) is PromiseMade:
        state.open.append(data.due)
    else:
        state.open.remove(data.due)


def first(state: Promises) -> int | None:
    return min(state.open, default=None)


def over(state: Promises) -> bool:
    return not state.open


def dump(state: Promises) -> list[int]:
    return sorted(state.open)


PROMISES = Machine("promises", (Make,), (PromiseMade, PromiseKept), Promises, decide, evolve, first)
KEPT = PROMISES._replace(over=over, dump=dump, load=lambda kept: Promises(list(kept)))
"""The same, its states kept in snapshots and forgotten when nothing is open."""


class Promising(RegisterHooks):
    """A plugin of it."""

    def __init__(self, machine: Machine = PROMISES) -> None:
        self.machine = machine

    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return (PromiseMade, PromiseKept)

    @hookimpl
    def cckit_register_machines(self) -> Sequence[Machine]:
        return (self.machine,)
