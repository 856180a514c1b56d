"""What every machine of a plugin owes: pure answers, and instants that are instants.

A machine is tried in the states that made-up events lead to, on a small floor where somebody
called ``x`` waits in a queue ``x``. What such an event can't do to it is no fault of the
machine, for it trusts events; a command comes from outside, so it may say anything.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, get_type_hints

import attrs

from cckit.core import commands as c
from cckit.core.ask import OPEN
from cckit.core.codec import canonical, digest
from cckit.core.edges import check
from cckit.core.engine import Engine
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, Envelope, Recorded, Stamp, kind_of
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, ContactId, QueueId, Stream
from cckit.core.instant import MINUTE
from cckit.core.machine import Machine, Wake
from cckit.core.schema import unpack
from cckit.core.settings import QueueSettings
from cckit.core.shapes import Shape, shape_of
from cckit.core.snapshot import dump

X: Final = "x"
STREAM: Final = Stream("contact/x")
NOW: Final = 10 * MINUTE
SAMPLES: Final = 2
"""Of each class: one of nothing, one of something."""

History = tuple[Recorded[Any], ...]


def names_states(machine: Machine) -> None:
    """``key`` gives a stream or None, the same each time."""
    for recorded in _events(machine):
        if machine.key is not None:
            named: list[Any] = [machine.key(recorded) for _ in range(2)]
            if not isinstance(named[0], str | None) or named[0] != named[1]:
                raise AssertionError(f"{machine.name}: key gave {named!r}")


def waits_for_instants(machine: Machine) -> None:
    """``due`` gives an int or None, the same each time, and leaves the state alone."""
    for history in _histories(machine):
        state = _fold(machine, history)
        if machine.due is None:
            return
        named: list[Any] = [machine.due(state) for _ in range(2)]
        if type(named[0]) not in (int, type(None)) or named[0] != named[1]:
            raise AssertionError(f"{machine.name}: due gave {named!r}")
        _check_same(machine, history, state, "due")


def decides_purely(machine: Machine) -> None:
    """``decide`` gives facts or a refusal, the same each time, and writes nothing."""
    engine = small_floor()
    before = digest(dump(engine))
    for history in _histories(machine):
        for command in _commands(machine, _fold(machine, history)):
            state = _fold(machine, history)
            first, again = (_decide(machine, state, command, engine.floor) for _ in range(2))
            if first != again:
                raise AssertionError(f"{machine.name}: {command!r}: {first!r}, then {again!r}")
            _check_same(machine, history, state, "decide")
            if digest(dump(engine)) != before:
                raise AssertionError(f"{machine.name}: decide wrote to the floor")


def keeps_states(machine: Machine) -> None:
    """Where there is ``dump``, there is ``load``, and it gives an equal state of it."""
    if machine.dump is None or machine.load is None:
        if machine.dump is not machine.load:
            raise AssertionError(f"{machine.name}: dump and load go together")
        return
    for history in _histories(machine):
        state = _fold(machine, history)
        kept = canonical(machine.dump(state))
        _check_same(machine, history, state, "dump")
        again = machine.load(unpack(kept))
        if canonical(machine.dump(again)) != kept:
            raise AssertionError(f"{machine.name}: load loses what dump gave")
        if state == _fold(machine, history) and again != state:
            raise AssertionError(f"{machine.name}: load gave {again!r}, not {state!r}")
        if machine.due is not None and machine.due(again) != machine.due(state):
            raise AssertionError(f"{machine.name}: what was loaded waits for another instant")


def small_floor() -> Engine:
    """An engine where an agent ``x`` is logged in and a contact ``x`` waits in a queue ``x``."""
    engine = Engine()
    for command in (
        c.ApplyConfig("queue", X, QueueSettings().pack()),
        c.SetProfile(AgentId(X)),
        c.LogIn(AgentId(X)),
        c.ReportArrived("voice", contact=ContactId(X)),
        c.Enqueue(ContactId(X), QueueId(X)),
    ):
        engine.act(command, SYSTEM, NOW - MINUTE)
    return engine


def _decide(machine: Machine, state: Any, command: Any, floor: Floor) -> Any:
    more: tuple[Any, ...] = (floor,) if machine.reads_floor else ()
    more = (*more, SYSTEM) if machine.reads_actor else more
    try:
        answer: Any = machine.decide(state, command, NOW, OPEN, *more)
    except Exception as error:
        raise AssertionError(f"{machine.name}: {command!r} raised {error!r}") from error
    if isinstance(answer, Refused):
        return answer
    if not isinstance(answer, Sequence):
        raise AssertionError(f"{machine.name}: answered {type(answer).__name__}")
    drafts = [tuple(draft) for draft in answer]
    for stream, data in drafts:
        kind_of(type(data))
        if not isinstance(stream, str):
            raise AssertionError(f"{machine.name}: {stream!r} is no stream")
    return drafts


def _check_same(machine: Machine, history: History, state: Any, what: str) -> None:
    fresh = _fold(machine, history)
    # A state without equality can't be held to it.
    if fresh == _fold(machine, history) and state != fresh:
        raise AssertionError(f"{machine.name}: {what} changed its state")


# --- made-up events and commands ----------------------------------------------------------


def _events(machine: Machine) -> Iterator[Recorded[Any]]:
    position = 0
    for cls in machine.seen:
        for n in range(SAMPLES):
            stamp = Stamp(NOW - MINUTE, SYSTEM)
            yield Envelope(stamp, position, STREAM, position, kind_of(cls)), _sample(cls, n)
            position += 1


def _histories(machine: Machine) -> Iterator[History]:
    """None, each event alone, each after those before it, as far as the machine takes them."""
    yield ()
    whole: History = ()
    for recorded in _events(machine):
        for history in ((recorded,), (*whole, recorded)):
            try:
                _fold(machine, history)
            except Exception:  # noqa: BLE001, S112 - such a history there is not
                continue
            if history[:-1] == whole:
                whole = history
            yield history


def _fold(machine: Machine, history: History) -> Any:
    state = machine.initial()
    for recorded in history:
        machine.evolve(state, recorded)
    return state


def _commands(machine: Machine, state: Any) -> Iterator[Any]:
    for cls in machine.commands:
        for n in range(SAMPLES):
            command = _sample(cls, n)
            if check(command) is None:
                yield command
    due = None if machine.due is None else machine.due(state)
    if due is not None:
        yield Wake(STREAM, due)


def _sample(cls: Any, n: int) -> Any:
    hints = get_type_hints(cls, include_extras=True)
    return cls(**{field.alias: _of_type(hints[field.name], n) for field in attrs.fields(cls)})


def _of_type(hint: Any, n: int) -> Any:
    return STREAM if hint is Stream else _value(shape_of(hint), n)


SCALARS: Final[dict[str, Callable[[int], object]]] = {
    "int": lambda n: n * NOW,
    "bool": lambda n: n > 0,
    "str": lambda n: X,
    "bytes": lambda n: b"x" * n,
}


def _value(shape: Shape, n: int) -> Any:
    base, inner = shape
    if inner is None:
        return SCALARS[base](n)
    if base == "[]":
        return (_value(inner, n),) * n
    if base == "{}":
        return {X: _value(inner, n)} if n else {}
    return _value(inner, n) if n and base == "?" else None


MACHINE_RULES: Final = (names_states, waits_for_instants, decides_purely, keeps_states)
