"""Who the customer is, what belongs together, and going on over another channel."""

from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core.ask import Ask
from cckit.core.channel import CALL
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import (
    AgentId,
    ContactId,
    LegId,
    Stream,
    contact_stream,
    subject_stream,
)
from cckit.core.same_person import same

from . import callbacks
from .entering import Wait, enter, queue_named, unknown
from .targets import again_steps

Drafts = list[Pair]
MAX_LEVEL = 3
LINKS = ("same_matter", "reopened")
"""What people and processes say; the other kinds tell what the floor did itself."""


def identify(
    floor: Floor, command: m.Identify, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if not 0 <= command.level <= MAX_LEVEL:
        what = f"there is no level {command.level}"
        return Refused("contact.bad_level", stream, what, f"use 0 to {MAX_LEVEL}")
    if not command.method:
        what = "it does not say how"
        return Refused("contact.no_method", stream, what, "name a method: number, pin, agent …")
    if (contact.subject, contact.level) == (command.subject, command.level):
        return []
    identified = (stream, f.ContactIdentified(command.subject, command.method, command.level))
    entry = floor.entries.get(contact.entry)
    if entry is None or entry.promise is None:
        return [identified]
    kept = [one for one in callbacks.promised(floor, command.subject) if one is not contact]
    ended = callbacks.one_promise(floor, [*kept, contact], now)
    if any(where == stream for where, _ in ended):
        return [identified, *ended]  # Nothing follows the end of a contact.
    return [*ended, identified]


def set_attributes(
    floor: Floor, command: m.SetAttributes, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    if stream not in floor.contacts:
        return unknown(stream)
    if not command.values:
        return []
    return [(stream, f.ContactAttributesSet(dict(sorted(command.values.items()))))]


def consent(
    floor: Floor, command: m.GiveConsent, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    if stream not in floor.contacts:
        return unknown(stream)
    return [(stream, f.ContactConsentRecorded(command.kind, command.given, command.basis))]


def link(floor: Floor, command: m.Link, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream, other = contact_stream(command.contact), contact_stream(command.other)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if stream == other:
        what = "a contact is not linked to itself"
        return Refused("contact.bad_link", stream, what, "name another contact")
    if command.kind not in LINKS:
        what = f"contacts are not linked as {command.kind!r} by hand"
        return Refused("contact.bad_link", stream, what, f"use {' or '.join(LINKS)}")
    first = matter_of(floor, other)
    if contact.matter == first:
        return []
    return [(stream, f.ContactLinked(command.other, command.kind, first))]


def matter_of(floor: Floor, stream: Stream) -> str:
    """The first contact of the matter of a contact, which may have ended long ago."""
    contact = floor.contacts.get(stream)
    return (contact.matter if contact is not None else "") or stream[8:]


def merge(floor: Floor, command: m.Merge, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream = subject_stream(command.subject)
    if command.subject == command.into:
        what = "a person is not merged into themselves"
        return Refused("subject.bad_merge", stream, what, "name two subjects")
    for one in (stream, subject_stream(command.into)):
        if one in floor.erasing:
            what = f"{one} is being erased"
            return Refused("subject.erased", stream, what, "nothing is to be done")
    if command.into in same(floor.merged, command.subject):
        return []
    kept = [
        contact
        for subject in (command.subject, command.into)
        for contact in callbacks.promised(floor, subject)
    ]
    return [(stream, f.SubjectMerged(command.into)), *callbacks.one_promise(floor, kept, now)]


def move_channel(
    floor: Floor, command: m.MoveChannel, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    """Begin a contact on another channel that waits for what this one did, in its lane.

    A message channel is there at once; for a call the customer's place is kept, and they
    are called when an agent takes it. The old contact ends as the new one connects.
    Attributes are sealed, so no rule can copy them: the link to the old contact says where
    they are.
    """
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if command.channel == contact.channel:
        what = f"it is of channel {contact.channel!r} already"
        return Refused("contact.same_channel", stream, what, "name another channel")
    onto = [one for one in floor.contacts.values() if one.moved_from == contact.id]
    if onto:
        what = f"it goes on in {onto[0].stream} already"
        return Refused("contact.moving", stream, what, "move or end that one")
    if command.new_contact is None:
        what = "the new contact has no id"
        return Refused("contact.no_id", stream, what, "the shell draws one; name it here")
    new = contact_stream(command.new_contact)
    if new in floor.versions:
        what = "the new contact has been there before"
        return Refused("contact.exists", stream, what, "draw a new random id for each contact")
    name = command.queue or contact.queue
    if name is None:
        what = "it never waited in a queue"
        return Refused("queue.unknown", stream, what, "name the queue it goes on in")
    queue = queue_named(floor, stream, name)
    if isinstance(queue, Refused):
        return queue
    calls = floor.channels.get(command.channel, CALL).calls
    # Behind the ids that entering may give out.
    leg = LegId(0 if calls else floor.next_id() + len(floor.queues))
    created = f.ContactCreated(
        command.channel, "out", leg, contact.subject, None, command.to, "moved", contact.id
    )
    first = ContactId(contact.id)
    drafts: Drafts = [
        (new, created),
        (new, f.ContactLinked(first, "moved_from", matter_of(floor, stream))),
    ]
    if contact.level and contact.subject:
        drafts.append((new, f.ContactIdentified(contact.subject, "moved", contact.level)))
    agent = contact.agent or contact.last_agent
    prefer = (AgentId(agent),) if agent in floor.agents else ()
    going = c.Contact(new, command.channel, leg, contact.subject)
    wait = Wait(now, contact.priority, contact.lane)
    steps = again_steps(floor, contact, queue, None) if contact.queue else None
    entered = enter(floor, going, queue, wait, now, steps, prefer, promised=calls)
    if isinstance(entered, Refused):
        return entered
    drafts += entered
    if calls:
        drafts = [*callbacks.merged(floor, going, now), *drafts]
    last = entered[-1][1]
    if calls and isinstance(last, f.QueueEntered):
        drafts.append((new, f.QueuePlaceKept(last.entry, "agent")))
    return drafts
