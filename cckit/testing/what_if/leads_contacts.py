"""From an event of a contact or its lines to the command that it answered."""

from typing import TYPE_CHECKING, Any, Final

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.ids import ContactId
from cckit.core.instant import Span
from cckit.core.leg import CUSTOMER
from cckit.core.settings import QueueSettings
from cckit.core.step import own_steps

from .day import FLOW, WAITS, Input, Story
from .leads_handing import assigned, begun, consult_ended
from .noted import Open, Step
from .roles import AgentGone, Called, OtherGone, OtherTold, Told, customer_gone

if TYPE_CHECKING:
    from .reading import Reader

OURS: Final = "system"
"""Who goes on matching, and lets go of whom nobody could serve: the floor itself."""

# --- contacts -----------------------------------------------------------------------------


def created(reader: "Reader", step: Step, envelope: Envelope, data: f.ContactCreated) -> None:
    contact = ContactId(envelope.stream[8:])
    entered, kept = step.find(f.QueueEntered), step.find(f.QueuePlaceKept)
    command: c.ReportArrived | c.Recall | c.Dial | None = begun(reader, step, contact, data)
    if command is not None or data.direction == "internal" or data.entry_point == "moved":
        _begin(reader, step, contact, data, command)
        return
    if entered is not None and kept is not None:
        linked = step.find(f.ContactLinked)
        wait = entered[1]
        command = c.Recall(
            None if linked is None else linked[1].other,
            wait.queue,
            kept[1].callback,
            wait.lane,
            wait.priority,
            None if _usual(reader, wait) else wait.steps[0] if wait.steps else "",
            None if wait.since >= step.at else wait.since,
            contact,
            data.subject,
            data.channel,
        )
    else:
        command = c.ReportArrived(
            data.channel, data.entry_point, data.ref, data.direction, data.subject, contact=contact
        )
    _begin(reader, step, contact, data, command)


def _begin(
    reader: "Reader",
    step: Step,
    contact: ContactId,
    data: f.ContactCreated,
    command: c.ReportArrived | c.Recall | c.Dial | None,
) -> None:
    story = Story(contact, command, step.at, step.order, step.actor)
    reader.stories.append(story)
    reader.open[contact] = Open(story, data.leg, reader.begin(story, FLOW, step.at))


def identified(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    command = c.Identify(ContactId(envelope.stream[8:]), data.subject, data.method, data.level)
    reader.in_stage(step, reader.of(envelope, data), command)


def received(reader: "Reader", step: Step, envelope: Envelope, data: f.MessageReceived) -> None:
    command = c.ReportMessage(ContactId(envelope.stream[8:]), data.ext_id, data.author)
    reader.in_stage(step, reader.of(envelope, data), command)


def _usual(reader: "Reader", data: f.QueueEntered) -> bool:
    """Whether somebody waits for just what the queue needs."""
    settings = reader.queues.get(data.queue, QueueSettings())
    usual = own_steps(settings)
    return data.steps == usual or (not data.steps and usual == ("anyone",))


def entered(reader: "Reader", step: Step, envelope: Envelope, data: f.QueueEntered) -> None:
    if step.actor.kind == OURS:
        return
    usual = _usual(reader, data)
    several = len(data.steps) > 1 or (bool(data.steps) and "=" in _bare(data.steps[0]))
    command = c.Enqueue(
        ContactId(envelope.stream[8:]),
        data.queue,
        data.priority,
        data.lane,
        None if usual or several else data.steps[0] if data.steps else "",
        None
        if data.since >= step.at or data.place_from or reader.kind == "imported"
        else data.since,
        data.steps if several and not usual else None,
    )
    reader.in_stage(step, reader.of(envelope, data), command)


def _bare(text: str) -> str:
    """A step without what compares levels: an equals sign that is left is a clause's."""
    return text.replace(">=", "")


def priority(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    command = c.SetPriority(ContactId(envelope.stream[8:]), data.priority, data.why)
    reader.in_stage(step, reader.of(envelope, data), command)


def left(reader: "Reader", step: Step, envelope: Envelope, data: f.QueueLeft) -> None:
    contact, held = ContactId(envelope.stream[8:]), reader.of(envelope, data)
    moved, over = step.find(f.QueueEntered), step.find(f.ContactClosed)
    if step.actor.kind == OURS:
        return
    if data.reason == "dequeued" and moved is not None:
        reader.in_stage(step, held, assigned(contact, step, moved[1]))
    elif data.reason == "dequeued":
        reader.in_stage(step, held, c.Dequeue(contact))
    elif moved is not None:
        reader.in_stage(step, held, c.Overflow(contact, moved[1].queue))
    elif over is not None and data.reason in ("cancelled", "callback_failed", "merged"):
        deflected = over[1].reason in ("deflected", "spam")
        reader.in_stage(
            step,
            held,
            c.Deflect(contact, over[1].reason) if deflected else c.Cancel(contact, data.reason),
        )
    elif over is not None:
        closed(reader, step, over[0], over[1])


def closed(reader: "Reader", step: Step, envelope: Envelope, data: f.ContactClosed) -> None:
    held = reader.of(envelope, data)
    if reader.kind == "imported":
        if data.reason in ("abandoned", "completed"):
            reader.in_stage(step, held, customer_gone("normal"))
        return
    if held is not None and consult_ended(reader, step, held):
        return
    if data.reason == "completed":  # Of who talked with somebody outside alone.
        reader.in_stage(step, held, c.Close(ContactId(envelope.stream[8:])))
        return
    why = data.phase if data.reason == "blocked" else ""
    reader.in_stage(step, held, c.Deflect(ContactId(envelope.stream[8:]), data.reason, why))


def kept(reader: "Reader", step: Step, envelope: Envelope, data: f.QueuePlaceKept) -> None:
    command = c.KeepPlace(ContactId(envelope.stream[8:]), data.callback)
    reader.in_stage(step, reader.of(envelope, data), command)


def estimated(reader: "Reader", step: Step, envelope: Envelope, data: Any) -> None:
    command = c.Estimate(ContactId(envelope.stream[8:]))
    reader.in_stage(step, reader.of(envelope, data), command)


# --- lines --------------------------------------------------------------------------------


def cleared(reader: "Reader", step: Step, envelope: Envelope, data: f.LegCleared) -> None:
    held = reader.of(envelope, data)
    if held is None:
        return
    if held.dialing == data.leg:
        _called(step, held, Called("gone", data.cause))
        return
    ended = step.find(f.ContactClosed)
    gave_up = ended is not None and ended[1].reason == "abandoned"
    if reader.kind == "imported" and held.stage.kind in WAITS and not gave_up:
        return  # Somebody else ended the wait: how long this one would have lasted is open.
    place = held.place(data.leg)
    if data.leg == held.leg:
        reader.in_stage(step, held, customer_gone(data.cause))
    elif place is None:
        reader.in_stage(step, held, AgentGone(data.cause))
    else:
        reader.in_stage(step, held, OtherGone(place, data.cause))


def _called(step: Step, held: Open, role: Called) -> None:
    if held.dialed is not None:
        held.dialed.inputs.append(Input(step.at - held.dialed.at, step.order, role, step.actor))


def delivered(reader: "Reader", step: Step, envelope: Envelope, data: f.LegDelivered) -> None:
    held = reader.of(envelope, data)
    if held is not None and held.dialing == data.leg:
        _called(step, held, Called("delivered"))


def established(reader: "Reader", step: Step, envelope: Envelope, data: f.LegEstablished) -> None:
    held = reader.of(envelope, data)
    if held is not None and held.dialing == data.leg:
        _called(step, held, Called("established"))


def ordered(reader: "Reader", step: Step, envelope: Envelope, data: f.LegOrdered) -> None:
    contact, held = ContactId(envelope.stream[8:]), reader.of(envelope, data)
    if data.order == "hold":
        reader.in_stage(step, held, c.Hold(contact))
    elif data.order == "retrieve":
        reader.in_stage(step, held, c.Retrieve(contact))
    elif data.role == CUSTOMER and data.due is not None and step.actor.kind != OURS:
        reader.in_stage(step, held, c.DialBack(contact, Span(data.due - step.at)))


def told(
    reader: "Reader", step: Step, envelope: Envelope, data: f.LegHeld | f.LegRetrieved
) -> None:
    held = reader.of(envelope, data)
    if held is None:
        return
    is_held, place = type(data) is f.LegHeld, held.place(data.leg)
    told = Told(is_held, data.leg == held.leg) if place is None else OtherTold(place, is_held)
    reader.in_stage(step, held, told)
