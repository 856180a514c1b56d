"""Each promise of a projection is proved by one that breaks it."""

from typing import Any, ClassVar

import attrs
import pytest

from cckit.core.events import Recorded
from cckit.core.facts import AgentLoggedOut, AgentNotReady, AgentProfileSet, AgentReady
from cckit.core.projection import Canonical
from cckit.core.reports import PROJECTIONS
from cckit.testing.projections import Tape, check_projection, fold

TAPE = (
    Tape()
    .add("agent/1", AgentReady(), at=1)
    .add("agent/2", AgentReady(), at=2)
    .add("agent/1", AgentNotReady("lunch", "agent"), AgentLoggedOut("end"), at=3)
)


class Counting:
    """A sound projection: who became ready, and how often."""

    name = "test.readies"
    version = 1
    types: tuple[type, ...] = (AgentReady, AgentNotReady)

    def initial(self) -> dict[str, Any]:
        return {}

    def apply(self, state: dict[str, Any], recorded: Recorded[Any]) -> None:
        stream = str(recorded[0].stream)
        state[stream] = state.get(stream, 0) + 1

    def dump(self, state: dict[str, Any]) -> Canonical:
        return state


class SharedState(Counting):
    kept: ClassVar[dict[str, Any]] = {}

    def initial(self) -> dict[str, Any]:
        return self.kept


class HiddenCounter(Counting):
    n = 0

    def apply(self, state: dict[str, Any], recorded: Recorded[Any]) -> None:
        self.n += 1
        state["n"] = self.n


class BesideTheState(Counting):
    """Empties what it keeps whenever a fold begins, so only a split shows it."""

    def initial(self) -> dict[str, Any]:
        self.seen: list[int] = []
        return {}

    def apply(self, state: dict[str, Any], recorded: Recorded[Any]) -> None:
        self.seen.append(recorded[0].position)
        state["n"] = len(self.seen)


class DumpWrites(Counting):
    def dump(self, state: dict[str, Any]) -> Canonical:
        state["dumps"] = state.get("dumps", 0) + 1
        return dict(state)


class FloatInDump(Counting):
    def dump(self, state: dict[str, Any]) -> Any:
        return {"mean": 1.5}


class SetInDump(Counting):
    def dump(self, state: dict[str, Any]) -> Any:
        return {"names": set(state)}


class ChangesEvents(Counting):
    types = (AgentProfileSet,)

    def apply(self, state: dict[str, Any], recorded: Recorded[Any]) -> None:
        recorded[1].skills.pop("he", None)


class NoVersion(Counting):
    version = 0


class BadName(Counting):
    name = "readies"


class ReadsTheWrongClass(Counting):
    types = (AgentReady, int)


def test_a_sound_projection_passes() -> None:
    check_projection(Counting(), TAPE.events)


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (SharedState, "initial\\(\\) returns a state"),
        (HiddenCounter, "second fold"),
        (BesideTheState, "beside the state"),
        (DumpWrites, "dump changes the state"),
        (FloatInDump, "not canonical"),
        (SetInDump, "not canonical"),
        (ChangesEvents, "changes the events"),
        (NoVersion, "version"),
        (BadName, "thing.measure"),
        (ReadsTheWrongClass, "no event class"),
    ],
)
def test_a_broken_projection_is_caught(broken: type[Counting], promise: str) -> None:
    profile = AgentProfileSet(None, 100, {}, {"he": 3})
    fresh = Tape().add("agent/1", profile, AgentReady(), AgentReady(), AgentReady(), at=1)
    with pytest.raises(AssertionError, match=promise):
        check_projection(broken(), fresh.events)


def test_a_tape_counts_positions_and_stream_versions() -> None:
    places = [(e.position, e.stream, e.stream_version) for e, _ in TAPE.events]
    assert places == [(0, "agent/1", 0), (1, "agent/2", 0), (2, "agent/1", 1), (3, "agent/1", 2)]


def test_a_fold_hands_over_only_what_is_read() -> None:
    assert fold(Counting(), TAPE.events) == {"agent/1": 2, "agent/2": 1}


@pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda p: str(p.name))
def test_our_projections_keep_the_promises(projection: Any) -> None:
    check_projection(projection, TAPE.events)
    assert attrs.has(type(projection.initial()))
