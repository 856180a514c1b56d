"""The interval table: what each agent was, from login to logout, folded from the log.

Rows tile [login, logout) of each agent without hole or overlap. The state is the first of
these that holds: ``fault`` (link down; no fact of this version says so), ``busy`` (a
conversation), ``wrapup``, ``offered`` (an offer from made to connected), then what was
declared, ``ready`` or ``not_ready``. A new row begins when state, reason, contacts or load
changes; one that lasted no time is not kept.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

import attrs

from cckit.core import facts as f
from cckit.core.events import Envelope, Recorded
from cckit.core.projection import Canonical

from .segment_table import CLAMPED, VOICE_COST, flag_words
from .source_clock import instant_of
from .words import Words

STATES: Final = ("ready", "offered", "busy", "wrapup", "not_ready", "fault")
READY, OFFERED, BUSY, IN_WRAPUP, NOT_READY, FAULT = range(6)
ROW: Final = struct.Struct("<IIIBIIIIqqqqqB")
"""agent to flags, in the order of ``Interval``."""


class Interval(NamedTuple):
    """One row. Times are microseconds UTC; ``end`` and ``end_pos`` null while open."""

    agent: str
    login: int
    """The agent's n-th login, from 1."""
    seq: int
    """From 1 within a login."""
    state: str
    reason: str | None
    """Of not_ready."""
    forced_by: str | None
    """Who declared it, where it was not the agent: supervisor or system."""
    station: str | None
    """Null: a device is personal and stays sealed here."""
    contacts: int
    """Conversations."""
    load: int
    """Cost held from offer to end of wrap-up, in units of the agent's budget; what a call
    interrupts is counted too."""
    start: int
    end: int | None
    start_pos: int
    end_pos: int | None
    flags: tuple[str, ...]


Shape = tuple[int, int, int, int, int]
"""state, reason, forced_by, contacts, load: what makes a row one row."""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Agent:
    """One agent; texts are codes."""

    code: int
    at: int
    login: int = 0
    seq: int = 0
    here: bool = False
    ready: bool = False
    reason: int = 0
    forced_by: int = 0
    offers: dict[int, int] = attrs.field(factory=dict)
    """Offer to cost."""
    talking: dict[str, int] = attrs.field(factory=dict)
    """Contact to cost."""
    wrapups: dict[str, int] = attrs.field(factory=dict)
    parted: tuple[str, int] = ("", 0)
    """The contact it left last, whose wrap-up costs the same, and that cost."""
    costs: dict[str, int] = attrs.field(factory=dict)
    shape: Shape = (NOT_READY, 0, 0, 0, 0)
    """Of the open row."""
    start: int = 0
    start_pos: int = 0
    flags: int = 0


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Contact:
    """An open contact and whom it holds."""

    channel: str = ""
    offers: dict[int, str] = attrs.field(factory=dict)
    """Live offer to its agent; one lives from made to connected, or to what ends it."""
    talkers: list[str] = attrs.field(factory=list)
    """The agents in the conversation."""


@attrs.define(slots=True, weakref_slot=False)
class IntervalTable:
    """What the fold knows at a position."""

    words: Words = attrs.field(factory=Words)
    closed: bytearray = attrs.field(factory=bytearray)
    agents: dict[str, Agent] = attrs.field(factory=dict)
    contacts: dict[str, Contact] = attrs.field(factory=dict)
    """Open ones."""

    def rows(self) -> Iterator[Interval]:
        """Closed rows in the order they closed, then open ones by agent's first event."""
        texts = self.words.texts
        for packed in ROW.iter_unpack(self.closed):
            yield _interval(packed, texts, closed=True)
        for agent in self.agents.values():
            if agent.here:
                yield _interval(_columns(agent, 0, 0), texts, closed=False)


def _columns(agent: Agent, end: int, end_pos: int) -> tuple[int, ...]:
    state, reason, forced_by, contacts, load = agent.shape
    row = (agent.code, agent.login, agent.seq, state, reason, forced_by, 0, contacts, load)
    return (*row, agent.start, end, agent.start_pos, end_pos, agent.flags)


def _interval(c: tuple[Any, ...], texts: list[str | None], *, closed: bool) -> Interval:
    return Interval(
        texts[c[0]] or "",
        c[1],
        c[2],
        STATES[c[3]],
        texts[c[4]],
        texts[c[5]],
        texts[c[6]],
        c[7],
        c[8],
        c[9],
        c[10] if closed else None,
        c[11],
        c[12] if closed else None,
        flag_words(c[13]),
    )


def _agent(table: IntervalTable, name: str) -> Agent:
    agent = table.agents.get(name)
    if agent is None:
        agent = table.agents[name] = Agent(table.words.code(name), 0)
    return agent


def _shape(agent: Agent) -> Shape:
    held = sum(agent.offers.values()) + sum(agent.talking.values()) + sum(agent.wrapups.values())
    if agent.talking:
        return (BUSY, 0, 0, len(agent.talking), held)
    if agent.wrapups:
        return (IN_WRAPUP, 0, 0, 0, held)
    if agent.offers:
        return (OFFERED, 0, 0, 0, held)
    if agent.ready:
        return (READY, 0, 0, 0, held)
    return (NOT_READY, agent.reason, agent.forced_by, 0, held)


def _instant(agent: Agent, envelope: Envelope) -> tuple[int, int]:
    """The event's instant on the agent's time line, and the flag if it was moved."""
    at, moved = instant_of(envelope.stamp)
    flags = CLAMPED if moved or at < agent.at else 0
    agent.at = max(at, agent.at)
    return agent.at, flags


def _move(table: IntervalTable, agent: Agent, envelope: Envelope, *, end: bool = False) -> None:
    """Close the open row and begin the next, if the agent is now something else."""
    if not agent.here:
        return
    at, flags = _instant(agent, envelope)
    shape = _shape(agent)
    if shape == agent.shape and not end:
        return
    agent.flags |= flags
    if at > agent.start:
        agent.seq += 1
        table.closed += ROW.pack(*_columns(agent, at, envelope.position))
        agent.start = at
        agent.flags = flags
    agent.start_pos = envelope.position
    agent.shape = shape


# --- one function an event ----------------------------------------------------------------


def _logged_in(table: IntervalTable, recorded: Recorded[f.AgentLoggedIn]) -> None:
    envelope, _ = recorded
    agent = _agent(table, envelope.stream[6:])
    if agent.here:
        return  # A repeated login changes nothing.
    agent.start, agent.flags = _instant(agent, envelope)
    agent.start_pos = envelope.position
    agent.login += 1
    agent.seq = 0
    agent.here, agent.ready = True, False
    agent.reason = agent.forced_by = 0
    agent.shape = _shape(agent)


def _logged_out(table: IntervalTable, recorded: Recorded[f.AgentLoggedOut]) -> None:
    envelope, _ = recorded
    agent = _agent(table, envelope.stream[6:])
    _move(table, agent, envelope, end=True)
    agent.here = agent.ready = False


def _ready(table: IntervalTable, recorded: Recorded[f.AgentReady]) -> None:
    envelope, _ = recorded
    agent = _agent(table, envelope.stream[6:])
    agent.ready = True
    _move(table, agent, envelope)


def _not_ready(table: IntervalTable, recorded: Recorded[f.AgentNotReady]) -> None:
    envelope, data = recorded
    agent = _agent(table, envelope.stream[6:])
    agent.ready = False
    agent.reason = table.words.code(data.reason)
    agent.forced_by = table.words.code(None if data.by == "agent" else data.by)
    _move(table, agent, envelope)


def _profile(table: IntervalTable, recorded: Recorded[f.AgentProfileSet]) -> None:
    envelope, data = recorded
    _agent(table, envelope.stream[6:]).costs = dict(data.channels)


def _contact(table: IntervalTable, envelope: Envelope) -> Contact:
    name = envelope.stream[8:]
    contact = table.contacts.get(name)
    if contact is None:
        contact = table.contacts[name] = Contact()
    return contact


def _created(table: IntervalTable, recorded: Recorded[f.ContactCreated]) -> None:
    envelope, data = recorded
    _contact(table, envelope).channel = data.channel


def _cost(agent: Agent, contact: Contact | None) -> int:
    return agent.costs.get("" if contact is None else contact.channel, VOICE_COST)


def _offered(table: IntervalTable, recorded: Recorded[f.OfferMade]) -> None:
    envelope, data = recorded
    agent, contact = _agent(table, data.agent), _contact(table, envelope)
    agent.offers[data.offer] = _cost(agent, contact)
    contact.offers[data.offer] = data.agent
    _move(table, agent, envelope)


def _unoffered(table: IntervalTable, recorded: Recorded[Any]) -> None:
    """End an offer; a connection that failed without an offer's id ends all of its contact."""
    envelope, data = recorded
    contact = table.contacts.get(envelope.stream[8:])
    if contact is not None:
        ended = tuple(contact.offers) if data.offer is None else (data.offer,)
        _take_back(table, contact, ended, envelope)


def _take_back(
    table: IntervalTable, contact: Contact, offers: Iterable[int], envelope: Envelope
) -> None:
    for offer in offers:
        name = contact.offers.pop(offer, None)
        if name is not None:
            agent = table.agents[name]
            del agent.offers[offer]
            _move(table, agent, envelope)


def _connected(table: IntervalTable, recorded: Recorded[f.ContactConnected]) -> None:
    envelope, data = recorded
    agent, contact = _agent(table, data.agent), _contact(table, envelope)
    cost = None
    if data.offer is not None and contact.offers.get(data.offer) == data.agent:
        del contact.offers[data.offer]
        cost = agent.offers.pop(data.offer)
    agent.talking[envelope.stream[8:]] = _cost(agent, contact) if cost is None else cost
    contact.talkers.append(data.agent)
    _move(table, agent, envelope)


def _left(table: IntervalTable, recorded: Recorded[f.ContactAgentLeft]) -> None:
    envelope, data = recorded
    contact = table.contacts.get(envelope.stream[8:])
    if contact is None:
        return
    mine = [offer for offer, name in contact.offers.items() if name == data.agent]
    _take_back(table, contact, mine, envelope)
    if data.agent in contact.talkers:
        contact.talkers.remove(data.agent)
        _part(table, table.agents[data.agent], envelope)


def _part(table: IntervalTable, agent: Agent, envelope: Envelope) -> None:
    """End an agent's conversation."""
    name = envelope.stream[8:]
    agent.parted = (name, agent.talking.pop(name, 0))
    _move(table, agent, envelope)


def _closed(table: IntervalTable, recorded: Recorded[f.ContactClosed]) -> None:
    """Free whomever the contact still holds: one may hang up while it is being connected."""
    envelope, _ = recorded
    contact = table.contacts.pop(envelope.stream[8:], None)
    if contact is None:
        return
    _take_back(table, contact, tuple(contact.offers), envelope)
    for name in contact.talkers:
        _part(table, table.agents[name], envelope)


def _wrapup_started(table: IntervalTable, recorded: Recorded[f.AgentWrapupStarted]) -> None:
    envelope, data = recorded
    agent = _agent(table, envelope.stream[6:])
    name, cost = agent.parted
    if data.contact in agent.talking:
        cost = agent.talking[data.contact]
    elif name != data.contact:
        cost = _cost(agent, table.contacts.get(data.contact))
    agent.wrapups[data.contact] = cost
    _move(table, agent, envelope)


def _wrapup_ended(table: IntervalTable, recorded: Recorded[f.AgentWrapupEnded]) -> None:
    envelope, data = recorded
    agent = _agent(table, envelope.stream[6:])
    if agent.wrapups.pop(data.contact, None) is not None:
        _move(table, agent, envelope)


APPLY: Final[dict[type, Callable[[IntervalTable, Recorded[Any]], None]]] = {
    f.AgentLoggedIn: _logged_in,
    f.AgentLoggedOut: _logged_out,
    f.AgentReady: _ready,
    f.AgentNotReady: _not_ready,
    f.AgentProfileSet: _profile,
    f.AgentWrapupStarted: _wrapup_started,
    f.AgentWrapupEnded: _wrapup_ended,
    f.ContactCreated: _created,
    f.ContactConnected: _connected,
    f.ContactConnectFailed: _unoffered,
    f.ContactAgentLeft: _left,
    f.ContactClosed: _closed,
    f.OfferMade: _offered,
    f.OfferRejected: _unoffered,
    f.OfferExpired: _unoffered,
    f.OfferRescinded: _unoffered,
    f.OfferFailed: _unoffered,
}


class AgentIntervals:
    """The interval table as a projection.

    .. versionadded:: 0.1
    """

    name = "agent.intervals"
    version = 1
    types: tuple[type, ...] = tuple(APPLY)

    def initial(self) -> IntervalTable:
        return IntervalTable()

    def apply(self, state: IntervalTable, recorded: Recorded[Any]) -> None:
        APPLY[type(recorded[1])](state, recorded)

    def dump(self, state: IntervalTable) -> Canonical:
        return {
            "words": state.words.dump(),
            "closed": bytes(state.closed),
            "agents": {name: _dump(agent) for name, agent in state.agents.items()},
            "contacts": {
                name: (one.channel, list(one.offers.items()), tuple(one.talkers))
                for name, one in state.contacts.items()
            },
        }


def _dump(agent: Agent) -> Canonical:
    maps = {"offers", "talking", "wrapups", "costs"}
    fields = attrs.asdict(agent, recurse=False)
    return {name: list(v.items()) if name in maps else v for name, v in fields.items()}
