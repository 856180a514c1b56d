"""What ``cckit staff`` found, as a table for people and as JSON."""

from collections.abc import Sequence
from typing import Any, Final

import attrs
from rich.table import Table

from cckit.core.headcount import PPM, Expected, Needed, Target
from cckit.core.instant import HOUR, SECOND
from cckit.testing.staff import Estimate, Played, Work, ratio

from .output import console
from .text import plain, span_text

SAID: Final = {
    "pointwise": "each interval as if its rate held for ever (pointwise stationary)",
    "lag": "each interval with the arrivals of one mean handling time earlier (lagged)",
}
SOURCES: Final = {
    "erlang-c": "Erlang C (Erlang 1917): nobody gives up",
    "erlang-a": "Erlang A (Palm 1957; Garnett, Mandelbaum and Reiman 2002)",
}
VERDICTS: Final = ("unchecked", "kept", "open", "broken")
"""Each is worse than the one before."""
UNCHECKED, KEPT, OPEN, BROKEN = VERDICTS
HINTS: Final = {
    OPEN: "open: chance may have missed the promise by so little; more --seeds tell",
    BROKEN: "broken: demand may move too fast for its intervals: try --load lag, or shorter ones",
}
UNBOUNDED: Final = 10_000
MEASURES: Final = ("answered", "abandoned", "asa", "occupancy")


@attrs.frozen
class Answer:
    """Everything that is printed."""

    work: Work
    target: Target
    found: tuple[Needed, ...]
    """With a lag there may be more than the intervals of the demand."""
    played: list[list[Played]]
    """By interval and seed; empty without a check."""
    shrinkage_ppm: int
    model: str
    load: str

    def promised(self) -> dict[str, float]:
        """What was promised, by measure; shares, and seconds of wait."""
        target = self.target
        limits = (target.answered, target.abandoned, target.asa_s, target.occupancy)
        return {
            name: limit for name, limit in zip(MEASURES, limits, strict=True) if limit is not None
        }

    def estimates(self, numbers: Sequence[int]) -> dict[str, Estimate | None]:
        """What was simulated of some intervals together, over the seeds."""
        sums = [_sum(runs) for runs in zip(*(self.played[n] for n in numbers), strict=True)]
        staffed = sum(
            self.found[n].agents * self.found[n].demand.length_us / SECOND for n in numbers
        )
        entered = [one.entered for one in sums]
        return {
            "answered": ratio([one.in_time for one in sums], entered),
            "abandoned": ratio([one.abandoned for one in sums], entered),
            "asa": ratio([one.waited_us / SECOND for one in sums], [one.answered for one in sums]),
            "occupancy": ratio([one.busy_us / SECOND for one in sums], [staffed] * len(sums)),
        }

    def of_interval(self, number: int) -> dict[str, Estimate | None]:
        """What was simulated of one interval; nothing of one after the last call."""
        if number < len(self.played):
            return self.estimates([number])
        return dict.fromkeys(MEASURES)

    def overall(self) -> dict[str, Estimate | None]:
        return self.estimates(range(len(self.played)))

    def verdict(self) -> str:
        """The worst of what was promised, over all of the time: kept, open or broken."""
        if not self.played:
            return UNCHECKED
        overall = self.overall()
        words = [verdict(name, limit, overall[name]) for name, limit in self.promised().items()]
        return max(words, key=VERDICTS.index)

    def as_json(self) -> dict[str, object]:
        """The result in the shape that scripts rely on."""
        promised = {f"{name}{_unit(name)}": _whole(name, v) for name, v in self.promised().items()}
        return {
            "source": self.work.source,
            "zone": self.work.zone.name,
            "model": self.model,
            "load": self.load,
            "within_us": round(self.target.within_s * SECOND),
            "shrinkage_ppm": self.shrinkage_ppm,
            "promised": promised,
            "seeds": len(self.played[0]) if self.played else 0,
            "verdict": self.verdict(),
            "simulated": _estimates_json(self.overall()) if self.played else None,
            "intervals": [self._interval_json(n) for n in range(len(self.found))],
            "agents": max(one.agents for one in self.found),
            "planned_us": sum(
                one.planned(self.shrinkage_ppm) * one.demand.length_us for one in self.found
            ),
        }

    def _interval_json(self, number: int) -> dict[str, object]:
        one = self.found[number]
        patience, expected = one.demand.patience_s, expectations(one.expected)
        found = self.of_interval(number)
        return {
            "at": one.demand.at,
            "interval": self.work.zone.local(one.demand.at).isoformat(timespec="minutes"),
            "length_us": one.demand.length_us,
            "calls_milli": round(one.demand.calls * 1000),
            "per_hour_milli": round(one.per_hour * 1000),
            "handling_us": round(one.demand.service_s * SECOND),
            "patience_us": None if patience is None else round(patience * SECOND),
            "agents": one.agents,
            "planned": one.planned(self.shrinkage_ppm),
            "expected": {f"{n}{_unit(n)}": _whole(n, v) for n, v in expected.items()},
            "simulated": _estimates_json(found) if self.played else None,
            "broken": [
                name
                for name, limit in self.promised().items()
                if verdict(name, limit, found[name]) == BROKEN
            ],
        }


def expectations(says: Expected) -> dict[str, float]:
    """What a model says, by measure."""
    figures = (says.answered, says.abandoned, says.asa_s, says.occupancy)
    return dict(zip(MEASURES, figures, strict=True))


def verdict(name: str, limit: float, found: Estimate | None) -> str:
    """Whether a promise is kept by the mean, broken by all of its interval, or open.

    Where nobody came it is kept.
    """
    if found is None:
        return KEPT
    sign = 1 if name == "answered" else -1
    if sign * found.mean >= sign * limit:
        return KEPT
    return BROKEN if all(sign * end < sign * limit for end in found[1:]) else OPEN


def _sum(runs: Sequence[Played]) -> Played:
    """One seed's intervals together."""
    names = [field.name for field in attrs.fields(Played)]
    return Played(**{name: sum(getattr(one, name) for one in runs) for name in names})


def _unit(name: str) -> str:
    return "_us" if name == "asa" else "_ppm"


def _whole(name: str, value: float) -> int:
    return round(value * (SECOND if name == "asa" else PPM))


def _estimates_json(estimates: dict[str, Estimate | None]) -> dict[str, Any]:
    return {
        f"{name}{_unit(name)}": None
        if found is None
        else {part: _whole(name, value) for part, value in found._asdict().items()}
        for name, found in estimates.items()
    }


# --- for people -------------------------------------------------------------------------


def show(answer: Answer) -> None:
    """Print the table and what it rests on."""
    out = console()
    if not out.is_terminal:  # A file is as wide as it has to be.
        out = console(UNBOUNDED)
    out.print(plain(f"source: {answer.work.source}"), style="dim", markup=False)
    out.print(f"{SOURCES[answer.model]}; {SAID[answer.load]}", style="dim", markup=False)
    out.print()
    out.print(_table(answer))
    out.print()
    hours = sum(one.agents * one.demand.length_us for one in answer.found) / HOUR
    most = max(one.agents for one in answer.found)
    out.print(f"at most {most:,} agents at once, {hours:,.1f} agent hours")
    for name, limit in answer.promised().items():
        line = f"promised: {_words(answer, name)} {_value(name, limit)}"
        if answer.played:
            found = answer.overall()[name]
            line += f"; simulated: {_estimate(name, found)}, {verdict(name, limit, found)}"
        out.print(line, markup=False)
    if answer.played:
        seeds = len(answer.played[0])
        rests = f"simulated by {seeds} seeds; ± is half of the 95 % interval"
        out.print(f"{rests}, * where all of it breaks the promise", style="dim", markup=False)
    if answer.verdict() in HINTS:
        out.print(HINTS[answer.verdict()], markup=False)


def _table(answer: Answer) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    titles = ["interval", "calls", "handling", "agents"]
    titles += ["planned"] if answer.shrinkage_ppm else []
    for name in answer.promised():
        titles += [name, "simulated"] if answer.played else [name]
    for number, title in enumerate(titles):
        table.add_column(title, justify="right" if number else "left", no_wrap=True)
    for number, one in enumerate(answer.found):
        if one.demand.calls or one.agents:  # A night without calls needs no line.
            table.add_row(*_cells(answer, number))
    return table


def _cells(answer: Answer, number: int) -> list[str]:
    one = answer.found[number]
    cells = [
        answer.work.zone.local(one.demand.at).strftime("%Y-%m-%d %H:%M"),
        f"{one.demand.calls:,.1f}",
        span_text(round(one.demand.service_s * SECOND)),
        f"{one.agents:,}",
    ]
    cells += [f"{one.planned(answer.shrinkage_ppm):,}"] if answer.shrinkage_ppm else []
    says, found = expectations(one.expected), answer.of_interval(number)
    for name, limit in answer.promised().items():
        cells.append(_value(name, says[name]))
        if answer.played:
            star = " *" if verdict(name, limit, found[name]) == BROKEN else "  "
            cells.append(_estimate(name, found[name]) + star)
    return cells


def _words(answer: Answer, name: str) -> str:
    within = span_text(round(answer.target.within_s * SECOND))
    return {
        "answered": f"answered within {within}, of all, at least",
        "abandoned": "gave up, of all, at most",
        "asa": "mean wait of the answered at most",
        "occupancy": "occupancy at most",
    }[name]


def _value(name: str, value: float) -> str:
    return f"{value:,.1f} s" if name == "asa" else f"{100 * value:.1f} %"


def _estimate(name: str, found: Estimate | None) -> str:
    if found is None:
        return "–"
    half = (found.high - found.low) / 2 * (1 if name == "asa" else 100)
    return f"{_value(name, found.mean)} ± {half:.1f}"
