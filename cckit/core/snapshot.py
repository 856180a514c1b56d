"""The floor's tables as canonical data, and back.

A snapshot is thrown away unless ``digest_of_classes`` is the same: a field that came or
went makes another digest, so no snapshot is ever read by code that it was not made for.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from hashlib import sha256
from typing import Any, Final

import attrs

from . import agent as a
from . import contact as c
from . import offer as o
from . import queue as q
from .certificate import Certificate, SkillSettings
from .channel import ChannelSettings
from .engine import Engine
from .events import kind_of
from .floor import VERSION, Floor
from .ids import Stream
from .leg import Leg
from .leg import Phase as LegPhase
from .link import Link, Stranger
from .machine import Machine
from .mode import Modes, ModeSettings
from .need import Need
from .projection import Canonical
from .routing import pending
from .settings import OfferSettings, QueueSettings
from .step import Step, parse_step
from .timer import Timer

SETTINGS: Final = (QueueSettings, ChannelSettings, SkillSettings, OfferSettings, ModeSettings)
CLASSES: Final = (
    *(c.Contact, Leg, Link, Stranger, q.Queue, q.Served, q.Entry, q.Group, q.Promise, Need, Step),
    *(o.Offer, a.Agent, a.Slot, Certificate, Modes, Timer),
    *SETTINGS,
)
"""All that a dump is written from."""

Rows = list[Any]


def digest_of_classes(machines: Sequence[Machine] = ()) -> bytes:
    """SHA-256 over the floor's version, the fields of its classes, and what machines see.

    A machine that is loaded later would never hear of what a snapshot skips.
    """
    text = [str(VERSION)]
    for cls in CLASSES:
        text.append(cls.__name__ + ":" + ",".join(_fields(cls)))
    for machine in machines:
        seen = ",".join(map(_stored, machine.seen))
        text.append(f"machine {machine.name} {machine.version}:{seen}")
    return sha256("\n".join(text).encode()).digest()


def _fields(cls: Any) -> tuple[str, ...]:
    return tuple(f.name for f in attrs.fields(cls)) if attrs.has(cls) else cls._fields


def _stored(cls: type) -> str:
    kind = kind_of(cls)
    return f"{kind.name} {kind.version}"


def _row(thing: object, names: Sequence[str]) -> list[Any]:
    values = [getattr(thing, name) for name in names]
    return [int(value) if isinstance(value, IntEnum) else value for value in values]


_APART: Final = ("past", "dialing", "others")
_LEG: Final = [x.name for x in attrs.fields(Leg)]
_CONTACT: Final = [x.name for x in attrs.fields(c.Contact) if x.name not in _APART]
_OFFER: Final = [x.name for x in attrs.fields(o.Offer)]
_SLOT: Final = [x.name for x in attrs.fields(a.Slot)]
_PROMISE: Final = [x.name for x in attrs.fields(q.Promise)]
_ENTRY: Final = ["id", "contact", "since", "phase", "round", "due", "position"]
_STRANGER: Final = [x.name for x in attrs.fields(Stranger)]
_STEP: Final = ["step", "step_due", "step_position"]
_ROUND: Final = ["offers", "asked", "again", "add_at", "add_by", "in_line"]
DERIVED: Final = frozenset(
    (
        "stream",
        "slots",
        "keys",
        "fits",
        "known",
        "place",
        "idle_by",
        "skills",
        "channels",
        "certificates",
        "resting",
        "edge_at",
        "open",
    )
)
"""Of an agent: what follows from the rest, or has a row of its own."""
_AGENT: Final = [x.name for x in attrs.fields(a.Agent) if x.name not in DERIVED]


def dump(engine: Engine) -> "Canonical | None":
    """Everything that deciding depends on; None while a machine has a state that can't be kept.

    Equal floors give equal dumps, whatever way they came about.
    """
    floor = engine.floor
    machines = engine.machines.dump(floor)
    if machines is None:
        return None
    return {
        "position": engine.position,
        "machines": machines,
        **{name: getattr(floor, name) for name in PLAIN},
        **{name: rows(floor) for name, rows in TABLES.items()},
    }


def _link_rows(floor: Floor) -> Rows:
    return [
        [k, x.up, x.seen, x.gap, [[r, *_row(s, _STRANGER)] for r, s in x.strangers.items()]]
        for k, x in floor.links.items()
    ]


def _contact_rows(floor: Floor) -> Rows:
    return [
        [*_row(x, _CONTACT), list(x.past), [_row(leg, _LEG) for leg in x.more()]]
        for x in floor.contacts.values()
    ]


def _queue_rows(floor: Floor) -> Rows:
    return [
        [x.id, x.settings.pack(), x.policy_hash, x.n, x.live, _served(x), list(x.hits)]
        for x in floor.queues.values()
    ]


def _served(queue: q.Queue) -> Rows:
    return [[key, one.wait_us, list(one.at)] for key, one in queue.served.items()]


def _entry_row(x: q.Entry) -> list[Any]:
    return [
        *_row(x, _ENTRY),
        [[*one] if type(one) is tuple else one for one in _row(x, _ROUND)],
        list(x.rank),
        x.group.queue.id,
        x.group.channel,
        x.group.need.text,
        [list(x.group.agents), x.group.calls],
        _row(x.promise, _PROMISE) if x.promise is not None else [],
        [[step.text() for step in x.steps], list(x.told or ()), *_row(x, _STEP)],
        [[k, v, (x.barred_by or {})[k]] for k, v in sorted((x.barred or {}).items())],
        [[k, v] for k, v in sorted((x.failures or {}).items())],
    ]


def _agent_rows(floor: Floor) -> Rows:
    return [
        [
            *map(_copied, _row(x, _AGENT)),
            [[k, *map(list, records)] for k, records in x.certificates.items()],
            [[k, *_row(s, _SLOT)] for k, s in x.slots.items()],
        ]
        for x in floor.agents.values()
    ]


def _mode_rows(floor: Floor) -> Rows:
    return [
        [scope, [[mode, end] for mode, end in sorted(active.items())]]
        for scope, active in sorted(floor.modes.on.items())
    ]


def _packed(settings: Mapping[str, Any]) -> Rows:
    return [[k, v.pack()] for k, v in sorted(settings.items())]


def _pairs(table: Mapping[Any, Any]) -> Rows:
    """In the table's own order, which says who is forgotten first."""
    return [[k, v] for k, v in table.items()]


PLAIN: Final = (
    *("now", "epoch", "n", "kind", "run_position", "left_at"),
    *("created", "closed", "forget_at"),
)
"""What of a floor is stored as it is."""

TABLES: Final[dict[str, Callable[[Floor], Any]]] = {
    "links": _link_rows,
    "contacts": _contact_rows,
    "queues": _queue_rows,
    "entries": lambda floor: [_entry_row(x) for x in floor.entries.values()],
    "offers": lambda floor: [_row(x, _OFFER) for x in floor.offers.values()],
    "agents": _agent_rows,
    "channels": lambda floor: _packed(floor.channels),
    "skills": lambda floor: _packed(floor.skills),
    "offering": lambda floor: floor.offering.pack(),
    "roles": lambda floor: [[k, list(v)] for k, v in sorted(floor.roles.items())],
    "configs": lambda floor: [[*k, v] for k, v in sorted(floor.configs.items())],
    "modes": _mode_rows,
    "mode_settings": lambda floor: _packed(floor.modes.settings),
    "holds": lambda floor: [[k, v] for k, v in sorted(floor.holds.items())],
    "merged": lambda floor: [[k, list(v)] for k, v in sorted(floor.merged.items())],
    "gave_up": lambda floor: [[k, *v] for k, v in floor.gave_up.items()],
    "last_agents": lambda floor: _pairs(floor.last_agents),
    "erasing": lambda floor: [[k, v] for k, v in sorted(floor.erasing.items())],
    "versions": lambda floor: _pairs(floor.versions),
    "ended": lambda floor: [[at, offer, *floor.ended[offer]] for at, offer in floor.ended_at],
    "closed_at": lambda floor: [[at, stream] for at, stream in floor.closed_at],
    "met_at": lambda floor: [[at, stream] for at, stream in floor.met_at],
}
"""Each other part of a dump, and how it is made; ``load`` reads them in its own order."""


def load(engine: Engine, data: Any) -> None:
    """Make a fresh engine's floor what ``dump`` saw."""
    floor = engine.floor = Floor()
    engine.position = data["position"]
    engine.now = data["now"]
    for name in PLAIN:
        setattr(floor, name, data[name])
    for name, up, seen, gap, strangers in data["links"]:
        known = {ref: Stranger(*row) for ref, *row in strangers}
        floor.links[name] = Link(up, seen, gap, known)
    for row in data["contacts"]:
        contact = _contact(row)
        floor.contacts[contact.stream] = contact
    for name, settings, policy_hash, n, live, served, hits in data["queues"]:
        queue = q.Queue(name, QueueSettings.unpack(settings), policy_hash, n, live)
        queue.served = {key: q.Served(wait, list(at)) for key, wait, at in served}
        queue.hits = list(hits)
        floor.queues[name] = queue
    for row in data["offers"]:
        offer = o.Offer(**dict(zip(_OFFER, row, strict=True)))
        offer.phase = o.Phase(offer.phase)
        floor.offers[offer.id] = offer
    floor.channels = {k: ChannelSettings.unpack(v) for k, v in data["channels"]}
    floor.skills = {k: SkillSettings.unpack(v) for k, v in data["skills"]}
    floor.offering = OfferSettings.unpack(data["offering"])
    for row in data["agents"]:
        agent = _agent(floor, row)
        floor.agents[agent.id] = agent
    for row in data["entries"]:
        _load_entry(floor, row)
    floor.roles = {k: tuple(v) for k, v in data["roles"]}
    floor.configs = {(kind, id_): hash_ for kind, id_, hash_ in data["configs"]}
    floor.modes.on = {scope: dict(active) for scope, active in data["modes"]}
    floor.modes.settings = {k: ModeSettings.unpack(v) for k, v in data["mode_settings"]}
    floor.holds = dict(data["holds"])
    floor.erasing = dict(data["erasing"])
    floor.merged = {k: tuple(v) for k, v in data["merged"]}
    floor.last_agents = dict(data["last_agents"])
    floor.gave_up = {k: (until, queue, since, of) for k, until, queue, since, of in data["gave_up"]}
    floor.versions = {Stream(k): v for k, v in data["versions"]}
    for at, offer_id, position, stream, leg in data["ended"]:
        floor.ended[offer_id] = (position, stream, leg)
        floor.ended_at.append((at, offer_id))
    floor.closed_at.extend((at, stream) for at, stream in data["closed_at"])
    floor.met_at.extend((at, stream) for at, stream in data["met_at"])
    engine.machines.restore(data["machines"], floor)
    floor.rebuild()
    floor.unrouted = pending(floor, floor.now)


def _contact(row: list[Any]) -> c.Contact:
    *plain, past, more = row
    contact = c.Contact(**dict(zip(_CONTACT, plain, strict=True)))
    contact.past = tuple(past)
    contact.phase = c.Phase(contact.phase)
    contact.steps, contact.said = tuple(contact.steps), tuple(contact.said)
    for values in more:
        leg = Leg(**dict(zip(_LEG, values, strict=True)))
        leg.phase = LegPhase(leg.phase)
        contact.keep(leg)
    return contact


def _copied(value: Any) -> Any:
    """A value of a row that the floor does not go on writing to."""
    if isinstance(value, dict):
        return dict(value)
    return [*value] if isinstance(value, list | tuple) else value


def _agent(floor: Floor, row: list[Any]) -> a.Agent:
    number = row[_AGENT.index("number")]
    agent = a.Agent(row[_AGENT.index("id")], number, channels=floor.channels)
    for name, value in zip(_AGENT, row, strict=False):
        setattr(agent, name, tuple(value) if name in ("on", "lost") else _copied(value))
    for skill, *records in row[-2]:
        agent.certificates[skill] = tuple(Certificate(*one) for one in records)
    for contact, *slot_row in row[-1]:
        slot = a.Slot(**dict(zip(_SLOT, slot_row, strict=True)))
        slot.phase = a.Phase(slot.phase)
        agent.slots[contact] = slot
    return agent


def _load_entry(floor: Floor, row: list[Any]) -> None:
    *plain, round_, rank, queue, channel, need, kind, kept, step, barred, failures = row
    values = dict(zip(_ENTRY, plain, strict=True))
    phase = q.Phase(values.pop("phase"))
    agents, calls = kind
    group = floor.index.group(floor.queues[queue], channel, need, tuple(agents), calls)
    entry = q.Entry(
        rank=tuple(rank),
        group=group,
        phase=phase,
        barred={k: until for k, until, _ in barred} or None,
        barred_by={k: position for k, _, position in barred} or None,
        failures=dict(failures) or None,
        promise=q.Promise(*kept) if kept else None,
        **values,
    )
    steps, told, *step = step
    entry.steps = tuple(map(parse_step, steps))
    entry.told = tuple(told) or None
    for name, value in zip(_STEP, step, strict=True):
        setattr(entry, name, value)
    for name, value in zip(_ROUND, round_, strict=True):
        setattr(entry, name, tuple(value) if isinstance(value, list | tuple) else value)
    floor.entries[entry.id] = entry
