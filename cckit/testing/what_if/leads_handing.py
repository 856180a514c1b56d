"""From an event of handing a contact on to the command that it answered.

A consultation and what goes on over another channel are contacts that begin because of what
is done in another contact: of their begin only what was done there is noted.
"""

from typing import TYPE_CHECKING, Any, Final

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.ids import AgentId, ContactId, contact_stream
from cckit.core.leg import AGENT
from cckit.core.rules.consults import ASK_US
from cckit.core.rules.transfers import ASSIGN_US
from cckit.core.step import Step as Need

from .noted import Open, Step
from .roles import AgentLeaves

if TYPE_CHECKING:
    from .reading import Reader

PULLED: Final = "pulled"
SOMEBODY: Final = "somebody"
"""In place of a number outside, which is hidden in the log."""


def begun(
    reader: "Reader", step: Step, contact: ContactId, data: f.ContactCreated
) -> c.Dial | None:
    """Note why a contact begins that did not arrive; who calls out has it by the clock."""
    if data.direction == "internal":
        about = step.find(f.ContactLinked)
        if about is not None:
            to_kind, to = _asked(step, contact)
            command: Any = c.Consult(about[1].other, to_kind, to, contact)
            reader.in_stage(step, reader.open.get(about[1].other), command)
    elif data.entry_point == "moved":
        entered, old = step.find(f.QueueEntered), ContactId(data.ref)
        queue = None if entered is None else entered[1].queue
        command = c.MoveChannel(old, data.channel, queue, None, contact)
        reader.in_stage(step, reader.open.get(old), command)
    else:
        for _, fact in step.events:
            if type(fact) is f.LegOrdered and fact.order == "join" and fact.role:
                agent = AgentId(fact.role.partition("/")[2])
                return c.Dial(agent, SOMEBODY, data.subject, data.channel, contact)
    return None


def _asked(step: Step, contact: ContactId) -> tuple[str, str]:
    """Whom somebody is asked about a contact, or to whom it goes."""
    here = contact_stream(contact)
    for envelope, fact in step.events:
        if type(fact) is f.QueueEntered and envelope.stream == here:
            first = Need.parse(fact.steps[0]) if fact.steps else Need()
            by_name = len(fact.steps) == 1 and fact.due == step.at + ASK_US
            if by_name and len(first.agents) == 1:
                return AGENT, first.agents[0]
            return "queue", fact.queue
    return "external", SOMEBODY


def transferred(
    reader: "Reader", step: Step, envelope: Envelope, data: f.ContactTransferred
) -> None:
    contact, held = ContactId(envelope.stream[8:]), reader.of(envelope, data)
    if held is None:
        return
    entered = step.find(f.QueueEntered)
    command: Any
    if data.kind == "consult":
        command = c.CompleteTransfer(contact)
    elif data.to_kind == "external" or entered is None:
        command = c.Transfer(contact, "external", SOMEBODY)
    elif data.to_kind == AGENT:
        to = Need.parse(entered[1].steps[0]).agents[0]
        command = c.Transfer(contact, AGENT, to, _other_need(held.steps, entered[1]))
    else:
        since = None if entered[1].since >= step.at else entered[1].since
        need = _other_need(held.steps, entered[1])
        command = c.Transfer(contact, "queue", entered[1].queue, need, since)
    reader.in_stage(step, held, command)


def _other_need(before: tuple[str, ...], entered: f.QueueEntered) -> str | None:
    """What somebody new must have; None: what was needed before, as it seems."""
    last = entered.steps[-1] if entered.steps else ""
    if not last or last in before or "=" in last.replace(">=", "") or last == "anyone":
        return None
    return last


def conferenced(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    reader.in_stage(step, reader.of(envelope, data), c.Conference(ContactId(envelope.stream[8:])))


def assigned(contact: ContactId, step: Step, entered: f.QueueEntered) -> c.Assign | c.Pull:
    """Who waited waits again: for one agent, or as before."""
    first = Need.parse(entered.steps[0]) if entered.steps else Need()
    if len(first.agents) == 1 and first.for_us == ASSIGN_US:
        return c.Assign(contact, first.agents[0])
    return c.Pull(contact, entered.queue, entered.since < step.at)


def part_ended(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    """An agent leaves, or somebody ends it for all."""
    pulled = type(data) is f.ContactAgentLeft and data.why == PULLED
    held = reader.of(envelope, data)
    if held is None:
        return
    contact, entered = held.story.contact, step.find(f.QueueEntered)
    if pulled and entered is not None:
        command = c.Pull(contact, entered[1].queue, entered[1].since < step.at)
        reader.in_stage(step, held, command)
        return
    if consult_ended(reader, step, held):
        return
    leaving = AgentId(envelope.stream[6:] if type(data) is f.AgentWrapupStarted else data.agent)
    if step.actor.kind == "agent":
        place = held.agents.index(leaving) if leaving in held.agents else 0
        reader.in_stage(step, held, AgentLeaves(place))
    else:
        reader.in_stage(step, held, c.Close(contact))


def consult_ended(reader: "Reader", step: Step, held: Open) -> bool:
    """Note the end of a consultation in the contact that it is about, if that was where.

    Who consults goes back to the customer, or leaves them both.
    """
    about, closed = held.about, step.find(f.ContactClosed)
    if about is None or closed is None or closed[1].by != "agent":
        return False
    if step.actor.kind == "agent" and step.actor.id in held.agents:
        return False
    here = contact_stream(about.story.contact)
    left = [one for one, fact in step.events if type(fact) is f.ContactAgentLeft]
    both = any(envelope.stream == here for envelope in left)
    command: Any = AgentLeaves() if both else c.CancelConsult(about.story.contact)
    reader.in_stage(step, about, command)
    return True
