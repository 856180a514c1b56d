"""The plugin's table of ``CENTER.toml``: a rule a table.

::

    [alerts.talks_long]
    kind = "long_call"             # long_call, long_wait, long_hold, callback_overdue,
                                   # agent_missing, queue_length, sla_at_risk, router_fault
    scope = "queue/sales"          # center, queue/ID, queue/* (each queue), agent/ID
    limit_s = 900                  # of what is timed
    repeat_s = 300                 # again, until somebody acknowledges it; default never
    severity = "warning"           # info, warning, critical

    [alerts.line_long]
    kind = "queue_length"
    scope = "queue/*"
    limit = 20                     # callers; of sla_at_risk percent, of router_fault faults
    clear = 12                     # back to normal; below limit, of sla_at_risk above
    for_s = 30                     # how long it must hold, to raise as to clear

    [alerts.service]
    kind = "sla_at_risk"
    scope = "queue/sales"
    limit = 80                     # percent
    clear = 85
    within_s = 20                  # served within
    of = 50                        # of the last 50, and who waits too long already

``reasons = ["rona"]`` says for which reasons an agent is missing; ``quiet_s`` how long
nothing must fail until a ``router_fault`` clears.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from cckit.core import SECOND, Canonical, ConfigError

from .policy import (
    AGENT_MISSING,
    EVERY_QUEUE,
    KINDS,
    LONG_CALL,
    LONG_HOLD,
    QUEUE_LENGTH,
    ROUTER_FAULT,
    SEVERITIES,
    SLA_AT_RISK,
    TIMED,
    Rule,
)

DAY_S: Final = 86_400
COUNT_MAX: Final = 1_000_000
COMMON: Final = ("kind", "scope", "repeat_s", "severity")
OWN: Final = {
    SLA_AT_RISK: ("limit", "clear", "for_s", "within_s", "of"),
    ROUTER_FAULT: ("limit", "quiet_s"),
    QUEUE_LENGTH: ("limit", "clear", "for_s"),
    AGENT_MISSING: ("limit_s", "reasons"),
}
TIMED_KEYS: Final = ("limit_s",)
OF_AGENTS: Final = (AGENT_MISSING, LONG_CALL, LONG_HOLD)
"""Kinds that may be about one agent."""


def read(table: Mapping[str, Canonical]) -> tuple[Rule, ...]:
    """Check the table; rules by name.

    :raises ConfigError: a key or value that can't be.
    """
    return tuple(_rule(name, table[name]) for name in sorted(table))


def check_queues(rules: Sequence[Rule], queues: Sequence[str]) -> None:
    """Hold the rules to the queues that there are.

    :raises ConfigError: one that there is not.
    """
    for rule in rules:
        word, _, queue = rule.scope.partition("/")
        if word == "queue" and rule.scope != EVERY_QUEUE and queue not in queues:
            remedy = f"there is no such queue; name one of {', '.join(sorted(queues))}"
            raise _wrong(f"{rule.name}.scope", rule.scope, remedy)


def _rule(name: str, given: Any) -> Rule:
    if not isinstance(given, Mapping):
        raise _wrong(name, given, "make it a table")
    if not name or any(letter.isspace() or letter == "/" for letter in name):
        raise _wrong(name, name, "name a rule without spaces and slashes")
    kind = given.get("kind")
    if kind not in KINDS:
        raise _wrong(f"{name}.kind", kind, f"use {', '.join(KINDS)}")
    keys = (*COMMON, *OWN.get(str(kind), TIMED_KEYS))
    for key in given:
        if key not in keys:
            raise _wrong(f"{name}.{key}", given[key], f"of {kind} there are {', '.join(keys)}")
    rule = Rule(
        name,
        str(kind),
        _limit(name, given, str(kind)),
        scope=_scope(name, given, str(kind)),
        for_us=_whole(name, given, "for_s", 0, DAY_S, 0) * SECOND,
        repeat_us=_whole(name, given, "repeat_s", 1, DAY_S, 0) * SECOND,
        severity=_one_of(name, given, "severity", SEVERITIES, "warning"),
        within_us=_whole(name, given, "within_s", 1, DAY_S, 20) * SECOND,
        of=_whole(name, given, "of", 1, 10_000, 50),
        reasons=_texts(name, given, "reasons", Rule("", "", 0).reasons),
        quiet_us=_whole(name, given, "quiet_s", 1, DAY_S, 600) * SECOND,
    )
    return attrs.evolve(rule, clear=_clear(name, given, rule))


def _limit(name: str, given: Mapping[str, Any], kind: str) -> int:
    if kind in TIMED:
        return _whole(name, given, "limit_s", 1, DAY_S) * SECOND
    if kind == SLA_AT_RISK:
        return _whole(name, given, "limit", 1, 100) * 10
    return _whole(name, given, "limit", 1, COUNT_MAX, 1 if kind == ROUTER_FAULT else None)


def _clear(name: str, given: Mapping[str, Any], rule: Rule) -> int:
    """Where a level clears; by itself one below, of a service level five percent above."""
    if rule.kind == SLA_AT_RISK:
        low = rule.limit // 10
        clear = _whole(name, given, "clear", 1, 100, min(100, low + 5))
        if clear <= low < 100:
            raise _wrong(f"{name}.clear", clear, f"clear above the limit, {low}")
        return clear * 10
    if rule.kind != QUEUE_LENGTH:
        return 0
    clear = _whole(name, given, "clear", 0, COUNT_MAX, rule.limit - 1)
    if clear >= rule.limit:
        remedy = f"clear below the limit, {rule.limit}: the gap keeps it from flapping"
        raise _wrong(f"{name}.clear", clear, remedy)
    return clear


def _scope(name: str, given: Mapping[str, Any], kind: str) -> str:
    scope = given.get("scope", "center")
    word, _, id_ = scope.partition("/") if isinstance(scope, str) else ("", "", "")
    queues = kind not in (ROUTER_FAULT, AGENT_MISSING)
    known = {"center": not id_, "queue": bool(id_) and queues, "agent": bool(id_)}
    if not known.get(word, False) or (word == "agent" and kind not in OF_AGENTS):
        allowed = ["center", *(["queue/ID", "queue/*"] if queues else [])]
        allowed += ["agent/ID"] if kind in OF_AGENTS else []
        raise _wrong(f"{name}.scope", scope, f"of {kind} use {' or '.join(allowed)}")
    return str(scope)


def _whole(
    name: str, given: Mapping[str, Any], key: str, low: int, high: int, plain: int | None = None
) -> int:
    value = given.get(key, plain)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(f"{name}.{key}", value, f"give a whole number from {low} to {high}")
    if not low <= value <= high and (key in given or plain is None):
        raise _wrong(f"{name}.{key}", value, f"give a whole number from {low} to {high}")
    return value


def _one_of(
    name: str, given: Mapping[str, Any], key: str, allowed: Sequence[str], plain: str
) -> str:
    value = given.get(key, plain)
    if value not in allowed:
        raise _wrong(f"{name}.{key}", value, f"use {', '.join(allowed)}")
    return str(value)


def _texts(
    name: str, given: Mapping[str, Any], key: str, plain: tuple[str, ...]
) -> tuple[str, ...]:
    value = given.get(key, plain)
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise _wrong(f"{name}.{key}", value, "give a list of texts")
    return tuple(value)


def _wrong(key: str, value: object, remedy: str) -> ConfigError:
    return ConfigError(f"alerts.{key}", f"{value!r} can't be", remedy)
