"""Erasing people, and what forbids it."""

from cckit.core import commands as m
from cckit.core import facts as f
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor
from cckit.core.ids import CENTER, Stream, subject_stream
from cckit.core.same_person import same

Drafts = list[Pair]


def erase(floor: Floor, command: m.Erase, now: int, ask: Ask, actor: Actor) -> Drafts | Refused:
    """Begin to erase somebody, under each id that was merged with the one that is named."""
    stream = subject_stream(command.subject)
    wrong = _wrong_subject(stream)
    if wrong is not None:
        return wrong
    if not command.ground:
        return Refused("subject.no_ground", stream, "an erasure without a ground", "say who asked")
    person = [subject_stream(one) for one in same(floor.merged, command.subject)]
    for scope in (stream, *person, CENTER):
        if scope in floor.holds:
            what = f"is under legal hold: {floor.holds[scope]}"
            return Refused("subject.held", stream, what, "erase it when the hold is lifted")
    return [
        (one, f.SubjectErasureStarted(command.ground)) for one in person if one not in floor.erasing
    ]


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
