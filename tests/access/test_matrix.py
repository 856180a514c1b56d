"""Every guard, failing in every way: what it guards stays shut, and the log names it.

The guards are the doors that fail closed. Each is called with an implementation that
raises, takes too long, answers another thing or nothing; whoever asked is denied. A guard
that never returns stops the floor and is named by the watchdog, so nothing opens either.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs
import pytest
from trio.testing import trio_test

from cckit import Actor, AgentSettings, Config, Draft, Refused, Stored, open_center
from cckit.core import facts as f
from cckit.core.ask import Verdict
from cckit.core.commands import COMMANDS, Erase, LogIn, ReportArrived, SetHold
from cckit.core.errors import CckitError
from cckit.core.ids import CENTER, AgentId
from cckit.hooks import FactoryHooks, PolicyHooks, RegisterHooks, Relay, hookimpl
from cckit.hooks.relay import SPECS, Failed
from cckit.shell.clock import SystemClock
from cckit.stores.memory import MemoryStore

ANNA: Final = AgentId("anna")
ROOT: Final = Actor("admin", "root")
NUMBER: Final = "+972541234567"
SECOND_NS: Final = 1_000_000_000


class Time:
    """A monotonic clock that a guard can hold up."""

    def __init__(self) -> None:
        self.ns = 0

    def ticks(self) -> int:
        return self.ns // 1000

    def clock(self) -> SystemClock:
        return SystemClock(lambda: 1_700_000_000 * SECOND_NS + self.ns, lambda: self.ns)


class Odd:
    """Looks like a verdict, and fails when it is read."""

    @property
    def allowed(self) -> bool:
        raise RuntimeError

    reason = ""


def raises(_: Time) -> Any:
    raise RuntimeError("+972541234567 is not for you")


def recurses(time: Time) -> Any:
    return recurses(time)


def runs_out(_: Time) -> Any:
    raise MemoryError


def stops(_: Time) -> Any:
    raise StopIteration


def hangs(time: Time) -> Any:
    time.ns += 3 * SECOND_NS
    return Verdict(True, "after three seconds")


FAILURES: Final[dict[str, Callable[[Time], Any]]] = {
    "raises": raises,
    "hangs": hangs,
    "says True": lambda _: True,
    "recurses": recurses,
    "runs out of memory": runs_out,
    "stops an iteration": stops,
    "says 1": lambda _: 1,
    "says a text": lambda _: "yes",
    "says a tuple": lambda _: (True, "fine", "me"),
    "says the class": lambda _: Verdict,
    "says a verdict of text": lambda _: Verdict("yes"),  # type: ignore[arg-type]
    "says a verdict of 1": lambda _: Verdict(1),  # type: ignore[arg-type]
    "gives no reason": lambda _: Verdict(True, None),  # type: ignore[arg-type]
    "gives a reason that is no text": lambda _: Verdict(True, 5),  # type: ignore[arg-type]
    "gives a reason that no log holds": lambda _: Verdict(True, "\udc80"),
    "gives a reason that is too long": lambda _: Verdict(True, "x" * 5000),
    "looks like a verdict": lambda _: Odd(),
    "is a coroutine": lambda _: iter(()),
}
NO_OPINION: Final = "has no opinion"


class Guard(RegisterHooks, PolicyHooks):
    """Fails its way."""

    def __init__(self, time: Time, fail: Callable[[Time], Any]) -> None:
        self.time, self.fail = time, fail
        self.asked = 0

    @hookimpl
    def cckit_authorize(self, action: str) -> Any:
        self.asked += 1
        return self.fail(self.time)


class Agrees(RegisterHooks, PolicyHooks):
    """Allows everything, before or after who fails."""

    @hookimpl
    def cckit_authorize(self) -> Verdict:
        return Verdict(True, "fine")


async def do(center: Any, command: Any) -> Any:
    return await center.do(command, actor=ROOT)


Act = Callable[[Any, Any], Any]
GUARDED: Final[dict[str, Act]] = {
    "a command": lambda center, seen: do(center, LogIn(ANNA)),
    "storing ready facts": lambda center, seen: center.record(
        Draft(CENTER, f.PermissionChanged("root", "admin", True)), actor=ROOT
    ),
    "erase": lambda center, seen: do(center, Erase(seen[1].subject, "a wish")),
    "hold": lambda center, seen: do(center, SetHold(f"subject/{seen[1].subject}", True, "x")),
    "unmask": lambda center, seen: center.unmask(seen, actor=ROOT, purpose="x"),
    "reveal": lambda center, seen: center.reveal([(seen, "from")], actor=ROOT, purpose="x"),
    "disclose": lambda center, seen: center.disclose(seen[1].subject, actor=ROOT, purpose="x"),
    "find a number": lambda center, seen: center.find_subject(NUMBER, actor=ROOT, purpose="x"),
    "listen": lambda center, seen: center.grant(
        "Listen", seen[0].stream, kind="recording", actor=ROOT, purpose="x"
    ),
    "replay": lambda center, seen: center.grant(
        "Replay", "center", kind="log", actor=ROOT, purpose="x"
    ),
    "export": lambda center, seen: center.grant(
        "Export", "center", kind="report", actor=ROOT, purpose="x"
    ),
}
"""What authorize stands before; a command stands for all of them."""
NOTHING_OF: Final = (
    f.AccessGranted,
    f.AgentLoggedIn,
    f.DataDisclosed,
    f.HoldChanged,
    f.PermissionChanged,
    f.SubjectErasureStarted,
)


async def facts(center: Any, *kinds: type) -> list[Any]:
    return [data async for batch in center.read(types=kinds) for _, data in batch]


async def tried(act: Act, guards: dict[str, Any], time: Time) -> tuple[Any, Any, list[Any]]:
    """What the caller got, what the log has of it, and which failures it names."""
    config = Config(agents={"anna": AgentSettings()})
    async with open_center(config, plugins=guards, clock=time.clock()) as center:
        await center.do(ReportArrived("voice", from_=NUMBER))
        [seen] = [r async for b in center.read(types=(f.ContactCreated,)) for r in b]
        answer = await act(center, seen)
        done = await facts(center, *NOTHING_OF)
        assert len(await facts(center, f.AccessRefused)) == 1 or not isinstance(answer, Refused)
        return answer, done, await facts(center, f.PluginFailed)


def denied(answer: Any, done: list[Any]) -> bool:
    return isinstance(answer, Refused) and answer.reason == "access.refused" and done == []


def cells() -> Iterator[tuple[str, str]]:
    for what in GUARDED:
        for how in (*FAILURES, NO_OPINION):
            yield what, how


async def judge(what: str, how: str, order: int) -> tuple[bool, list[Any]]:
    """Whether one cell denies, and whom the log names; ``order``: who else is asked."""
    time = Time()
    fail = FAILURES.get(how, lambda _: None)
    guards: dict[str, Any] = {"guard": Guard(time, fail)}
    if order == 1:
        guards = {"agrees": Agrees(), **guards}
    elif order == 2:
        guards = {**guards, "agrees": Agrees()}
    answer, done, failed = await tried(GUARDED[what], guards, time)
    return denied(answer, done) and NUMBER not in repr(answer), failed


@trio_test
@pytest.mark.parametrize("what", GUARDED)
async def test_a_failed_guard_denies(
    what: str, tier: Callable[..., int], publish: Callable[[str], None]
) -> None:
    count = 0
    for how in list(FAILURES)[: tier(3, len(FAILURES), len(FAILURES))]:
        for order in range(tier(1, 3, 3)):
            shut, failed = await judge(what, how, order)
            assert shut, (what, how, order)
            assert [(one.plugin, one.hook) for one in failed] == [("guard", "cckit_authorize")]
            assert NUMBER not in repr(failed)
            count += 1
    shut, failed = await judge(what, NO_OPINION, 0)
    assert (shut, failed) == (True, [])
    publish(f"hook matrix, {what}: {count + 1} ways to fail, 0 opened")


@trio_test
async def test_who_agrees_in_time_opens_each_door() -> None:
    """Else the matrix would hold for a center that denies everything."""
    for what, act in GUARDED.items():
        answer, done, failed = await tried(act, {"agrees": Agrees()}, Time())
        assert not denied(answer, done), what
        good = isinstance(answer, Stored | str) or attrs.has(type(answer)) or type(answer) is tuple
        assert good, (what, answer)
        assert failed == []


@trio_test
@pytest.mark.planted("A failed guard opens")
async def test_the_matrix_finds_a_relay_that_passes_over_who_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def authorize(self: Any, actor: Any, roles: Any, action: str, target: str) -> Verdict:
        for plugin, answer in self._ask(
            "cckit_authorize", lambda given: given, actor=actor, roles=roles, action=action,
            target=target,
        ):  # fmt: skip
            if not isinstance(answer, Failed) and not answer.allowed:
                return Verdict(False, answer.reason, plugin)
        return Verdict(True)

    monkeypatch.setattr(Relay, "authorize", authorize)
    opened = [what for what in GUARDED if not (await judge(what, "raises", 0))[0]]
    assert opened == list(GUARDED)


# --- the others -----------------------------------------------------------------------------


class Opens(FactoryHooks):
    """Opens a store and keeps keys, its way."""

    def __init__(self, hook: str, answer: Callable[[], Any]) -> None:
        self._hook, self._answer = hook, answer

    @hookimpl
    def cckit_open_store(self, url: str) -> Any:
        if self._hook == "cckit_open_store":
            return self._answer()
        return MemoryStore("center", bytes(16))

    @hookimpl
    def cckit_open_keks(self, log_id: bytes) -> Any:
        return self._answer() if self._hook == "cckit_open_keks" else None


MADE: Final[dict[str, Callable[[], Any]]] = {
    "raises": lambda: 1 // 0,
    "says True": lambda: True,
    "says a text": lambda: "any://log",
    "says a number": lambda: 5,
    "says a class": lambda: MemoryStore,
    "says an object": object,
    "says a list": lambda: [MemoryStore("center", bytes(16))],
}


@trio_test
@pytest.mark.parametrize("how", MADE)
@pytest.mark.parametrize("hook", ["cckit_open_store", "cckit_open_keks"])
async def test_a_failed_factory_opens_no_center(hook: str, how: str) -> None:
    plugins = {"opens": Opens(hook, MADE[how])}
    with pytest.raises(CckitError) as found:
        async with open_center(Config(), log="any://log", keys="a.keys", plugins=plugins):
            raise AssertionError("it is open")
    assert found.value.where.startswith("plugin opens")
    assert found.value.remedy


class Refuses(RegisterHooks):
    @hookimpl
    def cckit_configure(self, settings: Any) -> None:
        raise RuntimeError


@trio_test
async def test_a_plugin_that_can_not_be_configured_opens_no_center() -> None:
    with pytest.raises(CckitError) as found:
        async with open_center(Config(settings={"p": {}}), plugins={"p": Refuses()}):
            raise AssertionError("it is open")
    assert found.value.where == "plugin p, cckit_configure"


@trio_test
async def test_no_store_opens_no_center() -> None:
    plugins = {"opens": Opens("cckit_open_store", lambda: None)}
    with pytest.raises(CckitError, match="no loaded plugin"):
        async with open_center(Config(), log="any://log", plugins=plugins):
            raise AssertionError("it is open")


def test_every_door_that_fails_closed_is_in_the_matrix() -> None:
    closed = {
        name
        for spec in SPECS
        for name, hook in vars(spec).items()
        if name.startswith("cckit_") and re.search(r"[Cc]losed[:;]", " ".join(hook.__doc__.split()))
    }
    # These make nothing: what they raise is all that they say.
    closed -= {"cckit_configure", "cckit_check_queues"}
    assert closed == {"cckit_authorize", "cckit_open_store", "cckit_open_keks"}


def test_every_command_asks_unless_its_actor_is_on_the_list() -> None:
    from cckit.core.access import LISTED, OURS, PEOPLE, listed

    for kind in PEOPLE:
        assert not any(listed(kind, cls.__name__) for cls in COMMANDS)
    assert sorted(OURS) == ["process", "system"]
    for kind, actions in LISTED.items():
        assert not actions & {"Erase", "SetHold", "SetPermission", "ApplyConfig", "Unmask"}, kind


@pytest.mark.parametrize("how", FAILURES)
def test_whoever_else_agrees_a_failed_guard_denies(how: str) -> None:
    """The relay alone, in every order."""
    for before in range(3):
        time = Time()
        names = [*(f"agrees{n}" for n in range(before)), "guard", "last"]
        plugins = {
            name: Guard(time, FAILURES[how]) if name == "guard" else Agrees() for name in names
        }
        relay = Relay(plugins, time.ticks)
        for _ in range(5):  # At the third time it is suspended, and denies all the same.
            assert not relay.authorize(ROOT, (), "Erase", "subject/x").allowed
        assert {one.plugin for one in relay.failures} == {"guard"}
        assert any(one.suspended for one in relay.failures)
