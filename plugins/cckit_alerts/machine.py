"""Alerts: raised when a limit is reached, cleared when it is over, acknowledged in between.

One state of the whole center. Nothing is polled: what lasts too long has a timer for the
instant when it will, a level changes by events, and what is due is in a heap. Which alerts
stand follows from the facts of alerts alone, whatever the rules are now: one whose rule was
taken away is cleared when the center opens.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import attrs

from cckit.core import (
    CENTER,
    Actor,
    AgentLoggedOut,
    AgentNotReady,
    AgentReady,
    Ask,
    ClockStepped,
    ContactAgentLeft,
    ContactClosed,
    ContactConnected,
    Draft,
    FactQuarantined,
    Instant,
    InvariantBroken,
    LegHeld,
    LegRetrieved,
    Machine,
    PluginFailed,
    QueueEntered,
    QueueLeft,
    Recorded,
    Refused,
    RunStarted,
    Stream,
    Wake,
)
from cckit.core.facts import AdapterLinkChanged, GapOpened, QueuePlaceKept, QueueResumed

from . import events as e
from .policy import (
    ACKNOWLEDGED,
    AGENT_MISSING,
    CALLBACK_OVERDUE,
    CALM,
    EVERY_QUEUE,
    LONG_CALL,
    LONG_HOLD,
    LONG_WAIT,
    QUEUE_LENGTH,
    RAISED,
    ROUTER_FAULT,
    SLA_AT_RISK,
    TIMED,
    Contact,
    Phase,
    Rule,
    Rules,
    State,
    Watch,
    begin,
    calm,
    dump,
    end,
    level,
    level_watch,
    load,
    look,
    scope_of,
    start,
    within,
)

MOVES: Final[dict[tuple[Phase, type], Phase]] = {
    (CALM, e.AlertRaised): RAISED,
    (RAISED, e.AlertRepeated): RAISED,
    (RAISED, e.AlertAcknowledged): ACKNOWLEDGED,
    (RAISED, e.AlertCleared): CALM,
    (ACKNOWLEDGED, e.AlertCleared): CALM,
}
"""What is not in it is a bug of ours."""

ALWAYS: Final[tuple[type, ...]] = (*e.EVENTS, RunStarted, ClockStepped)
WAITS: Final = (QueueEntered, QueueLeft, QueuePlaceKept, QueueResumed)
ENDS: Final = (ContactAgentLeft, ContactClosed)
FAULTS: Final = (PluginFailed, InvariantBroken, FactQuarantined, GapOpened)
SEEN: Final[Mapping[str, tuple[type, ...]]] = {
    LONG_CALL: (ContactConnected, QueueEntered, *ENDS),
    LONG_HOLD: (LegHeld, LegRetrieved, ContactConnected, QueueEntered, *ENDS),
    LONG_WAIT: (*WAITS, ContactClosed),
    CALLBACK_OVERDUE: (*WAITS, ContactClosed),
    AGENT_MISSING: (AgentNotReady, AgentReady, AgentLoggedOut),
    QUEUE_LENGTH: WAITS,
    SLA_AT_RISK: WAITS,
    ROUTER_FAULT: (AdapterLinkChanged, *FAULTS),
}
"""Kind of a rule to the events that it needs; no others are seen."""


@attrs.frozen
class Acknowledge:
    """Take care of an alert: it is not repeated any more."""

    alert: str
    """As the table of live alerts names it."""
    by: str = ""
    """Who does, where that is another than who sends it."""
    stream: Stream = CENTER


# --- evolve ---------------------------------------------------------------------------------


def evolve(rules: Rules, state: State, recorded: Recorded[Any]) -> None:
    """Take in a fact. Nothing else writes the state."""
    envelope, data = recorded
    FOLLOW[type(data)](rules, state, envelope.stream, data, envelope.recorded_at)
    if isinstance(data, RunStarted):
        state.run_position = envelope.position
    elif isinstance(data, ClockStepped) and envelope.position == state.run_position + 1:
        state.shift(min(0, data.to_at - data.from_at))
    state.prune()


def _said(rules: Rules, state: State, stream: Stream, data: e.Event, now: int) -> None:
    """One of our own facts, which alone move an alert."""
    gone = Watch(data.rule.partition(" ")[0], data.rule, stream, clear_at=now)
    watch = state.watches.get(gone.id, gone)
    watch.phase = MOVES[watch.phase, type(data)]
    rule = rules.get(watch.rule)
    if isinstance(data, e.AlertRaised):
        watch.raised_at, watch.repeated = now, 0
        if rule is not None and rule.kind == SLA_AT_RISK:
            watch.clear_at = None  # It got worse by mere waiting since it was calm.
    elif isinstance(data, e.AlertRepeated):
        watch.repeated = data.n
    elif isinstance(data, e.AlertCleared):
        watch.clear_at = None
        state.faults.pop(watch.id, None)
        if rule is not None and watch.since is not None:
            watch.breach_at = watch.since + rule.limit
        elif rule is not None and rule.kind not in TIMED:
            look(state, rule, watch, scope_of(watch, rule), now)
            watch.clear_at = None
    every = rule.repeat_us if rule is not None else 0
    watch.repeat_at = now + every if every and watch.phase is RAISED else None
    state.put(watch)


def _entered(rules: Rules, state: State, stream: Stream, data: QueueEntered, now: int) -> None:
    contact = state.contacts.setdefault(stream, Contact())
    contact.queue, contact.since = data.queue, data.since
    state.entries[data.entry] = data.queue
    _on_the_line(state, data.entry, data.queue, data.since)
    _timed(rules, state, LONG_WAIT, stream, data.since)
    _levels(rules, state, data.queue, now)


def _kept(rules: Rules, state: State, stream: Stream, data: QueuePlaceKept, now: int) -> None:
    queue = state.entries.get(data.entry, "")
    state.kept[data.entry] = True
    _off_the_line(state, data.entry, queue)
    _over(rules, state, LONG_WAIT, stream, now)
    _timed(rules, state, CALLBACK_OVERDUE, stream, now)
    _levels(rules, state, queue, now)


def _resumed(rules: Rules, state: State, stream: Stream, data: QueueResumed, now: int) -> None:
    queue = state.entries.get(data.entry, "")
    since = state.contacts[stream].since if stream in state.contacts else now
    _on_the_line(state, data.entry, queue, since)
    _over(rules, state, CALLBACK_OVERDUE, stream, now)
    _timed(rules, state, LONG_WAIT, stream, since)
    _levels(rules, state, queue, now)


def _left(rules: Rules, state: State, stream: Stream, data: QueueLeft, now: int) -> None:
    queue = state.entries.pop(data.entry, "")
    kept = state.kept.pop(data.entry, False)
    _off_the_line(state, data.entry, queue)
    for kind in (LONG_WAIT, CALLBACK_OVERDUE):
        _over(rules, state, kind, stream, now)
    if not kept and data.reason != "overflowed":
        for rule, watch in _of_levels(rules, state, queue):
            good = data.reason == "answered" and data.wait_us <= rule.within_us
            if rule.kind == SLA_AT_RISK and (good or data.wait_us > rule.within_us):
                state.ended[watch.id].append(good)
    _levels(rules, state, queue, now)


def _connected(
    rules: Rules, state: State, stream: Stream, data: ContactConnected, now: int
) -> None:
    """A call begins with its first agent; of one agent's rule it begins with them."""
    contact = state.contacts.setdefault(stream, Contact())
    if data.agent in contact.agents:
        return
    known = _long_calls(rules, contact, stream)
    contact.agents.append(data.agent)
    for name, rule in _long_calls(rules, contact, stream).items():
        if name not in known or len(contact.agents) == 1:
            begin(state, rule, stream, now)


def _long_calls(rules: Rules, contact: Contact, stream: Stream) -> dict[str, Rule]:
    """The rules for long calls in whose scope a contact is that somebody talks to."""
    return {
        name: rule
        for name, rule in rules.items()
        if rule.kind == LONG_CALL and contact.agents and within(rule, contact, stream)
    }


def _talked(rules: Rules, state: State, stream: Stream, data: Any, now: int) -> None:
    """An agent left, and the call is over with the last one; or all is over."""
    contact = state.contacts.setdefault(stream, Contact())
    known = _long_calls(rules, contact, stream)
    if isinstance(data, ContactAgentLeft) and data.agent in contact.agents:
        contact.agents.remove(data.agent)
    if isinstance(data, ContactClosed):
        contact.agents.clear()
    left = _long_calls(rules, contact, stream)
    for name, rule in known.items():
        if name not in left:
            end(state, rule, stream, now)
    if not contact.agents:
        for kind in (LONG_CALL, LONG_HOLD):
            _over(rules, state, kind, stream, now)
    if isinstance(data, ContactClosed):
        for kind in (LONG_WAIT, CALLBACK_OVERDUE):
            _over(rules, state, kind, stream, now)
        state.contacts.pop(stream, None)


def _held(rules: Rules, state: State, stream: Stream, data: LegHeld, now: int) -> None:
    _timed(rules, state, LONG_HOLD, stream, now)


def _retrieved(rules: Rules, state: State, stream: Stream, data: LegRetrieved, now: int) -> None:
    _over(rules, state, LONG_HOLD, stream, now)


def _agent(rules: Rules, state: State, stream: Stream, data: Any, now: int) -> None:
    for rule in rules.values():
        if rule.kind == AGENT_MISSING and within(rule, None, stream):
            if isinstance(data, AgentNotReady) and data.reason in rule.reasons:
                begin(state, rule, stream, now)
            else:
                end(state, rule, stream, now)


def _fault(rules: Rules, state: State, stream: Stream, data: Any, now: int) -> None:
    before = state.failed_at
    link = isinstance(data, AdapterLinkChanged)
    if link and not data.up:
        state.down[data.adapter] = now
    elif not link or state.down.pop(data.adapter, None) is not None:
        state.failed_at = now
    for rule in rules.values():
        if rule.kind == ROUTER_FAULT:
            watch = state.watches[rule.name]
            known = state.faults.get(watch.id, 0) if now - before <= rule.quiet_us else 0
            state.faults[watch.id] = known + (not link)
            look(state, rule, watch, rule.scope, now)


def _nothing(rules: Rules, state: State, stream: Stream, data: Any, now: int) -> None:
    pass


FOLLOW: Final[Mapping[type, Callable[[Rules, State, Stream, Any, int], None]]] = {
    **dict.fromkeys(e.EVENTS, _said),
    **dict.fromkeys((RunStarted, ClockStepped), _nothing),
    **dict.fromkeys((*FAULTS, AdapterLinkChanged), _fault),
    **dict.fromkeys((AgentNotReady, AgentReady, AgentLoggedOut), _agent),
    **dict.fromkeys(ENDS, _talked),
    QueueEntered: _entered,
    QueuePlaceKept: _kept,
    QueueResumed: _resumed,
    QueueLeft: _left,
    ContactConnected: _connected,
    LegHeld: _held,
    LegRetrieved: _retrieved,
}


def _timed(rules: Rules, state: State, kind: str, stream: Stream, since: int) -> None:
    contact = state.contacts.get(stream, Contact())
    for rule in rules.values():
        if rule.kind == kind and within(rule, contact, stream):
            begin(state, rule, stream, since)


def _over(rules: Rules, state: State, kind: str, stream: Stream, now: int) -> None:
    for rule in rules.values():
        if rule.kind == kind:
            end(state, rule, stream, now)


def _on_the_line(state: State, entry: Any, queue: str, since: int) -> None:
    for scope in ("center", f"queue/{queue}"):
        state.lines.setdefault(scope, {})[entry] = since


def _off_the_line(state: State, entry: Any, queue: str) -> None:
    for scope in ("center", f"queue/{queue}"):
        state.lines.get(scope, {}).pop(entry, None)


def _levels(rules: Rules, state: State, queue: str, now: int) -> None:
    for rule, watch in _of_levels(rules, state, queue):
        look(state, rule, watch, scope_of(watch, rule), now)


def _of_levels(rules: Rules, state: State, queue: str) -> list[tuple[Rule, Watch]]:
    """The levels that a queue counts for."""
    found = []
    for rule in rules.values():
        if rule.kind not in (QUEUE_LENGTH, SLA_AT_RISK):
            continue
        if rule.scope == EVERY_QUEUE:
            found.append((rule, level_watch(state, rule, f"{rule.name} queue/{queue}")))
        elif rule.scope in ("center", f"queue/{queue}"):
            found.append((rule, state.watches[rule.name]))
    return found


# --- decide ---------------------------------------------------------------------------------


def decide(
    rules: Rules, state: State, command: Acknowledge | Wake, now: Instant, ask: Ask, actor: Actor
) -> Sequence[Draft] | Refused:
    """Carry out a command, say what is due. Reads only."""
    if isinstance(command, Acknowledge):
        return _acknowledge(state, command, actor)
    drafts = []
    for watch in state.ready(command.due):
        fact = _due(rules, watch, state, max(now, command.due))
        if fact is not None:
            drafts.append(Draft(watch.stream, fact))
    return drafts


def _acknowledge(state: State, command: Acknowledge, actor: Actor) -> Sequence[Draft] | Refused:
    watch = state.watches.get(command.alert)
    if watch is None or watch.phase is CALM:
        standing = [id for id, one in state.watches.items() if one.phase is not CALM]
        known = ", ".join(sorted(standing)[:20]) or "none"
        what = f"no alert {command.alert!r} stands; there stand {known}"
        return Refused("alert.unknown", "center", what, "name one that stands; it may have cleared")
    if watch.phase is ACKNOWLEDGED:
        return ()
    return [Draft(watch.stream, e.AlertAcknowledged(watch.name, command.by or actor.id))]


def _due(rules: Rules, watch: Watch, state: State, now: int) -> e.Event | None:
    rule = rules.get(watch.rule)
    value = _value(rule, watch, state, now)
    if watch.phase is CALM:
        return None if rule is None else e.AlertRaised(watch.name, value, rule.limit)
    if watch.clear_at is None:
        return e.AlertRepeated(watch.name, watch.repeated + 1, value)
    if rule is not None and rule.kind == SLA_AT_RISK and not calm(rule, value):
        return None  # Who waits made it worse meanwhile; the next event looks again.
    return e.AlertCleared(watch.name)


def _value(rule: Rule | None, watch: Watch, state: State, now: int) -> int:
    if rule is None:
        return 0
    if rule.kind in TIMED:
        return max(rule.limit, now - (watch.since if watch.since is not None else now))
    return level(state, rule, watch, scope_of(watch, rule), now)


def machine(rules: Sequence[Rule]) -> Machine:
    """The machine as the engine takes it."""
    named = {rule.name: rule for rule in rules}
    seen = (*ALWAYS, *(cls for rule in rules for cls in SEEN[rule.kind]))
    return Machine(
        "alerts",
        (Acknowledge,),
        tuple(dict.fromkeys(seen)),
        partial(start, named),
        partial(decide, named),
        partial(evolve, named),
        State.first,
        lambda recorded: CENTER,
        reads_actor=True,
        dump=dump,
        load=load,
    )
