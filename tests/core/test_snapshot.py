"""A snapshot is the floor: what is loaded goes on as what was dumped."""

from typing import Any, get_args, get_type_hints

import attrs
import msgpack
import pytest

from cckit.core import commands as c
from cckit.core.agent import Agent
from cckit.core.certificate import SkillSettings
from cckit.core.contact import Contact
from cckit.core.engine import Engine
from cckit.core.events import SYSTEM, TIMER, Decision
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, ContactId, QueueId
from cckit.core.instant import HOUR, SECOND
from cckit.core.invariants import check_all
from cckit.core.link import Link
from cckit.core.offer import Offer
from cckit.core.queue import Entry, Queue
from cckit.core.settings import QueueSettings
from cckit.core.snapshot import CLASSES, digest_of_classes, dump, load
from cckit.core.timer import Timer
from tests.stage import CHATS, LINE, Stage


def crowded() -> Stage:
    """Everything at once: rings, connects, talks, holds, wraps up, waits, is barred."""
    stage = Stage().queue(max_wait_us=300 * SECOND).queue("vip", need="he >= 2")
    for agent in ("anne", "bob", "cleo", "dan"):
        stage.agent(agent, {"he": 3} if agent == "dan" else {})
        stage.wait(SECOND)
    stage.agent("eve", channels=CHATS)
    stage.agent("fay", {"en": 1}, ready=False)
    steps = ("en for_us=60000000", "anyone")
    stage.queue("steps", estimator="ql", sticky_us=9 * SECOND, steps=steps)
    for contact in ("rings", "connects", "talks"):
        stage.call(contact)
    stage.alert("rings")
    stage.call("vip", "vip", priority=2, lane=1)
    stage.call("waits", need="en and not he")
    stage.call("relaxes", "steps", prefer=(AgentId("fay"),))
    stage.call("also", "vip")
    for n in range(6):
        stage.call(f"chat{n}", channel="chat")
    stage.talk("chat1")
    stage.facts(c.SetNotReady(AgentId("eve"), "lunch"))
    stage.answer("connects")
    stage.talk("talks")
    stage.facts(c.ReportHeld(stage.contact("talks").leg), LINE)
    stage.facts(c.RejectOffer(stage.offer("vip")))
    stage.talk("also")
    stage.facts(c.Close(ContactId("also")))
    stage.facts(c.SetPermission("sue", "supervisor"))
    stage.wait(3 * SECOND)
    return stage


def afterwards(engine: Engine, now: int) -> list[Any]:
    """Go on for an hour with some commands between; everything that it leads to."""
    found: list[Any] = []

    def keep(decided: Any) -> None:
        found.append(decided)
        while engine.unrouted:
            found.append(engine.act(c.Route(), SYSTEM, now))
        check_all(engine.floor)

    def until(instant: int) -> int:
        at = now
        while (due := engine.next_due()) is not None and due[0] <= instant:
            at = max(at, due[0])
            keep(engine.fire(at, TIMER))
        assert engine.fire(instant, TIMER) is None
        return instant

    keep(engine.act(c.ReportArrived("voice", contact=ContactId("new")), LINE, now))
    keep(engine.act(c.Enqueue(ContactId("new"), QueueId("vip")), SYSTEM, now))
    now = until(now + 4 * SECOND)
    for agent in ("anne", "bob", "cleo", "dan", "eve"):
        keep(engine.act(c.LogOut(AgentId(agent)), SYSTEM, now))
        keep(engine.act(c.LogIn(AgentId(agent)), SYSTEM, now))
        keep(engine.act(c.SetReady(AgentId(agent)), SYSTEM, now))
        now = until(now + 2 * SECOND)
    until(now + HOUR)
    return [d.recorded for d in found if isinstance(d, Decision) and d.recorded]


@pytest.mark.parametrize("through", ["load", "fold", "bytes"])
def test_what_is_loaded_or_folded_goes_on_as_the_floor_did(through: str) -> None:
    stage = crowded()
    if through == "fold":
        other = stage.folded()
    else:
        other = Engine()
        saved: Any = dump(stage.engine)
        load(other, msgpack.unpackb(msgpack.packb(saved)) if through == "bytes" else saved)
    check_all(other.floor)
    assert dump(other) == dump(stage.engine)
    assert afterwards(other, stage.now) == afterwards(stage.engine, stage.now)
    assert dump(other) == dump(stage.engine)


def test_loading_twice_is_loading_once() -> None:
    stage = crowded()
    assert dump(stage.loaded()) == dump(stage.engine) == dump(stage.loaded())


def test_a_decision_without_events_changes_nothing() -> None:
    stage = crowded()
    before = dump(stage.engine)
    stage.now += HOUR
    decided = stage.engine.act(c.SetReady(AgentId("anne")), SYSTEM, stage.now)
    assert isinstance(decided, Decision) and decided.recorded == ()
    assert dump(stage.engine) == before


def test_what_was_left_unrouted_is_routed_after_loading() -> None:
    stage = Stage().queue(agents=()).agent("anne")
    stage.call("x")
    packed = QueueSettings().pack()
    stage.engine.act(c.ApplyConfig("queue", "help", packed), SYSTEM, stage.now)
    assert stage.engine.unrouted
    assert stage.loaded().unrouted


def test_the_digest_of_classes_tells_shapes_apart() -> None:
    assert len(digest_of_classes()) == 32
    assert digest_of_classes() == digest_of_classes()


def kept(hint: Any) -> set[type]:
    """The classes with fields of their own that an annotation names."""
    found = set[type]().union(*map(kept, get_args(hint)))
    if isinstance(hint, type) and (attrs.has(hint) or hasattr(hint, "_fields")):
        found.add(hint)
    return found


def test_every_class_that_a_dump_is_written_from_counts_in_the_digest() -> None:
    tables = {type(one) for one in vars(Floor()).values()} | {Entry, Queue, Offer, Agent, Contact}
    tables |= {Link, SkillSettings, Timer}
    for cls in list(tables):
        tables |= kept(cls)
    todo = [cls for cls in tables if attrs.has(cls) or hasattr(cls, "_fields")]
    seen: set[type] = set()
    while todo:
        cls = todo.pop()
        if cls not in seen:
            seen.add(cls)
            todo += [one for hint in get_type_hints(cls).values() for one in kept(hint)]
    assert seen == set(CLASSES)
