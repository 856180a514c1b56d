"""Machines of plugins: one state a stream, the same words as the core's own.

A machine decides its commands from its state and evolves on the events that it sees. Where it
has ``due``, timers are data for it too: after each event the instant that a state waits for is
compared with the one known before, and another one arms one timer. When that instant comes,
the machine is asked to decide on ``Wake``, once: a timer is armed again only when ``due`` gives
another instant, or when the state is folded anew, as at opening.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import attrs

from .ask import Ask
from .codec import canonical
from .commands import TimerDue
from .errors import Refused, raised
from .events import Actor, Draft, Envelope, Recorded, kind_of
from .evolve import Handler
from .floor import Floor
from .ids import Stream
from .projection import Canonical
from .schema import unpack
from .timer import MACHINE, Timer

INSTANT_MAX: Final = 2**63 - 1

Key = tuple[str, Stream]
"""A machine's name, and which of its states."""


class Machine(NamedTuple):
    """A plugin's machine: one state a stream, the same words as the core's.

    What raises in here refuses the command (``plugin.failed``) and is kept out of the log.
    """

    name: str
    """Its own, no colon."""
    commands: tuple[type, ...]
    """Its command classes; each has a ``stream``, which names the state."""
    seen: tuple[type, ...]
    """The event classes that it evolves on."""
    initial: Callable[[], Any]
    decide: Callable[..., Sequence[Draft] | Refused]
    """``decide(state, command, now, ask)`` reads, and answers with facts or a refusal; for
    ``Wake`` as for its commands. With ``reads_floor`` it takes the floor as a fifth."""
    evolve: Callable[[Any, Recorded[Any]], None]
    """``evolve(state, recorded)`` writes the state, in place."""
    due: Callable[[Any], int | None] | None = None
    """The next instant that a state waits for; None if it waits for none. Pure.

    .. versionadded:: 0.3
    """
    key: Callable[[Recorded[Any]], Stream | None] | None = None
    """Which state an event belongs to, None for none; without it the event's stream.
    ``lambda recorded: CENTER`` makes one state of the whole center.

    .. versionadded:: 0.3
    """
    reads_floor: bool = False
    """Whether ``decide`` takes the ``Floor`` as a fifth argument, to read: who waits where,
    who is ready. What it read is not stored, so the facts must say what they rest on.

    .. versionadded:: 0.3
    """
    reads_actor: bool = False
    """Whether ``decide`` takes the ``Actor`` who sends the command as its last argument: who
    may speak only for themselves is held to it there. For ``Wake`` it is time.

    .. versionadded:: 0.3
    """
    over: Callable[[Any], bool] | None = None
    """Whether a state may be forgotten after an event, as if nothing had been; without it
    each is kept for ever. Pure.

    .. versionadded:: 0.3
    """
    dump: Callable[[Any], Canonical] | None = None
    """A state as canonical data, and ``load`` an equal state of that, with arrays as tuples.
    Without both, a center that has such states opens by folding its whole log.

    .. versionadded:: 0.3
    """
    load: Callable[[Any], Any] | None = None
    version: int = 1
    """Of what ``dump`` gives; another one makes the states anew from the log.

    .. versionadded:: 0.3
    """


@attrs.frozen
class Wake:
    """The instant that a machine's state waited for has come; sent by nobody but time.

    ``decide`` answers as to a command; no facts, if there is nothing to do any more. A state
    that waits for several things does what was due up to ``due``, and its next instant is
    then another one.

    .. versionadded:: 0.3
    """

    stream: Stream
    """Which state."""
    due: int
    """The instant as the state named it. It may lie after ``now``, where the clock was set
    back between two runs: what waits then waits as long as it would have."""


class MachineFailed(Exception):
    """A plugin's machine raised: this decision must not reach the log, the state is spoiled.

    Make a new engine from the log, then record ``plugin.failed``.
    """

    def __init__(self, machine: str, error: Exception) -> None:
        super().__init__(f"machine {machine}: {raised(error)}")
        self.machine = machine
        self.error = error


class Machines:
    """All machines of an engine, and their states."""

    def __init__(self, machines: Sequence[Machine]) -> None:
        self.all = tuple(machines)
        self.states: dict[Key, Any] = {}
        self._due: dict[Key, int] = {}
        """The instant that each state waits for, as its machine said last."""
        self._named = {machine.name: machine for machine in machines}
        self._deciding = {cls: machine for machine in machines for cls in machine.commands}
        self._seeing: dict[type, list[Machine]] = {}
        for machine in machines:
            for cls in machine.seen:
                self._seeing.setdefault(cls, []).append(machine)

    def decide(
        self, command: Any, now: int, ask: Ask, floor: Floor, actor: Actor
    ) -> Sequence[Draft] | Refused:
        """What the machine of a command answers to it.

        :raises MachineFailed: it raised, or answered with no facts.
        """
        machine = self._deciding.get(type(command))
        if machine is None:
            what = f"nobody knows the command {type(command).__name__}"
            return Refused("command.unknown", "center", what, "load the plugin that brings it")
        return self._decided(machine, command, now, ask, floor, actor)

    def wake(
        self, command: TimerDue, now: int, ask: Ask, floor: Floor, actor: Actor
    ) -> Sequence[Draft] | Refused:
        """What a machine answers when its instant has come; nothing if that is gone.

        :raises MachineFailed: see ``decide``.
        """
        for name, machine in self._named.items():
            if command.subject.startswith(name + " "):
                stream = Stream(command.subject[len(name) + 1 :])
                timer = floor.machine_due.get((name, stream))
                if timer is not None and timer.position == command.set_position:
                    wake = Wake(stream, self._due[name, stream])
                    if timer.due > now:
                        return ()
                    return self._decided(machine, wake, now, ask, floor, actor)
        return ()

    def _decided(
        self, machine: Machine, command: Any, now: int, ask: Ask, floor: Floor, actor: Actor
    ) -> Sequence[Draft] | Refused:
        try:
            state = self.states.get((machine.name, command.stream))
            if state is None:
                state = machine.initial()
            more: tuple[Any, ...] = (floor,) if machine.reads_floor else ()
            if machine.reads_actor:
                more = (*more, actor)
            drafts = machine.decide(state, command, now, ask, *more)
            return drafts if isinstance(drafts, Refused) else [*map(_event, drafts)]
        except Exception as error:
            raise MachineFailed(machine.name, error) from error

    def after(self, cls: type, handler: Handler) -> Handler:
        """Follow what an event does to the floor by what it does to the machines that see it."""
        machines = self._seeing.get(cls)
        if machines is None:
            return handler

        def both(floor: Floor, envelope: Envelope, data: Any) -> None:
            handler(floor, envelope, data)
            for machine in machines:
                try:
                    self._evolve(machine, floor, (envelope, data))
                except Exception as error:
                    raise MachineFailed(machine.name, error) from error

        return both

    def _evolve(self, machine: Machine, floor: Floor, recorded: Recorded[Any]) -> None:
        stream = recorded[0].stream if machine.key is None else _stream(machine.key(recorded))
        if stream is None:
            return
        key = (machine.name, stream)
        state = self.states.get(key)
        if state is None:
            state = self.states[key] = machine.initial()
        machine.evolve(state, recorded)
        if machine.over is not None and machine.over(state):
            self._forget(key, floor)
        elif machine.due is not None:
            due = _instant(machine.due(state))
            if due != self._due.get(key):
                self._arm(key, due, floor, recorded[0])

    def _forget(self, key: Key, floor: Floor) -> None:
        del self.states[key]
        if key in self._due:
            del self._due[key], floor.machine_due[key]

    def dump(self, floor: Floor) -> list[list[Canonical]] | None:
        """All states, by machine and stream; None while one of them can't be kept."""
        found: list[list[Canonical]] = []
        for (name, stream), state in sorted(self.states.items(), key=lambda item: item[0]):
            machine = self._named[name]
            if machine.dump is None or machine.load is None:
                return None
            timer = floor.machine_due.get((name, stream))
            waits = [] if timer is None else [self._due[name, stream], timer.due, timer.position]
            found.append([name, stream, canonical(machine.dump(state)), waits])
        return found

    def restore(self, kept: Sequence[Any], floor: Floor) -> None:
        """Take up what ``dump`` gave, into a floor whose timers are then made anew."""
        self.states.clear()
        self._due.clear()
        for name, stream, dumped, waits in kept:
            load = self._named[name].load
            if load is not None:
                self.states[name, Stream(stream)] = load(unpack(dumped))
            if waits:
                due, at, position = waits
                key = (name, Stream(stream))
                self._due[key] = due
                floor.machine_due[key] = Timer(at, position, MACHINE, *key)

    def _arm(self, key: Key, due: int | None, floor: Floor, envelope: Envelope) -> None:
        if due is None:
            del self._due[key], floor.machine_due[key]
            return
        self._due[key] = due
        timer = floor.machine_due[key] = Timer(due, envelope.position, MACHINE, *key)
        floor.timers.put(timer)


def _stream(found: object) -> Stream | None:
    """:raises TypeError: a key that names no state."""
    if found is not None and not isinstance(found, str):
        raise TypeError(f"key gave {type(found).__name__}, no stream")
    return None if found is None else Stream(found)


def _instant(found: object) -> int | None:
    """:raises TypeError: what no instant is. :raises ValueError: none that a log can hold."""
    if found is None:
        return None
    if type(found) is not int:
        raise TypeError(f"due gave {type(found).__name__}, neither int nor None")
    if not 0 <= found <= INSTANT_MAX:
        raise ValueError("due gave no instant of 63 bits")
    return found


def _event(draft: Draft) -> Draft:
    """A plugin's draft, if it is one.

    :raises TypeError: it is no pair of a stream and an event.
    """
    stream, data = draft
    if not isinstance(stream, str):
        raise TypeError(f"{stream!r} is no stream")
    kind_of(type(data))
    return Draft(stream, data)
