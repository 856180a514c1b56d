"""What reports make of contacts with two waits and two agents, computed by hand.

The times are seconds from the arrival: the customer waits 1 s, talks to anne, and then
something is done with them. Wrap-up is 10 s in the queue help, 5 s in second.
"""

from typing import Any

from cckit.core import commands as c
from cckit.core.ids import AgentId, ContactId
from cckit.core.instant import SECOND
from cckit.core.reports import AgentIntervals, Segments
from cckit.core.reports.handling import handling
from cckit.core.reports.visits import visits
from cckit.core.reports.zone import Buckets
from cckit.testing.projections import check_projection, fold
from tests.stage import LINE, START, Stage

X, Y = ContactId("x"), ContactId("y")
T = START + 3 * SECOND
"""When the customer arrives."""


def talking() -> Stage:
    """Anne talks to x from second 1 on; now is second 4."""
    stage = Stage().queue("help", wrapup_us=10 * SECOND).queue("second", wrapup_us=5 * SECOND)
    for agent in ("anne", "bob", "cleo"):
        stage.agent(agent)
        stage.wait(SECOND)
    stage.call("x")
    stage.wait(SECOND)
    stage.talk("x")
    stage.wait(3 * SECOND)
    return stage


def hang_up(stage: Stage) -> Stage:
    stage.facts(c.ReportCleared(stage.contact("x").leg), LINE)
    stage.wait(60 * SECOND)
    return stage


def segments(stage: Stage, contact: str) -> list[tuple[Any, ...]]:
    """(phase, visit, queue, agent, from, to, how it ended), as they began."""
    rows = [row for row in fold(Segments(), stage.log).rows() if row.subject == contact]
    return [
        (
            r.phase,
            r.visit,
            r.queue,
            r.agent,
            (r.start - T) // SECOND,
            (r.end - T) // SECOND,
            r.ended,
        )
        for r in sorted(rows, key=lambda row: row.seg)
        if r.end is not None and r.end > r.start
    ]


def sums(stage: Stage) -> dict[str | None, dict[str, int]]:
    """Each agent's sums, in whole seconds where they are times."""
    table = fold(Segments(), stage.log)
    buckets = Buckets([(START, START + 3600 * SECOND, "hour")])
    cells = handling(table, buckets, "agent")
    times = ("talk", "hold", "wrapup")
    return {
        name: {k: v // SECOND if k in times else v for k, v in cell.items() if v}
        for (_, name), cell in cells.items()
        if name is not None
    }


def transferred() -> Stage:
    """Anne hands x to the queue second at 4; bob talks from 6 to 16."""
    stage = talking()
    stage.facts(c.Transfer(X, "queue", "second"))
    stage.wait(2 * SECOND)
    stage.talk("x")
    stage.wait(10 * SECOND)
    return hang_up(stage)


def test_a_transfer_makes_a_second_visit_and_a_second_talk() -> None:
    assert segments(transferred(), "x") == [
        ("queue", 1, "help", None, 0, 1, "answered"),
        ("ring", 1, "help", "anne", 0, 1, "answered"),
        ("talk", 1, "help", "anne", 1, 4, "transferred"),
        ("wrapup", 1, "help", "anne", 4, 14, "timer"),
        ("queue", 2, "second", None, 4, 6, "answered"),
        ("ring", 2, "second", "bob", 4, 6, "answered"),
        ("talk", 2, "second", "bob", 6, 16, "customer_left"),
        ("wrapup", 2, "second", "bob", 16, 21, "timer"),
    ]


def test_each_visit_counts_for_its_own_queue() -> None:
    found = [
        (visit.queue, visit.outcome, ((visit.end or 0) - visit.start) // SECOND)
        for visit in visits(fold(Segments(), transferred().log))
    ]
    assert found == [("help", "A", 1), ("second", "A", 2)]


def test_each_agent_handled_one_and_one_of_them_transferred_it() -> None:
    found = sums(transferred())
    assert found["anne"] == {"offers": 1, "handled": 1, "transferred": 1, "talk": 3, "wrapup": 10}
    assert found["bob"] == {"offers": 1, "handled": 1, "talk": 10, "wrapup": 5}


def consulted() -> Stage:
    """Anne asks cleo at 4, who talks to her from 6 on; now is 10."""
    stage = talking()
    stage.facts(c.Consult(X, "agent", "cleo", Y))
    stage.facts(c.ReportHeld(stage.contact("x").leg), LINE)
    stage.wait(2 * SECOND)
    stage.talk("y")
    stage.wait(4 * SECOND)
    return stage


def test_a_consultation_is_time_of_its_own_and_no_visit_from_outside() -> None:
    stage = consulted()
    stage.facts(c.CompleteTransfer(X))
    stage.wait(5 * SECOND)
    hang_up(stage)
    assert segments(stage, "x") == [
        ("queue", 1, "help", None, 0, 1, "answered"),
        ("ring", 1, "help", "anne", 0, 1, "answered"),
        ("talk", 1, "help", "anne", 1, 4, "held"),
        ("hold", 1, "help", "anne", 4, 10, "transferred"),
        ("wrapup", 1, "help", "anne", 10, 20, "timer"),
        ("talk", 1, "help", "cleo", 10, 15, "customer_left"),
        ("wrapup", 1, "help", "cleo", 15, 25, "timer"),
    ]
    assert segments(stage, "y") == [
        ("queue", 1, "help", None, 4, 6, "answered"),
        ("ring", 1, "help", "cleo", 4, 6, "answered"),
        ("consult", 1, "help", "cleo", 6, 10, "merged"),
    ]
    directions = [visit.direction for visit in visits(fold(Segments(), stage.log))]
    assert directions == ["in", "internal"]
    found = sums(stage)
    counts = {"offers": 1, "handled": 1, "transferred": 1}
    assert found["anne"] == counts | {"talk": 3, "hold": 6, "wrapup": 10}
    assert found["cleo"] == {"offers": 1, "handled": 1, "talk": 9, "wrapup": 10}


def test_in_a_conference_each_agent_has_time_of_its_own() -> None:
    stage = consulted()
    stage.facts(c.Conference(X))
    stage.wait(3 * SECOND)
    stage.facts(c.LeaveContact(X, AgentId("anne")))
    stage.wait(4 * SECOND)
    hang_up(stage)
    assert segments(stage, "x")[3:] == [
        ("hold", 1, "help", "anne", 4, 13, "left"),
        ("talk", 1, "help", "cleo", 10, 17, "customer_left"),
        ("wrapup", 1, "help", "anne", 13, 23, "timer"),
        ("wrapup", 1, "help", "cleo", 17, 27, "timer"),
    ]


def test_agents_are_busy_while_they_consult_and_wrap_up_when_their_own_part_ends() -> None:
    stage = consulted()
    stage.facts(c.CompleteTransfer(X))
    stage.wait(5 * SECOND)
    hang_up(stage)
    rows = [
        (r.agent, r.state, (r.start - T) // SECOND, r.contacts, r.load)
        for r in sorted(
            fold(AgentIntervals(), stage.log).rows(), key=lambda r: (r.agent, r.login, r.seq)
        )
        if r.agent in ("anne", "cleo") and r.start >= T and r.end != r.start
    ]
    assert rows == [
        ("anne", "offered", 0, 0, 100),
        ("anne", "busy", 1, 1, 100),
        ("anne", "wrapup", 10, 0, 100),
        ("anne", "ready", 20, 0, 0),
        ("cleo", "offered", 4, 0, 100),
        ("cleo", "busy", 6, 1, 100),
        ("cleo", "busy", 10, 1, 100),  # In the customer's contact from here on.
        ("cleo", "wrapup", 15, 0, 100),
        ("cleo", "ready", 25, 0, 0),
    ]


def test_a_projection_of_handovers_is_one() -> None:
    stage = transferred()
    for projection in (Segments(), AgentIntervals()):
        check_projection(projection, stage.log)
