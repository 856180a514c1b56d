"""Finds which contacts belong together, opens cases by itself, and stops the response clock.

Who comes again with an open case belongs to it; a resolved one is opened again. Without a
case, contacts of one person through the same entry point and not long apart are one matter.
"""

from collections.abc import Sequence
from typing import Any, Final

import attrs

from cckit.core import ContactId, Recorded, Stream
from cckit.core.commands import Deflect, Link
from cckit.core.facts import (
    ContactClosed,
    ContactConnected,
    ContactCreated,
    ContactIdentified,
    ContactLinked,
    MessageSent,
    QueueEntered,
    QueueLeft,
)

from . import events as e
from .machine import OpenCase, SetCase, StopClock
from .policy import Rules

PEOPLE_MAX: Final = 65_536
"""Of how many people the last contact is remembered."""


@attrs.define
class Open:
    """A contact that is not closed."""

    subject: str | None
    channel: str
    entry_point: str
    matter: str
    waits: bool = False


@attrs.define
class Last:
    """What is known of somebody's last contact."""

    contact: str
    matter: str
    entry_point: str
    at: int


@attrs.define
class Known:
    """What the process remembers."""

    open: dict[str, Open] = attrs.field(factory=dict)
    here: dict[str, list[str]] = attrs.field(factory=dict)
    """Person to their open contacts."""
    last: dict[str, Last] = attrs.field(factory=dict)
    """Person to their last contact, the oldest first."""
    cases: dict[str, str] = attrs.field(factory=dict)
    """Matter to the stream of its case, until that is closed for good."""
    matters: dict[str, str] = attrs.field(factory=dict)
    """``cases`` by the stream of the case."""
    resolved: dict[str, bool] = attrs.field(factory=dict)
    """Stream of a case that is not closed to whether it is resolved."""


class Matters:
    """The process of the cases of a center."""

    name = "cases"
    types: tuple[type, ...] = (
        ContactCreated,
        ContactIdentified,
        ContactLinked,
        ContactConnected,
        ContactClosed,
        MessageSent,
        QueueEntered,
        QueueLeft,
        e.CaseOpened,
        e.CaseStateSet,
    )

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def initial(self) -> Known:
        return Known()

    def apply(self, state: Known, recorded: Recorded[Any]) -> Sequence[Any]:
        envelope, data = recorded
        stream = envelope.stream
        if isinstance(data, e.CaseOpened):
            state.matters.pop(state.cases.get(data.matter, ""), None)
            state.cases[data.matter] = stream
            state.matters[stream] = data.matter
            state.resolved[stream] = False
            return ()
        if isinstance(data, e.CaseStateSet):
            return self._case(state, stream, data.state)
        name = stream[8:]
        if isinstance(data, ContactCreated):
            state.open[name] = Open(data.subject, data.channel, data.entry_point, name)
            incoming = data.direction == "in"
            return self._belongs(state, name, envelope.recorded_at) if incoming else ()
        contact = state.open.get(name)
        if contact is None:
            return ()
        if isinstance(data, ContactIdentified):
            self._gone(state, name, contact.subject)
            contact.subject = data.subject
            return self._belongs(state, name, envelope.recorded_at)
        return self._follow(state, name, contact, data)

    def _case(self, state: Known, stream: Stream, word: str) -> Sequence[Any]:
        if word == "closed":
            state.resolved.pop(stream, None)
            matter = state.matters.pop(stream, None)
            if matter is not None:
                del state.cases[matter]
        else:
            state.resolved[stream] = word == "resolved"
        return ()

    def _follow(self, state: Known, name: str, contact: Open, data: Any) -> Sequence[Any]:
        if isinstance(data, ContactLinked):
            contact.matter = data.matter
            if contact.subject in state.last and state.last[contact.subject].contact == name:
                state.last[contact.subject].matter = data.matter
        elif isinstance(data, QueueEntered | QueueLeft):
            contact.waits = isinstance(data, QueueEntered)
        elif isinstance(data, ContactClosed):
            del state.open[name]
            self._gone(state, name, contact.subject)
        else:
            return self._served(state, name, contact, isinstance(data, ContactConnected))
        return ()

    def _served(self, state: Known, name: str, contact: Open, connected: bool) -> Sequence[Any]:
        """An agent speaks or writes: what was promised first is kept, and nobody waits twice."""
        commands: list[Any] = []
        case = state.cases.get(contact.matter)
        if case is not None:
            commands.append(StopClock(Stream(case)))
        if connected and self.rules.merge and contact.subject is not None:
            commands += [
                Deflect(ContactId(other), "merged")
                for other in state.here.get(contact.subject, ())
                if other != name and self._waits_too(state.open[other], contact)
            ]
        return commands

    def _waits_too(self, other: Open, served: Open) -> bool:
        return (
            other.waits and other.matter == served.matter and other.channel in self.rules.merge
        )

    def _gone(self, state: Known, name: str, subject: str | None) -> None:
        """Take a contact from a person's."""
        here = state.here.get(subject or "", [])
        if name in here:
            here.remove(name)
        if not here:
            state.here.pop(subject or "", None)

    def _belongs(self, state: Known, name: str, now: int) -> Sequence[Any]:
        """Where a contact of somebody who is known belongs."""
        contact = state.open[name]
        subject = contact.subject
        if subject is None:
            return ()
        state.here.setdefault(subject, []).append(name)
        last = state.last.pop(subject, None)
        matter = contact.matter
        commands: list[Any] = []
        case = state.cases.get(last.matter) if last is not None else None
        if last is not None and last.contact != name and matter == name:
            near = now - last.at <= self.rules.window_us
            same = near and last.entry_point == contact.entry_point
            if case is not None or same:
                again = case is not None and state.resolved.get(case, False)
                kind = "reopened" if again else "same_matter"
                commands.append(Link(ContactId(name), ContactId(last.contact), kind))
                if case is not None and again:
                    commands.append(SetCase(Stream(case), "open", "reopened"))
                matter = last.matter
        if case is None and matter not in state.cases and contact.channel in self.rules.open_for:
            stream = Stream(f"case/{name}")
            commands.append(OpenCase(stream, ContactId(matter), self.rules.kind))
        state.last[subject] = Last(name, matter, contact.entry_point, now)
        if len(state.last) > PEOPLE_MAX:
            del state.last[next(iter(state.last))]
        return commands

    def dump(self, state: Known) -> Any:
        return [
            [[name, *attrs.astuple(one)] for name, one in state.open.items()],
            [[who, list(names)] for who, names in state.here.items()],
            [[name, *attrs.astuple(one)] for name, one in state.last.items()],
            [list(pair) for pair in sorted(state.cases.items())],
            [list(pair) for pair in sorted(state.resolved.items())],
        ]

    def load(self, dumped: Any) -> Known:
        open_, here, last, cases, resolved = dumped
        return Known(
            {name: Open(*rest) for name, *rest in open_},
            {who: list(names) for who, names in here},
            {name: Last(*rest) for name, *rest in last},
            dict(cases),
            {case: matter for matter, case in cases},
            dict(resolved),
        )
