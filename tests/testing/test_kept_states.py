"""Every shipped plugin keeps its states: a snapshot is made with all of them, and is enough."""

from typing import Any

from cckit.core import commands as c
from cckit.core.codec import canonical
from cckit.core.engine import Engine
from cckit.core.events import Actor
from cckit.core.ids import ContactId, OfferId, QueueId, Stream, SubjectId
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.core.schema import unpack
from cckit.core.snapshot import dump, load
from cckit.testing import World
from cckit_alerts.plugin import Plugin as Alerts
from cckit_callback.machine import RequestCallback
from cckit_callback.plugin import Plugin as Callbacks
from cckit_cases.machine import OpenCase
from cckit_cases.plugin import Plugin as Cases
from cckit_hours.machine import OfferCallback
from cckit_hours.plugin import Plugin as Hours
from cckit_supervision.machine import Monitor
from cckit_supervision.plugin import Plugin as Supervision

HELP, A, B = QueueId("help"), ContactId("a"), ContactId("b")
PLUGINS = {
    "hours": Hours,
    "alerts": Alerts,
    "supervision": Supervision,
    "cases": Cases,
    "callback": Callbacks,
}
SETTINGS: dict[str, Any] = {
    "alerts": {
        "waits_long": {"kind": "long_wait", "limit_s": 30},
        "talks_long": {"kind": "long_call", "limit_s": 60},
        "line_long": {"kind": "queue_length", "scope": "queue/*", "limit": 1},
        "service": {"kind": "sla_at_risk", "limit": 80, "of": 2},
        "faults": {"kind": "router_fault", "limit": 1},
    },
    "hours": {
        "calendars": {"week": {"week": [{"days": "mon-sun", "from": "00:00", "to": "20:00"}]}},
        "overload": {"help": {"enter_length": 2, "leave_length": 1}},
    },
}


def a_little_day() -> World:
    """Ann talks to one who is listened to; one waits, one is to be called, one has a case."""
    world = World(1, plugins={n: make() for n, make in PLUGINS.items()}, settings=SETTINGS)
    world.queue(HELP)
    world.agent("ann")
    for contact in (A, B):
        world.do(c.ReportArrived("voice", contact=contact))
        world.do(c.Enqueue(contact, HELP))
    offer = OfferId(next(iter(world.engine.floor.offers)))
    world.do(c.AcceptOffer(offer))
    world.do(c.ReportBridged(offer))
    world.do(Monitor(A, "rina"), Actor("supervisor", "rina"))
    world.do(OpenCase(Stream("case/1"), A))
    world.do(OfferCallback(Stream("contact/b"), "overload"))
    of = Stream("subject/" + "1" * 32)
    later = Instant(world.now + 3 * HOUR)
    world.do(RequestCallback(of, "scheduled", due=later, queue=HELP, subject=SubjectId("1" * 32)))
    world.run(Instant(world.now + 90 * SECOND))
    return world


def test_a_snapshot_with_every_shipped_plugin_gives_equal_states() -> None:
    engine = a_little_day().engine
    names = {name for name, _ in engine.states}
    assert names == {machine.name for machine in engine.machines.all}
    kept = dump(engine)
    assert kept is not None
    again = Engine(machines=engine.machines.all)
    load(again, unpack(canonical(kept)))
    assert again.states == engine.states
    assert again.next_due() == engine.next_due()
    assert dump(again) == kept


def test_a_contact_that_closed_leaves_nothing_with_who_offered_it_a_callback() -> None:
    world = a_little_day()
    assert ("hours.waiting", Stream("contact/b")) in world.engine.states
    world.do(c.ReportCleared(world.engine.floor.contacts[Stream("contact/b")].leg))
    assert ("hours.waiting", Stream("contact/b")) not in world.engine.states
