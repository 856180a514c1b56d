"""Connections lost and found: of adapters, of agents' desks, and of legs meanwhile."""

from typing import Final

from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.link import Link, Stranger
from cckit.core.timer import Timer

from .handler import Handler


def link_of(floor: Floor, adapter: str) -> Link:
    """The connection of an adapter; one that was never heard of is up."""
    found = floor.links.get(adapter)
    if found is None:
        found = floor.links[adapter] = Link()
    return found


def adapter_link_changed(floor: Floor, envelope: Envelope, data: f.AdapterLinkChanged) -> None:
    link = link_of(floor, data.adapter)
    link.up = data.up
    if not data.up:
        link.seen = data.seen_at
        link.gap = link.gap or data.seen_at


def gap_closed(floor: Floor, envelope: Envelope, data: f.GapClosed) -> None:
    for link in floor.links.values():
        if link.up and link.gap == data.from_at:
            link.gap = 0
            return


def agent_link_changed(floor: Floor, envelope: Envelope, data: f.AgentLinkChanged) -> None:
    agent = floor.agents[envelope.stream[6:]]
    still = [one for one in agent.lost if one != data.what]
    agent.lost = tuple(still) if data.up else tuple(sorted([*still, data.what]))
    agent.lost_due = data.due or 0
    agent.lost_by = envelope.position
    if data.due:
        timer = Timer(data.due, envelope.position, "link", agent.id)
        floor.timers.add(timer, envelope.stamp.recorded_at)
    floor.index.status(agent)
    floor.touched[agent] = None
    if not agent.lost:
        floor.freed[agent] = None


def gone(floor: Floor, data: f.LegLost) -> None:
    """Let go of a stranger that is not there any more."""
    for link in floor.links.values():
        link.strangers = {k: one for k, one in link.strangers.items() if one.leg != data.leg}


def leg_adopted(floor: Floor, envelope: Envelope, data: f.LegAdopted) -> None:
    floor.took_id(data.leg)
    at = envelope.stamp.recorded_at
    link_of(floor, data.adapter).strangers[data.ref] = Stranger(data.leg, at)


def claimed(floor: Floor, envelope: Envelope, data: f.ContactCreated) -> None:
    """Take in that a stranger's arrival was reported after all."""
    link = floor.links.get(envelope.stamp.actor[1])
    if link is not None:
        link.strangers.pop(data.ref, None)


def ordered(floor: Floor, data: f.LegOrdered) -> None:
    """Take in that a stranger is to be cleared: once is enough."""
    for link in floor.links.values():
        for stranger in link.strangers.values():
            if stranger.leg == data.leg:
                stranger.ordered = True


HANDLERS: Final[dict[type, Handler]] = {
    f.AdapterLinkChanged: adapter_link_changed,
    f.GapClosed: gap_closed,
    f.AgentLinkChanged: agent_link_changed,
    f.LegAdopted: leg_adopted,
}
