"""``check_plugin`` and ``check_policy``: each planted fault is caught, and named."""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import attrs
import pytest

from cckit.core import facts as f
from cckit.core.ask import Candidate, Ranking, Verdict, Waiting
from cckit.core.engine import Machine
from cckit.core.events import Actor, event
from cckit.core.ids import AgentId, Stream
from cckit.hooks import PolicyHooks, RegisterHooks, hookimpl
from cckit.testing.plugins import RULES, check_plugin
from cckit.testing.policies import check_policy


@event("sound.thing_happened", version=1)
class ThingHappened:
    n: int


@attrs.frozen
class Do:
    stream: Stream


class Sound(RegisterHooks, PolicyHooks):
    """A plugin without a fault; subclasses have one each."""

    name, version, types = "sound.things", 1, (ThingHappened,)

    def initial(self) -> list[int]:
        return []

    def apply(self, state: list[int], recorded: Any) -> Any:
        return ()

    def dump(self, state: list[int]) -> Any:
        return state

    def events(self) -> Any:
        return (ThingHappened,)

    def machines(self) -> Any:
        return (Machine("m", (Do,), (ThingHappened,), list, lambda *_: (), lambda *_: None),)

    def projections(self) -> Any:
        return (self,)

    def verdict(self, actor: Actor, roles: Any, action: str, target: str) -> Any:
        return Verdict("admin" in roles, "by role")

    def ranking(self, contact: Waiting, candidates: Any) -> Any:
        return Ranking([one.agent for one in candidates][::-1], "backwards")

    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return self.events()

    @hookimpl
    def cckit_register_machines(self) -> Sequence[Machine]:
        return self.machines()

    @hookimpl
    def cckit_register_projections(self) -> Sequence[Any]:
        return self.projections()

    @hookimpl
    def cckit_authorize(
        self, actor: Actor, roles: Sequence[str], action: str, target: str
    ) -> Verdict | None:
        return self.verdict(actor, roles, action, target)

    @hookimpl
    def cckit_rank_agents(
        self, contact: Waiting, candidates: Sequence[Candidate]
    ) -> Ranking | None:
        return self.ranking(contact, candidates)


def with_(name: str, method: Callable[..., Any], /, **more: Any) -> type[Sound]:
    return type("Planted", (Sound,), {name: method, **more})


counter = count()
THINGS = map(ThingHappened, count())


@event("queue.entered", version=2)
class Taken:
    n: int


@attrs.define
class Mutable:
    stream: Stream


@attrs.frozen
class Homeless:
    n: int


class Typo(Sound):
    @hookimpl
    def cckit_rank_agent(self) -> None: ...


def deciding(*commands: type) -> Any:
    return lambda self: (
        Machine("m", commands, (ThingHappened,), list, lambda *_: (), lambda *_: None),
    )


@attrs.define
class Happened:
    """What a machine knows; it may be told what it knows already."""

    n: int | None = None


def one_state(**more: Any) -> Any:
    """A sound machine, but for what is given."""

    def evolve(state: Happened, recorded: Any) -> None:
        state.n = recorded[1].n

    sound = Machine("m", (Do,), (ThingHappened,), Happened, lambda *_: (), evolve)
    return lambda self: (sound._replace(**more),)


def forgetting(state: Happened, *_: Any) -> Any:
    state.n = None
    return ()


def logging_out(state: Happened, command: Do, now: int, ask: object, floor: Any) -> Any:
    floor.agents.clear()
    return ()


FAULTS: list[tuple[str, type[Sound]]] = [
    ("fits_the_doors", Typo),
    ("brings_events_of_its_own", with_("events", lambda self: (Taken,))),
    ("brings_events_of_its_own", with_("events", lambda self: (int,))),
    (
        "registers_the_same_each_time",
        with_("events", lambda self: (ThingHappened,) * (next(counter) % 2)),
    ),
    ("names_each_thing_once", with_("projections", lambda self: (self, self))),
    ("names_each_thing_once", with_("dump", Sound.dump, name="a:b")),
    ("reads_only_known_events", with_("dump", Sound.dump, types=(int,))),
    ("reads_only_known_events", with_("dump", Sound.dump, types=(f.AgentReady, Taken))),
    ("decides_frozen_commands", with_("machines", deciding(Mutable))),
    ("decides_frozen_commands", with_("machines", deciding(Homeless))),
    ("decides_frozen_commands", with_("machines", deciding(str))),
    ("dumps_canonically", with_("dump", lambda self, state: 0.5)),
    ("dumps_canonically", with_("dump", lambda self, state: {1, 2})),
    ("dumps_canonically", with_("dump", lambda self, state: next(counter))),
    ("machines_are_sound", with_("machines", one_state(due=lambda state: 0.5))),
    ("machines_are_sound", with_("machines", one_state(due=lambda state: next(counter)))),
    ("machines_are_sound", with_("machines", one_state(due=forgetting))),
    ("machines_are_sound", with_("machines", one_state(key=lambda recorded: 7))),
    ("machines_are_sound", with_("machines", one_state(key=lambda r: str(next(counter))))),
    ("machines_are_sound", with_("machines", one_state(decide=forgetting))),
    ("machines_are_sound", with_("machines", one_state(decide=lambda *_: None))),
    ("machines_are_sound", with_("machines", one_state(decide=lambda *_: ("ab",)))),
    ("machines_are_sound", with_("machines", one_state(decide=lambda *_: 1 // 0))),
    (
        "machines_are_sound",
        with_("machines", one_state(decide=lambda _, do, *__: ((do.stream, next(THINGS)),))),
    ),
    ("machines_are_sound", with_("machines", one_state(decide=logging_out, reads_floor=True))),
    ("machines_are_sound", with_("machines", one_state(dump=lambda state: 0))),
    (
        "machines_are_sound",
        with_("machines", one_state(dump=lambda state: 0, load=lambda kept: None)),
    ),
    ("answers_purely", with_("verdict", lambda self, *_: next(counter))),
]

POLICY_FAULTS: list[tuple[str, type[Sound]]] = [
    (
        "never raises",
        with_("verdict", lambda self, actor, *_: Verdict(1 // len(actor.id) > 0, "x")),
    ),
    ("answers with a Verdict", with_("verdict", lambda self, *_: True)),
    ("answers with a Verdict", with_("verdict", lambda self, *_: Verdict(1, "x"))),  # type: ignore[arg-type]
    ("says why it denies", with_("verdict", lambda self, *_: Verdict(False))),
    ("pure", with_("verdict", lambda self, *_: Verdict(next(counter) % 2 > 0, "x"))),
    (
        "same for every instance",
        with_(
            "verdict",
            lambda self, *_: Verdict(self.mine, "x"),
            __init__=lambda self: setattr(self, "mine", next(counter) % 2 == 0),
        ),
    ),
    ("leaves its arguments alone", with_("ranking", lambda self, _, c: c.reverse())),
    ("answers with a Ranking", with_("ranking", lambda self, _, c: [one.agent for one in c])),
    ("names candidates", with_("ranking", lambda self, _, c: Ranking([], "x"))),
    (
        "names candidates",
        with_("ranking", lambda self, _, c: Ranking([c[0].agent, c[0].agent], "x")),
    ),
    (
        "names candidates",
        with_("ranking", lambda self, _, c: Ranking([AgentId("stranger")], "x")),
    ),
    ("says why", with_("ranking", lambda self, _, c: Ranking([c[0].agent], ""))),
    (
        "pure",
        with_("ranking", lambda self, _, c: Ranking([c[next(counter) % len(c)].agent], "x")),
    ),
]


def test_a_sound_plugin_holds_every_rule() -> None:
    assert check_plugin(Sound) == tuple(name for name, _ in RULES)
    assert check_policy(Sound) == ("cckit_authorize", "cckit_rank_agents")


@pytest.mark.parametrize(("rule", "planted"), FAULTS)
def test_a_planted_fault_of_a_plugin_is_caught(rule: str, planted: type[Sound]) -> None:
    with pytest.raises(AssertionError, match=f"^{rule}: "):
        check_plugin(planted)


@pytest.mark.parametrize(("rule", "planted"), POLICY_FAULTS)
def test_a_planted_fault_of_a_policy_is_caught(rule: str, planted: type[Sound]) -> None:
    with pytest.raises(AssertionError, match=rule):
        check_policy(planted)


def test_every_rule_has_a_planted_fault() -> None:
    assert {rule for rule, _ in FAULTS} == {rule for rule, _ in RULES}


def test_a_plugin_that_is_not_installed_is_named() -> None:
    with pytest.raises(AssertionError, match="'nosuch'"):
        check_plugin("nosuch")


def test_a_plugin_without_policies_is_asked_nothing() -> None:
    class Quiet(RegisterHooks, PolicyHooks): ...

    assert check_policy(Quiet) == ()
