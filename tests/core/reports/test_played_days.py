"""The tables against the floor itself, over random days of what people do in any order."""

from collections import Counter
from itertools import groupby, pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.agent import BUSY, WRAPUP, Agent
from cckit.core.contact import CONNECTING, NEW, TALKING, Contact
from cckit.core.events import Recorded
from cckit.core.floor import Floor
from cckit.core.instant import SECOND
from cckit.core.reports import AgentIntervals, Segments
from cckit.core.settings import QueueSettings
from cckit.testing.projections import check_projection, fold
from tests.script import ACTS, QUEUES, SETTINGS, STAFFS, Player
from tests.stage import START, Stage

View = tuple[str, str | None, int, int] | None
"""State, reason of not_ready, conversations, load; None: not logged in."""


NEWEST = -1
COME = st.sampled_from(
    [("come", queue, channel, "", 0, 0) for queue in QUEUES for channel in ("voice", "chat")]
)
FATES = st.lists(
    st.sampled_from(
        [
            *[("go on", NEWEST)] * 14,
            *[("pass", SECOND)] * 2,
            ("hang up", NEWEST),
            ("fail", NEWEST),
            ("reject", NEWEST),
            ("pass", 25 * SECOND),
            *[(what, who) for what in ("ready", "break", "out", "in") for who in ("ann", "bob")],
        ]
    ),
    min_size=2,
    max_size=10,
)
DAYS = st.lists(
    st.one_of(
        st.lists(ACTS, min_size=1, max_size=3),
        st.tuples(COME, FATES).map(lambda call: [call[0], *call[1]]),
    ),
    min_size=3,
    max_size=40,
).map(lambda parts: [act for part in parts for act in part])
"""Acts in any order, and calls of which each is brought some way towards its end."""


def view(agent: Agent) -> View:
    """What the floor knows an agent to be."""
    if not agent.logged_in:
        return None
    # All that is at hand, also what a call interrupts, which costs nothing meanwhile.
    load = sum(slot.cost for slot in agent.slots.values())
    talks = sum(slot.phase is BUSY for slot in agent.slots.values())
    if talks:
        return ("busy", None, talks, load)
    if any(slot.phase is WRAPUP for slot in agent.slots.values()):
        return ("wrapup", None, 0, load)
    if agent.slots:
        return ("offered", None, 0, load)
    if agent.ready:
        return ("ready", None, 0, 0)
    # What was never declared has no reason.
    return ("not_ready", None if agent.reason == "logged_in" else agent.reason, 0, 0)


def phases(contact: Contact, floor: Floor) -> Counter[str]:
    """The rows that a contact of the floor keeps open; wrap-ups are its agents'."""
    if contact.phase is NEW:
        return Counter() if contact.queue else Counter(ivr=1)
    if contact.phase is TALKING:
        return Counter(hold=1) if contact.held else Counter(talk=1)
    # It rings at everybody who is asked, and then at the one who took it.
    rings = 1 if contact.phase is CONNECTING else len(floor.entries[contact.entry].offers)
    return Counter(queue=1, ring=rings)


class Watched(Player):
    """A player whose floor is looked at after every decision."""

    def __init__(self, late: bool) -> None:
        self.seen: dict[str, list[tuple[int, View]]] = {}
        self.segments, self.table = Segments(), Segments().initial()
        super().__init__(self.look, late=late)

    def live(self, help_: QueueSettings, staff: Any, acts: list[tuple[Any, ...]]) -> None:
        """Play a whole day."""
        for queue in QUEUES:
            self.play(("configure", queue, help_))
        self.staff(staff)
        for act in acts:
            self.play(act)
        self.play(("pass", 60 * SECOND))

    def look(self, recorded: tuple[Recorded[Any], ...]) -> None:
        for one in recorded:
            if type(one[1]) in self.segments.types:
                self.segments.apply(self.table, one)
        floor = self.engine.floor
        for agent in floor.agents.values():
            self.seen.setdefault(agent.id, []).append((self.now, view(agent)))
        self.compare_open(floor)

    def compare_open(self, floor: Floor) -> None:
        """The open rows are the floor's open contacts and wrap-ups, no more and no less."""
        expected = Counter(
            {
                (contact.id, phase): n
                for contact in floor.contacts.values()
                for phase, n in phases(contact, floor).items()
            }
        )
        for agent in floor.agents.values():
            expected.update(
                (contact, "wrapup") for contact, s in agent.slots.items() if s.phase is WRAPUP
            )
        assert (
            Counter((r.subject, r.phase) for r in self.table.rows() if r.end is None) == +expected
        )


def stretches(seen: list[tuple[int, View]], end: int) -> list[tuple[int, int, View]]:
    """What an agent was from when to when; what lasted no time is not in it."""
    last = dict(seen)
    points = [*last.items(), (end, None)]
    return joined([(a, b, was) for (a, was), (b, _) in pairwise(points) if was is not None])


def joined(pieces: list[tuple[int, int, View]]) -> list[tuple[int, int, View]]:
    """Neighbours that are alike as one, without those of no length."""
    found: list[tuple[int, int, View]] = []
    for start, end, what in pieces:
        if start == end:
            continue
        if found and found[-1][1:] == (start, what):
            start = found.pop()[0]
        found.append((start, end, what))
    return found


@settings(max_examples=400, deadline=None)
@given(SETTINGS, STAFFS, DAYS, st.booleans())
def test_agents_and_contacts_are_what_the_floor_takes_them_for(
    help_: QueueSettings, staff: Any, acts: list[tuple[Any, ...]], late: bool
) -> None:
    player = Watched(late)
    player.live(help_, staff, acts)
    rows = sorted(
        fold(AgentIntervals(), player.log).rows(), key=lambda r: (r.agent, r.login, r.seq)
    )
    for _, login in groupby(rows, key=lambda r: (r.agent, r.login)):
        mine = list(login)
        assert [row.seq for row in mine if row.end is not None] == list(
            range(1, len(mine) + (mine[-1].end is not None))
        )
        assert all(before.end == after.start for before, after in pairwise(mine))
    for agent, seen in player.seen.items():
        told: list[tuple[int, int, View]] = [
            (
                row.start,
                player.now if row.end is None else row.end,
                (row.state, row.reason, row.contacts, row.load),
            )
            for row in rows
            if row.agent == agent
        ]
        assert joined(told) == stretches(seen, player.now), agent


@settings(max_examples=15, deadline=None)
@given(SETTINGS, STAFFS, DAYS)
def test_the_tables_of_a_played_day_keep_what_every_projection_promises(
    help_: QueueSettings, staff: Any, acts: list[tuple[Any, ...]]
) -> None:
    player = Watched(late=False)
    player.live(help_, staff, acts)
    check_projection(Segments(), player.log)
    check_projection(AgentIntervals(), player.log)


def test_who_hangs_up_while_connecting_leaves_nobody_offered() -> None:
    stage = Stage().queue().agent("ann")
    leg = stage.call("x")
    stage.wait(3 * SECOND)
    offer = stage.offer("x")
    stage.facts(c.ReportAlerting(offer))
    stage.facts(c.AcceptOffer(offer))
    stage.wait(SECOND)
    closed = stage.facts(c.ReportCleared(leg))[-1]
    assert closed == f.ContactClosed("abandoned", "connect", "customer")
    stage.wait(60 * SECOND)
    stage.facts(c.LogOut("ann"))  # type: ignore[arg-type]
    table = fold(AgentIntervals(), stage.log)
    found = [(r.state, r.load, r.start - START, (r.end or 0) - START) for r in table.rows()]
    assert found == [("offered", 100, 0, 4 * SECOND), ("ready", 0, 4 * SECOND, 64 * SECOND)]
    assert table.contacts == {}
    rows = list(fold(Segments(), stage.log).rows())
    assert {(r.phase, r.ended, (r.end or 0) - START) for r in rows} == {
        ("ivr", "queued", 0),
        ("queue", "abandoned", 4 * SECOND),
        ("ring", "abandoned", 4 * SECOND),
    }
