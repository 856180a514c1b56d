"""Runs, the clock, configuration, permission, and the keys of people."""

from typing import Final

from cckit.core import facts as f
from cckit.core import queue as q
from cckit.core.certificate import FOREVER
from cckit.core.events import Envelope
from cckit.core.floor import Floor
from cckit.core.ids import OfferId, QueueId, SubjectId
from cckit.core.mode import ModeSettings
from cckit.core.same_person import part, unite
from cckit.core.settings import QueueSettings

from . import agents
from .handler import Handler
from .queues import round_goes_on


def run_started(floor: Floor, envelope: Envelope, data: f.RunStarted) -> None:
    floor.left_at = floor.now
    floor.epoch = data.epoch
    floor.kind = data.kind
    floor.run_position = envelope.position


def clock_stepped(floor: Floor, envelope: Envelope, data: f.ClockStepped) -> None:
    step = data.to_at - data.from_at
    if envelope.position != floor.run_position + 1 or step >= 0:
        return  # Within a run our time never goes back, whatever the wall clock does.
    for offer in floor.offers.values():
        offer.due += step if offer.due else 0
        offer.rang_at += step if offer.rang_at else 0
    for contact in floor.contacts.values():
        contact.since += step if contact.since else 0
        contact.idle_due += step if contact.idle_due else 0
        contact.there += step
        for leg in contact.more():
            leg.due += step if leg.due else 0
            leg.since += step if leg.since else 0
    for entry in floor.entries.values():
        entry.due += step if entry.due else 0
        if entry.promise is not None and entry.promise.not_before:
            entry.promise.not_before += step
        entry.step_due += step if entry.step_due else 0
        entry.told = None  # Nobody can say how long it took.
        entry.add_at += step if entry.add_at else 0
        if entry.barred:
            entry.barred = {
                who: until if until == FOREVER else until + step
                for who, until in entry.barred.items()
            }
    for queue in floor.queues.values():
        for served in queue.served.values():
            served.at = [at + step for at in served.at]
    floor.gave_up = {
        who: (until + step, queue_id, since, of)
        for who, (until, queue_id, since, of) in floor.gave_up.items()
    }
    floor.machine_due = {k: t._replace(due=t.due + step) for k, t in floor.machine_due.items()}
    floor.timers.shift(step)
    agents.stepped(floor, step, data.to_at)
    for link in floor.links.values():
        for stranger in link.strangers.values():
            stranger.at += step
    floor.forget_at = floor.fired_to = 0


def config_applied(floor: Floor, envelope: Envelope, data: f.ConfigApplied) -> None:
    floor.configs[data.kind, data.id] = data.hash
    configured = CONFIGURED.get(data.kind)
    if configured is not None:
        configured(floor, envelope, data)


def mode_configured(floor: Floor, envelope: Envelope, data: f.ConfigApplied) -> None:
    floor.modes.settings[data.id] = ModeSettings.unpack(data.data)


def queue_configured(floor: Floor, envelope: Envelope, data: f.ConfigApplied) -> None:
    settings = QueueSettings.unpack(data.data)
    queue = floor.queues.get(QueueId(data.id))
    if queue is None:
        queue = q.Queue(QueueId(data.id), settings, data.hash)
        floor.queues[queue.id] = queue
    queue.settings = settings
    queue.policy_hash = data.hash
    for entry in floor.entries.values():
        if entry.group.queue is queue and entry.phase is q.OFFERED:
            if not entry.asked:  # A round of one remembers nobody; it may become one of several.
                entry.asked = tuple(floor.offers[OfferId(one)].agent for one in entry.offers)
            round_goes_on(floor, entry)  # The new strategy may ask more of them at once.
    floor.index.requeue(queue, floor.queues)
    floor.unrouted = True


CONFIGURED: Final[dict[str, Handler]] = {
    "queue": queue_configured,
    "mode": mode_configured,
    **agents.CONFIGURED,
}
"""Kind of configuration to what it does to the floor."""


def hold_changed(floor: Floor, envelope: Envelope, data: f.HoldChanged) -> None:
    if data.on:
        floor.holds[data.scope] = data.ground
    else:
        floor.holds.pop(data.scope, None)


def erasure_started(floor: Floor, envelope: Envelope, data: f.SubjectErasureStarted) -> None:
    floor.erasing[envelope.stream] = data.ground


def subject_erased(floor: Floor, envelope: Envelope, data: f.SubjectErased) -> None:
    floor.erasing.pop(envelope.stream, None)
    subject = SubjectId(envelope.stream.removeprefix("subject/"))
    floor.last_agents.pop(subject, None)
    floor.gave_up.pop(subject, None)
    if subject in floor.merged:
        part(floor.merged, subject)


def subject_merged(floor: Floor, envelope: Envelope, data: f.SubjectMerged) -> None:
    unite(floor.merged, envelope.stream.removeprefix("subject/"), data.into)


def permission_changed(floor: Floor, envelope: Envelope, data: f.PermissionChanged) -> None:
    roles = set(floor.roles.get(data.who, ()))
    roles.add(data.role) if data.given else roles.discard(data.role)
    floor.roles[data.who] = tuple(sorted(roles))


def key_made(floor: Floor, envelope: Envelope, data: f.SubjectKeyMade) -> None:
    floor.met_at.append((envelope.stamp.recorded_at, envelope.stream))


HANDLERS: Final[dict[type, Handler]] = {
    f.RunStarted: run_started,
    f.ClockStepped: clock_stepped,
    f.ConfigApplied: config_applied,
    f.HoldChanged: hold_changed,
    f.SubjectErasureStarted: erasure_started,
    f.SubjectErased: subject_erased,
    f.SubjectMerged: subject_merged,
    f.PermissionChanged: permission_changed,
    f.SubjectKeyMade: key_made,
}
