"""Saying how long it will be, while what was said before has held."""

from cckit.core import commands as m
from cckit.core import facts as f
from cckit.core import queue as q
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import contact_stream
from cckit.core.instant import Span
from cckit.core.routing.estimate import expected_of, trusted

from .entering import unknown


def estimate(
    floor: Floor, command: m.Estimate, now: int, ask: Ask, actor: Actor
) -> list[Pair] | Refused:
    """Announce the wait that is left; refused where nothing honest can be said."""
    stream = contact_stream(command.contact)
    contact = floor.contacts.get(stream)
    if contact is None:
        return unknown(stream)
    entry = floor.entries.get(contact.entry)
    if entry is None or entry.phase is q.TAKEN:
        what = "the contact does not wait in a queue"
        return Refused("queue.wrong_state", stream, what, "only a wait has an end to expect")
    queue = entry.group.queue
    if not queue.settings.estimator:
        what = f"queue {queue.id!r} has no estimator"
        return Refused("queue.no_estimator", stream, what, "set its estimator to les or ql")
    if not trusted(queue):
        what = f"of the last {len(queue.hits)} estimates only {sum(queue.hits)} held"
        return Refused("queue.estimate_unreliable", stream, what, "say nothing of the wait for now")
    found = expected_of(floor, entry, now)
    if found is None:
        what = "too few were served of late who needed the same"
        return Refused("queue.estimate_unknown", stream, what, "say nothing of the wait for now")
    low, high = Span(found.low_us), Span(found.high_us)
    return [(stream, f.QueueEstimateGiven(entry.id, low, high, found.n, found.estimator))]
