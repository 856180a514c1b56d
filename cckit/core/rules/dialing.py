"""An agent calls out: a contact that nobody waits in, and a slot that came of no offer."""

from cckit.core import commands as m
from cckit.core import facts as f
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import LegId, contact_stream
from cckit.core.instant import Instant
from cckit.core.leg import AGENT, CUSTOMER

from . import agents
from .targets import DIAL_US, nobody

Drafts = list[Pair]


def dial(floor: Floor, command: m.Dial, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    """Call somebody: the agent is there first, and talks when the other one answers.

    An agent who is not ready may call; what does not fit into the budget is refused.
    """
    refused = _wrong_agent(floor, command)
    if refused is not None:
        return refused
    if command.contact is None:
        what = "the contact has no id"
        return Refused("contact.no_id", "Dial", what, "the shell draws one; name it here")
    stream = contact_stream(command.contact)
    if stream in floor.versions:
        what = "there was a contact of this id before"
        return Refused("contact.exists", stream, what, "draw a new random id for each contact")
    if nobody(command.to):
        return Refused("contact.nobody", stream, "nobody is called", "name whom to call")
    customer = LegId(floor.next_id())
    created = f.ContactCreated(
        command.channel, "out", customer, command.subject, None, command.to, "", ""
    )
    due = Instant(now + DIAL_US)
    called = f.LegOrdered(customer, "dial", CUSTOMER, command.to, due)
    joins = f.LegOrdered(LegId(customer + 1), "join", f"{AGENT}/{command.agent}")
    return [(stream, created), (stream, called), (stream, joins)]


def _wrong_agent(floor: Floor, command: m.Dial) -> Refused | None:
    agent = floor.agents.get(command.agent)
    if agent is None:
        return agents.unknown(command.agent)
    if not agent.logged_in:
        return agents.logged_out(agent)
    where = agent.stream
    if command.channel not in agent.on:
        what = f"the agent is logged in for {', '.join(agent.on)}, not for {command.channel}"
        return Refused("agent.bad_channel", where, what, "log in for it, or use another channel")
    if agent.next_status:
        what = "the agent is about to leave"
        return Refused("agent.wrong_state", where, what, "turn ready again first")
    if not agent.has_room(command.channel):
        what = f"{agent.used} of {agent.budget} are in use, and {command.channel} costs"
        what = f"{what} {agent.costs.get(command.channel, 'more')}"
        return Refused("agent.no_capacity", where, what, "end what is at hand first")
    return None
