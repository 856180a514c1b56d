"""Messages: what customers and agents write, and conversations that wait for an answer."""

from hashlib import sha256
from typing import Final

from cckit.core import commands as m
from cckit.core import contact as c
from cckit.core import facts as f
from cckit.core.ask import Ask
from cckit.core.channel import CALL
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import CENTER, AgentId, contact_stream
from cckit.core.instant import Instant
from cckit.core.matching import is_member
from cckit.core.need import parse
from cckit.core.queue import Queue

from .entering import Wait, enter, unknown
from .targets import entered as waits

Drafts = list[Pair]
STATUSES: Final = ("sent", "delivered", "read", "failed")


def received(
    floor: Floor, command: m.ReportMessage, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    """Take in what somebody wrote; a conversation that idles waits for an agent again."""
    contact = _open(floor, command.contact, command.ext_id, actor)
    if not isinstance(contact, c.Contact):
        return contact
    if command.ext_id in contact.said:
        return []
    said = f.MessageReceived(command.ext_id, command.author, command.body, command.files or None)
    drafts: Drafts = [(contact.stream, said)]
    if contact.phase is not c.IDLE:
        return drafts
    queue = floor.queues.get(contact.queue) if contact.queue else None
    if queue is None:
        return [*drafts, *(idled(floor, contact, now) or ())]
    return [*drafts, *_waits_again(floor, contact, queue, now)]


def _waits_again(floor: Floor, contact: c.Contact, queue: Queue, now: int) -> Drafts:
    """Let a conversation wait for the agent it had, if that one can still serve it.

    It has begun, and what was written is stored: where a new contact would be refused, this
    one waits, for anyone of the queue if need be.
    """
    last = AgentId(contact.last_agent)
    there = last in floor.agents and is_member(last, queue)
    able = there and bool(floor.index.could(queue, contact.channel, parse(""), (last,)))
    wait = Wait(now, lane=contact.lane)
    for prefer, promised in (((last,) if able else (), False), ((), False), ((), True)):
        entered = enter(floor, contact, queue, wait, now, None, prefer, promised)
        if not isinstance(entered, Refused):
            return entered
    return [waits(floor, contact, queue, (), now, now)]


def status(
    floor: Floor, command: m.ReportStatus, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    if command.status not in STATUSES:
        what = f"there is no status {command.status!r}"
        where = contact_stream(command.contact)
        return Refused("message.bad_status", where, what, f"use {', '.join(STATUSES)}")
    contact = _open(floor, command.contact, command.ext_id, actor)
    if not isinstance(contact, c.Contact):
        return contact
    return [(contact.stream, f.MessageStatusSet(command.ext_id, command.status))]


def _open(floor: Floor, contact_id: str, ext_id: str, actor: Actor) -> c.Contact | Drafts | Refused:
    """Find what a report of a message is about; one that came too late is kept as a digest."""
    stream = contact_stream(contact_id)
    contact = floor.contacts.get(stream)
    if contact is not None:
        return contact
    if stream not in floor.versions:
        return unknown(stream)
    digest = sha256(f"{stream} {ext_id}".encode()).digest()
    return [(CENTER, f.FactQuarantined(actor.id, digest, "contact.ended"))]


def send(floor: Floor, command: m.Send, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    if floor.channels.get(contact.channel, CALL).calls:
        what = f"nobody can write to a contact of {contact.channel!r}"
        remedy = "move it to a channel of messages first"
        return Refused("message.no_messages", stream, what, remedy)
    if actor.kind == "agent" and contact.agent != actor.id:
        what = f"{actor.id} does not serve this contact"
        return Refused("message.not_yours", stream, what, "write to contacts that you serve")
    if not command.body and not command.template:
        what = "the message is empty"
        return Refused("message.empty", stream, what, "give a body or a template")
    return [(stream, f.MessageSent(command.body, command.template))]


def idled(floor: Floor, contact: c.Contact, now: int) -> Drafts | None:
    """What keeps a conversation open whose last agent left; None if it is over then."""
    idle_us = floor.channels.get(contact.channel, CALL).idle_us
    if not idle_us or not contact.leg:
        return None
    return [(contact.stream, f.ContactIdled(Instant(now + idle_us)))]


def idle_over(floor: Floor, command: m.TimerDue, now: int) -> Drafts:
    """Nobody wrote again."""
    contact = floor.contacts.get(contact_stream(command.subject))
    if contact is None or contact.phase is not c.IDLE or contact.idle_due > now:
        return []
    if contact.idle_position != command.set_position:
        return []
    return [(contact.stream, f.ContactClosed("completed", "idle", "timer"))]
