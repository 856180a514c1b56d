"""What must hold between the numbers of any log, whatever befell its contacts."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core import facts as f
from cckit.core.instant import MINUTE, SECOND
from cckit.core.reports import AgentIntervals, Folding, LogFactsOf, Segments
from cckit.core.reports.agent_summary import clipped
from cckit.core.reports.catalogue import Catalogue
from cckit.core.reports.handling import handling
from cckit.core.reports.visits import Basis, basis, is_whole, tally, visits
from cckit.core.reports.zone import buckets
from cckit.testing.projections import check_projection

T = 918_460_800 * SECOND
END = T + 180 * MINUTE
AGENTS = ("7", "8", "9")
Step = tuple[int, Callable[[Any], object]]

times = st.integers(0, 90 * 60).map(lambda s: T + s * SECOND)
waits = st.integers(0, 3000).map(lambda s: s * SECOND)
fates = st.sampled_from(
    ["answered", "abandoned", "timed_out", "blocked", "refused", "open", "back"]
)
calls = st.tuples(times, waits, waits, waits, fates, st.sampled_from(AGENTS), st.booleans())
shifts = st.tuples(times, waits, st.sampled_from(AGENTS), st.booleans())


def of_call(name: str, call: tuple[Any, ...]) -> list[Step]:
    """The life of a contact as steps in time."""
    at, wait, talk, wrapup, fate, agent, held = call
    queue = "help" if held else "sales"
    if fate == "refused":
        refuse = f.ContactClosed("deflected", "", "system")
        steps: list[Step] = [(at, lambda d: d.arrive(name, at, None))]
        return [*steps, (at + wait, lambda d: d.add("contact/" + name, refuse, at=at + wait))]
    steps = [(at, lambda d: d.arrive(name, at, queue))]
    if fate == "open":
        return steps
    left = at + wait
    if fate == "back":  # An instant that its source's clock puts before the arrival.
        closed = f.ContactClosed("abandoned", "queue", "customer")
        return [*steps, (left, lambda d: d.add("contact/" + name, closed, at=left, occurred_at=T))]
    if fate != "answered":
        return [*steps, (left, lambda d: d.leave(name, left, fate))]
    n = int(name) + 1
    steps.append((at, lambda d: d.offer(name, agent, n, at)))
    steps.append((left, lambda d: d.answer(name, agent, left, n)))
    end = left + talk
    if held and talk > 2 * SECOND:
        steps.append((left + SECOND, lambda d: d.hold(name, left + SECOND, left + 2 * SECOND)))
    return [*steps, (end, lambda d: d.hang_up(name, agent, end, end + wrapup if wrapup else None))]


def of_shift(shift: tuple[Any, ...]) -> list[Step]:
    at, length, agent, ends = shift
    lunch = f.AgentNotReady("lunch", "agent")
    steps: list[Step] = [
        (at, lambda d: d.log_in(agent, at)),
        (at + length // 2, lambda d: d.add("agent/" + agent, lunch, at=at + length // 2)),
    ]
    return [*steps, (at + length, lambda d: d.log_out(agent, at + length))] if ends else steps


@st.composite
def days(draw: Any) -> tuple[list[Any], list[Any]]:
    return draw(st.lists(calls, max_size=25)), draw(st.lists(shifts, max_size=5))


def played(morning: Callable[..., Any], day: tuple[list[Any], list[Any]]) -> Any:
    """The day's steps on a tape, each decision in order of its instant."""
    steps = [step for n, call in enumerate(day[0]) for step in of_call(str(n), call)]
    steps += [step for shift in day[1] for step in of_shift(shift)]
    tape = morning()
    for _, act in sorted(steps, key=lambda step: step[0]):
        act(tape)
    return tape.in_order()


def folded(tape: Any) -> dict[str, Any]:
    folding = Folding((Segments(), AgentIntervals(), LogFactsOf()))
    folding.feed(tape.events)
    return folding.states


@settings(max_examples=80)
@given(days())
def test_clipped_is_end_is_arrival_over_all_that_closed(
    morning: Callable[..., Any], zone: Any, day: Any
) -> None:
    table = folded(played(morning, day))["contact.segments"]
    rows = [r for r in table.rows() if r.end is not None]
    found = buckets(zone("Australia/Lord_Howe"), T - MINUTE, END, "30")
    lengths: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    for row in rows:
        lengths[row.phase] += row.end - row.start
        for _, part in found.clip(row.start, row.end):
            parts[row.phase] += part
    by_end: Counter[str] = Counter()
    for (_, name), cell in handling(table, found, "queue").items():
        if name is None:
            by_end.update(cell)
    assert +lengths == +parts
    for phase in ("talk", "hold", "wrapup"):
        assert by_end[phase] == lengths[phase]


@settings(max_examples=80)
@given(days())
def test_open_at_start_and_arrived_is_ended_and_open_at_end(
    morning: Callable[..., Any], zone: Any, day: Any
) -> None:
    table = folded(played(morning, day))["contact.segments"]
    rows = [row for row in visits(table) if row.visit]
    found = buckets(zone("Asia/Kathmandu"), T - MINUTE, END, "15")
    plain = Basis((), 20 * SECOND, 0, "arrival")
    arrived = tally(rows, plain, found, END)
    ended = tally(rows, plain._replace(rule="end"), found, END)
    for number, bucket in enumerate(found.rows):
        for queue in ("help", "sales", None):
            mine = [row for row in rows if queue in (None, row.queue)]

            def open_at(at: int, mine: list[Any] = mine) -> int:
                return sum(r.start < at and (r.end is None or r.end >= at) for r in mine)

            key = (number, queue)
            came = arrived.get(key, Counter())["arrived"]
            went = ended.get(key, Counter())["O"]
            after = open_at(bucket.at + bucket.length_us)
            assert open_at(bucket.at) + came == went + after


@settings(max_examples=80)
@given(days())
def test_outcomes_and_open_are_all_that_arrived(
    morning: Callable[..., Any], zone: Any, day: Any
) -> None:
    tape = played(morning, day)
    rows = list(visits(folded(tape)["contact.segments"]))
    found = buckets(zone("Asia/Jerusalem"), T - MINUTE, END, "30")
    cells = tally(rows, basis(Catalogue().find("sl.offered")), found, END)
    assert all(is_whole(counts) for counts in cells.values())
    entered = sum(isinstance(data, f.QueueEntered) for _, data in tape.events)
    assert sum(c["arrived"] for (_, queue), c in cells.items() if queue is None) == entered


@settings(max_examples=80)
@given(days())
def test_states_tile_the_time_logged_in(morning: Callable[..., Any], zone: Any, day: Any) -> None:
    tape = played(morning, day)
    table = folded(tape)["agent.intervals"]
    found = buckets(zone("Asia/Jerusalem"), T - MINUTE, END, "30")
    times = clipped(table, found, END)
    expected: Counter[tuple[int, str]] = Counter()
    since: dict[str, int] = {}
    for envelope, data in tape.events:
        agent, at = envelope.stream.removeprefix("agent/"), envelope.recorded_at
        if isinstance(data, f.AgentLoggedIn):
            since.setdefault(agent, at)
        elif isinstance(data, f.AgentLoggedOut) and agent in since:
            for number, part in found.clip(since.pop(agent), at):
                expected[number, agent] += part
    for agent, at in since.items():
        for number, part in found.clip(at, END):
            expected[number, agent] += part
    total = {key: sum(spent.values()) for key, spent in times.items() if key[1] is not None}
    assert +Counter(total) == +expected


@settings(max_examples=15)
@given(days())
def test_the_tables_keep_what_every_projection_promises(
    morning: Callable[..., Any], day: Any
) -> None:
    tape = played(morning, day)
    check_projection(Segments(), tape.events)
    check_projection(AgentIntervals(), tape.events)


@settings(max_examples=60)
@given(days())
def test_no_length_is_negative_and_segs_are_dense(morning: Callable[..., Any], day: Any) -> None:
    table = folded(played(morning, day))["contact.segments"]
    seen: dict[str, list[int]] = {}
    for row in table.rows():
        assert row.end is None or row.end >= row.start
        assert row.end_pos is None or row.end_pos >= row.start_pos
        seen.setdefault(row.subject, []).append(row.seg)
    assert all(sorted(segs) == list(range(1, len(segs) + 1)) for segs in seen.values())
