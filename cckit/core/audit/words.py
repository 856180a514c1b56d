"""A certificate in words: what each kind of finding is called, and a finding as one line."""

from collections.abc import Mapping
from typing import Any, Final

from cckit.core.instant import SECOND, instant_text

TITLES: Final[Mapping[str, str]] = {
    "clock.stepped": "The wall clock moved",
    "clock.went_back": "Time went back, and nothing says why",
    "adapter.silent": "An adapter said nothing while others went on",
    "queue.hole": "Numbers of a queue's entries are missing",
    "queue.double": "Entries of a queue have a number that was given before",
    "id.hole": "Ids were given out and are in no event",
    "epoch.hole": "Writers came and stored nothing",
    "event.late": "Events were recorded long after they happened",
    "event.ahead": "Events are said to happen after they were recorded",
    "event.disordered": "An adapter's events came out of order",
    "checkpoint.late": "Events waited long for a checkpoint",
    "access.refused": "Somebody was refused",
    "plugin.failed": "A plugin failed",
    "invariant.broken": "A decision would have broken an invariant",
    "fact.superseded": "A report came too late",
    "fact.quarantined": "A report made no sense",
    "erasure.unfinished": "An erasure was begun and is not finished",
    "erasure.incomplete": "An erasure did not reach every place",
    "log.restored": "The log goes on from a copy",
    "run.started": "A writer began",
    "recovery.reconciled": "A run found things open",
    "config.applied": "Configuration changed",
    "permission.changed": "A role was given or taken",
    "hold.changed": "A legal hold changed",
    "subject.erased": "Somebody was erased",
    "data.disclosed": "Somebody's data was disclosed",
}
"""Kind of a finding to what it means."""


def told(finding: Mapping[str, Any]) -> str:
    """What a finding says beside its place: ``queue support, awaited 3, found 5``."""
    left = {name: value for name, value in finding.items() if name not in ("position", "at")}
    changed, first = left.pop("changed", None) or {}, left.pop("first", False)
    parts = [f"{_name(name)} {_value(name, value)}" for name, value in left.items()]
    if first:
        parts.append("for the first time")
        parts += [f"{_name(name)}: {_value(name, now)}" for name, (_, now) in changed.items()]
        return ", ".join(parts)
    for name, (before, now) in changed.items():
        parts.append(f"{_name(name)}: {_value(name, before)} → {_value(name, now)}")
    return ", ".join(parts)


def length(us: int) -> str:
    """A length of time: ``250 us``, ``250 ms``, ``45 s``, ``3:07``, ``26:02:33``."""
    if abs(us) < SECOND:
        return f"{us} us" if us % 1000 else f"{us // 1000} ms"
    seconds = abs(us) // SECOND
    sign = "-" if us < 0 else ""
    if seconds < 60:
        return f"{sign}{seconds} s"
    hours, rest = divmod(seconds, 3600)
    minutes = f"{rest // 60:02}:{rest % 60:02}"
    return f"{sign}{hours}:{minutes}" if hours else f"{sign}{rest // 60}:{rest % 60:02}"


def _name(name: str) -> str:
    return (name or "settings").removesuffix("_us").removesuffix("_at").replace("_", " ")


def _value(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith("_at"):
        return instant_text(value)
    if isinstance(value, int) and name.endswith("_us"):
        return length(value)
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {_value(key, one)}" for key, one in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(_value("", one) for one in value) or "none"
    return str(value) or "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}"
