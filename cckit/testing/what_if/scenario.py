"""What is to be otherwise: settings of queues, who works, one more or one less.

    # policy.toml: only what is to change
    [[queue]]
    id = "service"
    strategy = "fewest_contacts"
    ring_s = 15

The staffing is that of ``cckit simulate``. It takes the place of all recorded agents.
"""

from collections.abc import Iterable
from datetime import time
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import attrs

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.errors import ConfigError
from cckit.core.events import Actor
from cckit.core.ids import AgentId
from cckit.core.instant import Instant
from cckit.core.settings import QueueSettings
from cckit.testing import civil
from cckit.testing.staffing import Shift, Staffing, queues_of
from cckit.testing.tables import Table, read_toml

from .day import NEW, WAIT, Day, Input

AGENTS: Final = (c.LogIn, c.LogOut, c.SetReady, c.SetNotReady, c.SetProfile)
COSTS: Final = {"voice": 100, "chat": 20, "email": 25}
"""Of a channel that no recorded agent had."""
ADMIN: Final = Actor("admin", "what-if")
EXTRA_MAX: Final = 10_000
BEGIN: Final = -2 * NEW
"""Where a run begins, before all that happens at its instant."""


@attrs.frozen
class Scenario:
    """What is changed; as it stands, nothing is."""

    policy: dict[str, dict[str, Any]] = attrs.field(factory=dict)
    """Queue to its changed settings."""
    policy_source: str = ""
    staffing: Staffing | None = None
    add: int = 0
    like: str | None = None
    """Whom those added work like; None: who was signed in longest."""
    without: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.policy or self.staffing or self.add or self.without)

    def source(self) -> str:
        """What it is, for the log and the reports: names and digests, no paths."""
        parts = []
        if self.policy:
            parts.append(f"policy {self.policy_source}")
        if self.staffing is not None:
            parts.append(f"staffing {self.staffing.source}")
        if self.add:
            parts.append(f"{self.add} more agents")
        if self.without:
            parts.append(f"without {', '.join(self.without)}")
        return "; ".join(parts) or "nothing changed"


@attrs.frozen
class Plan:
    """What comes by the clock in a scenario."""

    inputs: tuple[Input, ...]
    shifts: dict[str, Shift]
    """Of agents whom a staffing brought."""
    added: tuple[str, ...]
    removed: frozenset[str]
    """Recorded agents who are not there."""


def read_policy(path: Path) -> tuple[dict[str, dict[str, Any]], str]:
    """Read what is to change of each queue, and return it with the file's name and digest.

    :raises ConfigError: it names file, key, value and what is allowed.

    .. versionadded:: 0.3
    """
    data, raw = read_toml(path)
    found = queues_of(Table(path.name, "", data, ("queue",)))
    return found, f"{path.name} sha256 {sha256(raw).hexdigest()[:16]}"


def plan(day: Day, scenario: Scenario, zone: ZoneInfo) -> Plan:
    """Return what comes by the clock: the day's own, with what is changed.

    :raises ConfigError: a queue or an agent that the log does not know; an imported log
        without a staffing.
    """
    _check(day, scenario)
    staffing = scenario.staffing
    shifts: dict[str, Shift] = {}
    if staffing is not None:
        shifts = {worker.agent: worker.shift for worker in staffing.workers()}
    added: tuple[str, ...] = ()
    removed = frozenset(scenario.without if staffing is None else agents_of(day))
    model = None
    if scenario.add:
        model = scenario.like or _longest(day)
        added = tuple(f"extra-{n}" for n in range(1, scenario.add + 1))
    given = dict(scenario.policy)
    if staffing is not None:
        names = {*given, *staffing.given}
        given = {n: {**staffing.given.get(n, {}), **given.get(n, {})} for n in sorted(names)}
    found: list[Input] = []
    for one in day.inputs:
        if type(one.command) is f.RunStarted:
            source = f"what if: {scenario.source()}; {one.command.source or day.kind}"
            told: Any = one.command
            told = attrs.evolve(told, kind="simulated", source=source)
            found.append(one._replace(command=told, order=BEGIN))
        elif isinstance(one.command, c.ApplyConfig) and one.command.kind == "queue":
            settings = QueueSettings.unpack(one.command.data)
            settings = attrs.evolve(settings, **given.get(one.command.id, {}))
            settings = _membership(settings, one.command.id, staffing, model, added)
            changed = c.ApplyConfig("queue", one.command.id, settings.pack())
            found.append(one._replace(command=changed))
        elif isinstance(one.command, AGENTS) and one.command.agent in removed:
            continue
        else:
            found.append(one)
    if staffing is not None:
        found += _working(day, staffing, given, zone)
    if model is not None:
        found += _twins(day, model, added)
    found.sort(key=lambda one: one[:2])
    return Plan(tuple(found), shifts, added, removed - set(shifts))


def _check(day: Day, scenario: Scenario) -> None:
    if day.kind == "imported" and scenario.staffing is None:
        what = "an imported log does not say who was there to be offered anything"
        raise ConfigError("what-if", what, "say who works, with --staffing FILE")
    if scenario.staffing is not None and (scenario.add or scenario.without):
        what = "a staffing says already who works"
        raise ConfigError("--staffing", what, "add and leave out agents in its file")
    if not 0 <= scenario.add <= EXTRA_MAX:
        raise ConfigError("--add-agents", f"{scenario.add} agents", f"give 0 to {EXTRA_MAX:,}")
    queues = queues_in(day)
    for name in scenario.policy:
        if name not in queues:
            known = f"the log has {', '.join(queues) or 'none'}"
            raise ConfigError(scenario.policy_source, f"there is no queue {name!r}", known)
    agents = agents_of(day)
    for agent in (*scenario.without, *([scenario.like] if scenario.like else [])):
        if agent not in agents:
            some = ", ".join(agents[:20]) + (" …" if len(agents) > 20 else "")
            what = f"no agent {agent!r} has been signed in"
            raise ConfigError("--without" if agent in scenario.without else "--like", what, some)
    if scenario.add and not agents:
        raise ConfigError("--add-agents", "nobody has been signed in", "give a staffing")


def queues_in(day: Day) -> list[str]:
    """The queues of a log, sorted."""
    found = {
        one.command.id
        for one in day.inputs
        if isinstance(one.command, c.ApplyConfig) and one.command.kind == "queue"
    }
    for story in day.stories:
        found.update(stage.queue for stage in story.stages if stage.kind == WAIT and stage.queue)
    return sorted(found)


def agents_of(day: Day) -> list[str]:
    """Who was signed in, sorted."""
    return sorted({one.command.agent for one in day.inputs if isinstance(one.command, c.LogIn)})


def _longest(day: Day) -> str:
    """Who was signed in longest."""
    since: dict[str, int] = {}
    signed: dict[str, int] = {}
    for one in day.inputs:
        if isinstance(one.command, c.LogIn):
            since.setdefault(one.command.agent, one.at)
        elif isinstance(one.command, c.LogOut) and one.command.agent in since:
            agent = one.command.agent
            signed[agent] = signed.get(agent, 0) + one.at - since.pop(agent)
    for still, at in since.items():
        signed[still] = signed.get(still, 0) + day.last - at
    return min(signed, key=lambda agent: (-signed[agent], agent))


def _membership(
    settings: QueueSettings,
    queue: str,
    staffing: Staffing | None,
    model: str | None,
    added: tuple[str, ...],
) -> QueueSettings:
    if staffing is not None:
        return attrs.evolve(settings, agents=staffing.members(queue))
    if model in settings.agents:
        return attrs.evolve(settings, agents=(*settings.agents, *added))
    return settings


def _twins(day: Day, model: str, added: Iterable[str]) -> list[Input]:
    """The day of an agent once more, for others."""
    theirs = [
        one for one in day.inputs if isinstance(one.command, AGENTS) and one.command.agent == model
    ]
    found: list[Input] = []
    for name in added:
        for one in theirs:
            command: Any = attrs.evolve(one.command, agent=AgentId(name))
            actor = Actor("agent", name) if one.actor.kind == "agent" else one.actor
            found.append(Input(one.at, NEW + len(found), command, actor))
    return found


def _working(
    day: Day, staffing: Staffing, given: dict[str, dict[str, Any]], zone: ZoneInfo
) -> list[Input]:
    """What the agents of a staffing do by the clock; queues that the log did not configure."""
    found: list[Input] = []

    def add(at: int, command: Any, actor: Actor) -> None:
        # Who is there when the day begins is there before anybody comes.
        order = (NEW if at > day.first else -NEW) + len(found)
        found.append(Input(max(at, day.first), order, command, actor))

    configured = {one.command.id for one in day.inputs if isinstance(one.command, c.ApplyConfig)}
    for queue in sorted({*queues_in(day), *given} - configured):
        settings = attrs.evolve(
            QueueSettings(**given.get(queue, {})), agents=staffing.members(queue)
        )
        add(day.first, c.ApplyConfig("queue", queue, settings.pack()), ADMIN)
    costs = _costs(day)
    start = civil.instant(civil.day_of(Instant(day.first), zone), time(), zone)
    for agent, shift in staffing.workers():
        actor = Actor("agent", agent)
        budget = max(100, *costs.values())
        add(day.first, c.SetProfile(agent, shift.skills, costs, budget), ADMIN)
        for begin, end in shift.spans(start, Instant(day.last), zone):
            add(begin, c.LogIn(agent, tuple(costs)), actor)
            add(begin, c.SetReady(agent), actor)
            add(end, c.LogOut(agent), actor)
    return found


def _costs(day: Day) -> dict[str, int]:
    """Channel to what a contact of it costs an agent, as the log's agents had it."""
    found: dict[str, int] = {}
    for one in day.inputs:
        if isinstance(one.command, c.SetProfile):
            for channel, cost in one.command.channels.items():
                found.setdefault(channel, cost)
    for story in day.stories:
        if story.arrival is not None and story.arrival.channel not in found:
            channel = story.arrival.channel
            found[channel] = COSTS.get(channel, 100)
    return dict(sorted(found.items()))
