"""``cckit what-if``: a recorded day once more, under another policy or staffing."""

from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from cckit.core.reports import Zone
from cckit.testing.staffing import read_staffing
from cckit.testing.what_if import Change, Chosen, Scenario, Summary, WhatIf, read_policy, unit
from cckit.testing.what_if.run import read_day, rerun_day

from .codes import GOOD
from .logs import open_log
from .options import Json, Whole
from .output import console, print_json, progress
from .story import clock
from .table import percent
from .text import plain, span_text

CHANGES_SHOWN: Final = 20
"""To people; --json has all."""
TITLES: Final = {
    "arrived": "customers",
    "A": "answered",
    "B": "abandoned",
    "F": "flowed out",
    "D": "dequeued",
    "E": "error",
    "N": "never in a queue",
    "open": "still open",
    "abandoned": "abandoned, of answered and abandoned",
    "asa": "mean wait of answered",
    "wait_p90_us": "90 % of answered waited at most",
    "wait_max_us": "longest wait of answered",
    "aht": "handling time",
    "occupancy": "occupancy",
    "rona": "offers that rang out",
}


def what_if(
    log: Path,
    /,
    *,
    policy: Path | None = None,
    staffing: Path | None = None,
    add_agents: Whole = 0,
    like: str | None = None,
    without: Annotated[tuple[str, ...], Parameter(name="--without")] = (),
    seeds: Whole = 1,
    json: Json = False,
) -> int:
    """Run a recorded day again under another policy or staffing. What comes out is simulated.

    What the log knows is used whenever the same thing happens again: who came and what for,
    who gave up when, how long each talk and wrap-up took, what each agent did with each offer,
    when agents came, paused and went. What never happened is drawn, by seed, from what did.
    With nothing changed every decision comes out as it is recorded.

    :param log: the log, NAME.db. It is only read.
    :param policy: a TOML of [[queue]] tables: id, and of its settings those that change.
    :param staffing: a TOML that says who works when, in place of all recorded agents. An
        imported log needs one, since it does not say who was there.
    :param add_agents: so many more agents.
    :param like: the agent whose hours, skills and queues they have; who was signed in
        longest unless given.
    :param without: leave this agent out. May be given more than once.
    :param seeds: how often to run it; intervals are over the seeds 1 to N.
    :param json: print {log, source, kind, model, seeds, contacts, offers, figures: [{queue,
        name, unit, recorded, mean, low, high, seeds}], changed: [{contact, offer, old, new,
        reason}], changed_by_seed, considered_otherwise, not_wanted, not_modelled}.
    """
    rules, source = ({}, "") if policy is None else read_policy(policy)
    people = None if staffing is None else read_staffing(staffing)
    scenario = Scenario(rules, source, people, add_agents, like, tuple(without))
    store = open_log(log)
    try:
        with progress("reading") as tell:
            read = read_day(store, log.name)
            tell(1)
    finally:
        store.close()
    with progress("simulating", seeds) as tell:
        found = rerun_day(read, scenario, seeds, progress=tell)
    if json:
        print_json(as_json(found, log))
        return GOOD
    out = console()
    for line in lines(found, read.zone):
        out.print(plain(line), markup=False)
    return GOOD


def as_json(found: WhatIf, log: Path) -> dict[str, Any]:
    """The result in the shape that scripts rely on."""
    return {
        "log": str(log),
        "kind": "simulated",
        "source": found.source,
        "model": found.model,
        "seeds": list(found.seeds),
        "contacts": found.contacts,
        "offers": found.offers,
        "figures": [_figure_json(found, key, value) for key, value in _ordered(found)],
        "changed": [_change_json(change) for change in found.changed],
        "changed_by_seed": list(found.changed_counts),
        "considered_otherwise": found.otherwise,
        "not_wanted": found.refused,
        "not_modelled": found.unmodelled,
    }


def _figure_json(found: WhatIf, key: tuple[str | None, str], value: Summary) -> dict[str, Any]:
    queue, name = key
    return {
        "queue": queue,
        "name": name,
        "unit": unit(name),
        "recorded": found.recorded.get(key),
        "mean": value.mean,
        "low": value.low,
        "high": value.high,
        "seeds": value.n,
    }


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "contact": change.contact,
        "offer": change.n,
        "old": None if change.old is None else change.old._asdict(),
        "new": None if change.new is None else change.new._asdict(),
        "reason": change.reason,
    }


def _ordered(found: WhatIf) -> list[tuple[tuple[str | None, str], Summary]]:
    """By queue, all queues last; within it as the reports have them."""
    queues = sorted({queue for queue, _ in found.simulated if queue is not None})
    order: list[str | None] = [*queues, None]
    return [
        (key, value) for queue in order for key, value in found.simulated.items() if key[0] == queue
    ]


def lines(found: WhatIf, zone: Zone) -> list[str]:
    """The result for people."""
    n = len(found.seeds)
    seeds = "1 seed" if n == 1 else f"{n} seeds, mean and 95 % interval"
    out = [f"SIMULATED: {found.source}", f"{found.contacts:,} contacts, {seeds}", ""]
    queue: str | None = ""
    for key, value in _ordered(found):
        if key[0] != queue:
            queue = key[0]
            out.append(f"{'all queues' if queue is None else f'queue {queue}'}")
            out.append(f"  {'':44} {'recorded':>10} {'simulated':>10}")
        out.append(f"  {_row(found, key, value)}")
    out += ["", *_change_lines(found, zone), "", f"Model: {found.model}."]
    if found.unmodelled:
        some = ", ".join(f"{count:,} {name}" for name, count in sorted(found.unmodelled.items()))
        out.append(f"Not modelled, and left out: {some}.")
    return out


def _row(found: WhatIf, key: tuple[str | None, str], value: Summary) -> str:
    name = key[1]
    recorded = found.recorded.get(key)
    was = "–" if recorded is None else _said(name, recorded)
    between = ""
    if value.n > 1:
        between = f"  {_said(name, value.low)} to {_said(name, value.high)}"
    return f"{TITLES.get(name, name):44} {was:>10} {_said(name, value.mean):>10}{between}"


def _said(name: str, value: int) -> str:
    kind = unit(name)
    if kind == "ppm":
        return percent(value)
    return span_text(value) if kind == "us" else f"{value:,}"


def _change_lines(found: WhatIf, zone: Zone) -> list[str]:
    if not found.changed:
        out = [f"All {found.offers:,} decisions as recorded: 0 changed."]
    else:
        share = f"{len(found.changed):,} of {found.contacts:,} contacts"
        out = [f"Decided otherwise (seed 1): {share}. The first decision of each that differs:"]
    for change in found.changed[:CHANGES_SHOWN]:
        old, new = _chosen(change.old, zone), _chosen(change.new, zone)
        out.append(f"  {change.contact}, offer {change.n}: {old} → {new}")
        out.append(f"      {change.reason}")
    more = len(found.changed) - CHANGES_SHOWN
    if more > 0:
        out.append(f"  and {more:,} more; --json has them all")
    if found.otherwise:
        out.append(f"{found.otherwise:,} more to the same agent at the same time, against others.")
    return out


def _chosen(chosen: Chosen | None, zone: Zone) -> str:
    return "nobody" if chosen is None else f"{chosen.agent} at {clock(zone, chosen.at)}"
