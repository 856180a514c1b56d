"""Erasing people, and what forbids it."""

from cckit.core import commands as m
from cckit.core import facts as f
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import CENTER, Stream, subject_stream

Drafts = list[Pair]


def erase(floor: Floor, command: m.Erase, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    stream = subject_stream(command.subject)
    wrong = _wrong_subject(stream)
    if wrong is not None:
        return wrong
    if not command.ground:
        return Refused("subject.no_ground", stream, "an erasure without a ground", "say who asked")
    held = floor.holds.get(stream) or floor.holds.get(CENTER)
    if held is not None:
        what = f"is under legal hold: {held}"
        return Refused("subject.held", stream, what, "erase it when the hold is lifted")
    if stream in floor.erasing:
        return []
    return [(stream, f.SubjectErasureStarted(command.ground))]


def set_hold(
    floor: Floor, command: m.SetHold, now: int, ask: Ask, actor: Actor
) -> Drafts | Refused:
    scope = Stream(command.scope)
    if scope != CENTER:
        wrong = _wrong_subject(scope)
        if wrong is not None:
            return wrong
    if not command.ground:
        return Refused("hold.no_ground", scope, "a hold without a ground", "say what orders it")
    if (scope in floor.holds) is command.on:
        return []
    return [(CENTER, f.HoldChanged(scope, command.on, command.ground))]


def _wrong_subject(stream: Stream) -> Refused | None:
    kind, _, id_ = stream.partition("/")
    hex_ = len(id_) == 32 and all(sign in "0123456789abcdef" for sign in id_)
    if kind == "subject" and hex_:
        return None
    remedy = "take the 32 hex digits that the log has, after subject/"
    return Refused("subject.no_id", stream, "is no id of a subject", remedy)
