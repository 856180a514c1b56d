"""Random days on which people keep places, are called, come again: all invariants hold.

After each act the whole floor is checked; at the end of a day the log folds, and a snapshot
loads, to the same floor.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.engine import Engine
from cckit.core.ids import CENTER, ContactId, QueueId, Stream, SubjectId
from cckit.core.instant import MINUTE, SECOND, Instant, Span
from cckit.core.invariants import check_all
from cckit.core.settings import QueueSettings
from cckit_callback.machine import (
    CancelCallback,
    RequestCallback,
    Reschedule,
    dump,
    load,
    recall_id,
)
from tests.callback.desk import Desk
from tests.script import ACTS, STAFFS, WHICH, Player
from tests.stage import picture

FIRST = st.sampled_from(["agent", "customer"])
CALLS: st.SearchStrategy[tuple[Any, ...]] = st.one_of(
    st.tuples(st.just("keep"), WHICH, FIRST),
    st.tuples(st.just("keep"), WHICH, FIRST),
    st.tuples(st.sampled_from(["answers", "busy", "rings"]), WHICH),
    st.tuples(st.sampled_from(["call now", "forget it", "hang up"]), WHICH),
    st.tuples(st.just("come as"), st.sampled_from(["s1", "s2"]), st.sampled_from(["help", "vip"])),
    st.tuples(st.just("recall"), st.sampled_from(["s1", "s2"]), FIRST),
    st.tuples(st.just("pass"), st.sampled_from([MINUTE, 5 * MINUTE])),
)
SETTINGS = st.builds(
    QueueSettings,
    callback_tries=st.sampled_from([1, 2, 3]),
    callback_pause_us=st.sampled_from([SECOND, MINUTE]),
    resume_us=st.sampled_from([0, MINUTE]),
    max_wait_us=st.sampled_from([0, 3 * MINUTE]),
    wrapup_us=st.sampled_from([0, 4 * SECOND]),
    strategy=st.sampled_from(["longest_idle", "parallel", "progressive"]),
)


class Caller(Player):
    """A player who also keeps places and is called."""

    def play(self, act: tuple[Any, ...]) -> None:
        what, *more = act
        if what == "come as":
            self._come_as(*more)
        elif what == "recall":
            self.n += 1
            contact = ContactId(f"x{self.n}")
            subject = SubjectId(more[0])
            self.send(c.Recall(None, QueueId("help"), more[1], contact=contact, subject=subject))
        elif what in ("keep", "answers", "busy", "rings", "call now", "forget it"):
            self._call(what, *more)
        else:
            super().play(act)

    def _come_as(self, subject: str, queue: str) -> None:
        self.n += 1
        contact = ContactId(f"x{self.n}")
        self.send(c.ReportArrived("voice", contact=contact, subject=SubjectId(subject)))
        self.send(c.Enqueue(contact, QueueId(queue)))

    def _call(self, what: str, which: int, first: str = "agent") -> None:
        contacts = list(self.engine.floor.contacts.values())
        if what in ("answers", "busy", "rings"):
            contacts = [contact for contact in contacts if contact.dialing is not None]
        if not contacts:
            return
        contact = contacts[which % len(contacts)]
        name = ContactId(contact.id)
        leg = contact.dialing.id if contact.dialing is not None else contact.leg
        commands: dict[str, Any] = {
            "keep": c.KeepPlace(name, first),
            "answers": c.ReportEstablished(leg),
            "busy": c.ReportCleared(leg, "busy"),
            "rings": c.ReportDelivered(leg),
            "call now": c.DialBack(name, Span(20 * SECOND)),
            "forget it": c.Cancel(name),
        }
        self.send(commands[what])


@settings(max_examples=60, deadline=None)
@given(
    STAFFS,
    SETTINGS,
    st.lists(st.one_of(CALLS, CALLS, ACTS.filter(lambda act: act[0] != "again")), max_size=40),
    st.booleans(),
)
def test_on_any_day_all_invariants_hold_and_the_log_is_enough(
    staff: list[tuple[dict[str, int], dict[str, int]]],
    queue: QueueSettings,
    acts: list[tuple[Any, ...]],
    late: bool,
) -> None:
    player = Caller(late=late)
    for name in ("help", "vip"):
        player.send(c.ApplyConfig("queue", name, queue.pack()))
    player.staff(staff)
    for act in acts:
        player.play(act)
        check_all(player.engine.floor)
    folded = Engine()
    for recorded in player.log:
        folded.fold(recorded)
    assert picture(folded)[0] == picture(player.engine)[0]
    assert folded.floor.promised == player.engine.floor.promised
    dials = [data for _, data in player.log if type(data) is f.LegOrdered and data.order == "dial"]
    assert len({dial.leg for dial in dials}) == len(dials)


ASKED = st.one_of(
    st.tuples(st.just("call"), st.sampled_from("abcd")),
    st.tuples(st.just("keep"), st.sampled_from("abcd"), FIRST),
    st.tuples(st.just("agree"), st.sampled_from("abcd"), st.integers(-1, 5)),
    st.tuples(st.just("put off"), st.sampled_from("abcd"), st.integers(-1, 5)),
    st.tuples(st.sampled_from(["cancel", "hang up"]), st.sampled_from("abcd")),
    st.tuples(st.just("wait"), st.integers(0, 8)),
    st.tuples(st.sampled_from(["answers", "busy", "ready", "accept", "bridge"])),
)


def carry_out(desk: Desk, act: tuple[Any, ...], n: int) -> None:
    what, *more = act
    floor, world = desk.floor, desk.world
    who = str(more[0]) if more else ""
    mine = [s for s, one in floor.contacts.items() if one.subject == who and s[8] == who]
    of = Stream(mine[-1]) if mine else Stream(f"contact/{who}0")
    if what == "call":
        world.do(c.ReportArrived("voice", contact=ContactId(f"{who}{n}"), subject=SubjectId(who)))
        world.do(c.Enqueue(ContactId(f"{who}{n}"), QueueId("help")))
    elif what == "keep":
        world.do(RequestCallback(of, first=more[1]))
    elif what == "agree":
        world.do(RequestCallback(of, "scheduled", due=Instant(desk.now + more[1] * MINUTE)))
    elif what == "put off":
        world.do(Reschedule(of, Instant(desk.now + more[1] * MINUTE)))
    elif what == "cancel":
        world.do(CancelCallback(of))
    elif what == "hang up" and of in floor.contacts:
        world.do(c.ReportCleared(floor.contacts[of].leg))
    elif what == "wait":
        world.run(Instant(desk.now + more[0] * MINUTE))
    elif what == "ready":
        desk.ready() if "anne" not in floor.agents else world.do(c.SetReady(anne(desk)))
    elif what == "accept":
        for offer in list(floor.offers):
            world.do(c.ReportAlerting(offer))
            world.do(c.AcceptOffer(offer))
    elif what in ("answers", "busy"):
        for leg in [one.dialing.id for one in floor.contacts.values() if one.dialing]:
            answered = c.ReportEstablished(leg)
            world.do(answered if what == "answers" else c.ReportCleared(leg, "busy"))
    elif what == "bridge":
        for offer in list(floor.offers):
            world.do(c.ReportBridged(offer))


def anne(desk: Desk) -> Any:
    return next(iter(desk.floor.agents))


@settings(max_examples=40, deadline=None)
@given(st.lists(ASKED, max_size=30))
def test_each_promise_ends_once_and_the_floor_and_the_machine_agree(
    acts: list[tuple[Any, ...]],
) -> None:
    desk = Desk(wrapup_us=0, callback_tries=2, callback_pause_us=MINUTE)
    for n, act in enumerate(acts):
        carry_out(desk, act, n)
        check_all(desk.floor)
        _agree(desk)
    requested = [stream for stream, data in desk.told() if type(data).__name__.endswith("ested")]
    closed = [data for _, data in desk.told() if type(data).__name__ == "CallbackClosed"]
    state = desk.world.engine.states.get(("callback", CENTER))
    live = 0 if state is None else len(state.live)
    assert len(requested) == len(closed) + live
    if state is not None:
        assert load(dump(state)) == state


def _agree(desk: Desk) -> None:
    """Who is promised a call waits for it on the floor, or for an instant; nobody for two."""
    state = desk.world.engine.states.get(("callback", CENTER))
    if state is None:
        return
    for one in state.live.values():
        if one.due:
            assert one.contact is None or one.contact not in desk.floor.contacts
            assert f"contact/{recall_id(one.of, one.begun + 1)}" not in desk.floor.contacts
        else:
            assert one.contact in desk.floor.contacts, one
    people = [one.subject for one in state.live.values() if one.subject]
    assert len(people) == len(set(people))
