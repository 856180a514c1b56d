"""Modes: who switches a queue or the center to what, and what it does to who comes."""

from typing import NamedTuple

from cckit.core import commands as m
from cckit.core import facts as f
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import CENTER, QueueId
from cckit.core.mode import NORMAL, RANKED, WHY
from cckit.core.settings import ACCEPT

Drafts = list[Pair]


class Turned(NamedTuple):
    """What becomes of somebody whom a mode turns away."""

    rule: str
    """``callback_only``, ``deflect``, ``blocked`` or ``overflow QUEUE``."""
    why: str
    """hours, overload or emergency."""
    message: str = ""
    """The announcement to play; empty is none."""


def set_mode(
    floor: Floor, command: m.SetMode, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    scope, mode = command.scope, command.mode
    word, _, queue = scope.partition("/")
    if scope != CENTER and (word != "queue" or QueueId(queue) not in floor.queues):
        known = ", ".join(f"queue/{one}" for one in sorted(floor.queues)) or "no queue"
        what = f"there is no scope {scope!r}; there are center, {known}"
        return Refused("mode.unknown_scope", scope, what, "name one of these")
    if mode != NORMAL and mode not in RANKED:
        what = f"there is no mode {mode!r}"
        return Refused("mode.unknown", scope, what, f"use {', '.join((*RANKED, NORMAL))}")
    if command.until is not None and (command.until <= now or mode == NORMAL):
        what = "it would have ended by now" if mode != NORMAL else "normal has no end"
        return Refused("mode.bad_until", scope, what, "name an instant to come, or none")
    on = floor.modes.on.get(scope, {})
    if (not on) if mode == NORMAL else on.get(mode) == (command.until or 0):
        return []
    return [(CENTER, f.ModeChanged(scope, mode, command.until, command.why))]


def turned_away(floor: Floor, queue: QueueId, lane: int, now: int) -> Turned | None:
    """What the mode that holds does to one more in a queue; None if they may come in."""
    mode = floor.modes.of(queue, now)
    rules = floor.modes.rules(mode, queue)
    if rules.admission == ACCEPT or lane >= rules.lane:
        return None
    return Turned(rules.admission, WHY.get(mode, mode), rules.message)
