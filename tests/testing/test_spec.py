"""A Spec tells right from wrong: each fault of a machine is planted and must be caught."""

from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from cckit.core.errors import Refused
from cckit.core.events import Draft, event
from cckit.core.ids import Stream
from cckit.core.instant import Instant
from cckit.testing import Spec

HERE, THERE, NOW = Stream("contact/1"), Stream("agent/1"), Instant(9)


@event("lamp.lit", version=1)
class Lit:
    n: int


@event("lamp.dimmed", version=1)
class Dimmed:
    n: int


@attrs.define
class State:
    lit: int = 0
    seen: list[tuple[int, str, int]] = attrs.Factory(list)


def evolve(state: State, recorded: Any) -> None:
    envelope, data = recorded
    state.lit += data.n
    state.seen.append((envelope.position, envelope.stream, envelope.stream_version))


def decide(state: State, command: str, now: Instant, ask: Any) -> tuple[Draft, ...] | Refused:
    if command == "forbidden":
        return Refused("lamp.broken", HERE, "the lamp is broken", "mend it")
    if command == "nothing":
        return ()
    return (Draft(HERE, Lit(state.lit + 1)), Draft(THERE, Dimmed(now)))


LAMP = SimpleNamespace(initial=State, decide=decide, evolve=evolve, reads_actor=False)
lamp = Spec(LAMP, HERE).given(Lit(3))


def test_what_follows_is_compared_exactly_and_in_order() -> None:
    outcome = lamp.when("light", at=NOW)
    outcome.then(Lit(4), Draft(THERE, Dimmed(9)))
    for wrong in [
        (Draft(THERE, Dimmed(9)), Lit(4)),
        (Lit(4),),
        (Lit(4), Dimmed(9)),
        (Lit(4), Draft(THERE, Lit(9))),
        (),
    ]:
        with pytest.raises(AssertionError, match="instead of"):
            outcome.then(*wrong)


def test_nothing_is_a_result() -> None:
    lamp.when("nothing", at=NOW).then()


def test_a_refusal_is_held_to_its_reason() -> None:
    refused = lamp.when("forbidden", at=NOW)
    refused.then_refused("lamp.broken")
    with pytest.raises(AssertionError, match=r"instead of 'lamp\.away'"):
        refused.then_refused("lamp.away")
    with pytest.raises(AssertionError, match="was refused"):
        refused.then()
    with pytest.raises(AssertionError, match="was not refused"):
        lamp.when("light", at=NOW).then_refused("lamp.broken")


def test_given_counts_positions_and_the_versions_of_each_stream() -> None:
    more = lamp.given(Draft(THERE, Dimmed(1)), Lit(1))
    assert more.state().seen == [(0, HERE, 0), (1, THERE, 0), (2, HERE, 1)]
    assert lamp.state().seen == [(0, HERE, 0)]


def test_a_decide_that_writes_is_caught() -> None:
    def writes(state: State, command: str, now: Instant, ask: Any) -> tuple[Draft, ...]:
        state.lit += 1
        return ()

    machine = SimpleNamespace(initial=State, decide=writes, evolve=evolve, reads_actor=False)
    faulty = Spec(machine, HERE)
    with pytest.raises(AssertionError, match="decide changed its state"):
        faulty.when("light", at=NOW)
