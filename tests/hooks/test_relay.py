"""The relay: order, folds, isolation, and what each door promises."""

import re
import threading
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
from trio.testing import trio_test

from cckit import Config, ConfigError, PluginError, Refused, Stored, open_center
from cckit.core import facts as f
from cckit.core.ask import Candidate, Ranking, Verdict, Waiting
from cckit.core.commands import Enqueue, LogIn, ReportArrived, SetReady
from cckit.core.engine import Machine
from cckit.core.events import Actor, event
from cckit.core.ids import AgentId, ContactId, QueueId
from cckit.core.instant import Instant, Span
from cckit.hooks import FactoryHooks, PolicyHooks, RegisterHooks, Relay, hookimpl
from cckit.hooks.health import Running, Watchdog
from cckit.stores.memory import MemoryStore

ANNA = Actor("agent", "anna")
WAITING = Waiting(ContactId("c"), QueueId("q"), "voice", 0, Instant(0), "")
CANDIDATES = [Candidate(AgentId(a), Instant(0), 0, 0, Span(0), 0) for a in ("anna", "ben")]


class Ticks:
    """A clock that stands still unless a plugin moves it."""

    def __init__(self) -> None:
        self.at = 0

    def __call__(self) -> int:
        return self.at


def relay(*plugins: object, ticks: Callable[[], int] | None = None) -> Relay:
    return Relay({f"p{n}": plugin for n, plugin in enumerate(plugins)}, ticks or Ticks())


class Guard(PolicyHooks):
    """Answers with what it is given; an exception is raised."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    @hookimpl
    def cckit_authorize(
        self, actor: Actor, roles: Sequence[str], action: str, target: str
    ) -> Verdict | None:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer(roles) if callable(self.answer) else self.answer


class Ranks(PolicyHooks):
    def __init__(self, *agents: str, answer: Any = None) -> None:
        self.agents = agents
        self.answer = answer

    @hookimpl
    def cckit_rank_agents(
        self, contact: Waiting, candidates: Sequence[Candidate]
    ) -> Ranking | None:
        if isinstance(self.answer, BaseException):
            raise self.answer
        if self.answer is not None:
            return self.answer
        return Ranking([AgentId(a) for a in self.agents], "mine") if self.agents else None


YES, NO = Verdict(True, "yes"), Verdict(False, "no")


# --- policy -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([], Verdict(True)),
        ([YES], Verdict(True, "yes", "p0")),
        ([YES, NO], Verdict(False, "no", "p1")),
        ([NO, YES], Verdict(False, "no", "p0")),
        ([None, YES], Verdict(True, "yes", "p1")),
        ([None], Verdict(False, "no rule allows it")),
        ([YES, RuntimeError()], Verdict(False, "the plugin that guards this failed", "p1")),
        ([YES, "yes"], Verdict(False, "the plugin that guards this failed", "p1")),
    ],
)
def test_hook_cckit_authorize(answers: list[Any], verdict: Verdict) -> None:
    """The strictest of all answers; it fails closed."""
    doors = relay(*map(Guard, answers))
    assert doors.guarded == bool(answers)
    assert doors.authorize(ANNA, (), "SetReady", "agent/anna") == verdict


@pytest.mark.parametrize(
    ("plugins", "ranking"),
    [
        ([], None),
        ([Ranks("ben", "anna")], Ranking(("ben", "anna"), "mine", "p0")),
        ([Ranks("ben"), Ranks("anna")], Ranking(("ben",), "mine", "p0")),
        ([Ranks(), Ranks("anna")], Ranking(("anna",), "mine", "p1")),
        ([Ranks(answer=RuntimeError()), Ranks("anna")], Ranking(("anna",), "mine", "p1")),
        ([Ranks("stranger"), Ranks("anna")], Ranking(("anna",), "mine", "p1")),
        ([Ranks("ben", "ben")], None),
        ([Ranks(answer=("ben",))], None),
    ],
)
def test_hook_cckit_rank_agents(plugins: list[Any], ranking: Ranking | None) -> None:
    """The first answer; it fails open, to the strategy's order."""
    doors = relay(*plugins)
    assert doors.ranks == bool(plugins)
    assert doors.rank_agents(WAITING, CANDIDATES) == ranking


class Liar(Sequence[AgentId]):
    """A sequence that fails while it is read."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> Any:
        raise RuntimeError("planted")


ANNA_FIRST = [AgentId("anna")]
UNUSABLE = [
    Ranking(ANNA_FIRST, None),
    Ranking(ANNA_FIRST, 5),
    Ranking(ANNA_FIRST, "x" * 4097),
    Ranking(ANNA_FIRST, "\ud800"),
    Ranking(None, "x"),
    Ranking([["anna"]], "x"),
    Ranking(5, "x"),
    Ranking(Liar(), "x"),
]


@pytest.mark.parametrize("answer", UNUSABLE, ids=lambda answer: repr(answer)[:40])
def test_a_ranking_of_wrong_content_is_the_plugins_failure(answer: Any) -> None:
    doors = relay(Ranks(answer=answer), Ranks("ben"))
    assert doors.rank_agents(WAITING, CANDIDATES) == Ranking(("ben",), "mine", "p1")
    assert [(one.plugin, one.hook) for one in doors.failures] == [("p0", "cckit_rank_agents")]


@pytest.mark.parametrize(
    "answer",
    [Verdict(None), Verdict("no"), Verdict(1), Verdict(True, None), Verdict(True, "\ud800")],
    ids=repr,
)
def test_a_verdict_of_wrong_content_denies(answer: Any) -> None:
    doors = relay(Guard(YES), Guard(answer))
    verdict = doors.authorize(ANNA, (), "SetReady", "agent/anna")
    assert verdict == Verdict(False, "the plugin that guards this failed", "p1")
    assert [one.plugin for one in doors.failures] == ["p1"]


# --- isolation ----------------------------------------------------------------------------


def test_a_plugin_that_raises_is_recorded_without_what_it_said() -> None:
    doors = relay(Guard(ValueError("+972500000")))
    doors.authorize(ANNA, (), "SetReady", "agent/anna")
    assert doors.failures == [f.PluginFailed("p0", "cckit_authorize", "ValueError", False)]


def test_a_plugin_that_would_end_the_program_fails_like_any_other() -> None:
    doors = relay(Guard(SystemExit(3)))
    doors.authorize(ANNA, (), "SetReady", "agent/anna")
    assert doors.failures == [f.PluginFailed("p0", "cckit_authorize", "SystemExit", False)]


def test_three_failures_in_a_hundred_calls_suspend() -> None:
    guard = Guard(lambda roles: 1 // len(roles) and YES)
    doors = relay(guard)
    for n in range(1, 400):
        doors.authorize(ANNA, () if n % 60 == 0 else ("x",), "SetReady", "agent/anna")
    assert [failed.suspended for failed in doors.failures] == [False] * 6
    for _ in range(2):
        doors.authorize(ANNA, (), "SetReady", "agent/anna")
    assert doors.failures[-1].suspended
    guard.answer = YES
    assert not doors.authorize(ANNA, ("x",), "SetReady", "agent/anna").allowed


def test_a_suspended_pleaser_leaves_the_others_alone() -> None:
    doors = relay(Ranks(answer=RuntimeError()), Ranks("ben"))
    for _ in range(10):
        assert doors.rank_agents(WAITING, CANDIDATES) == Ranking(("ben",), "mine", "p1")
    assert len(doors.failures) == 3


@pytest.mark.parametrize(
    ("took_us", "named", "suspended"),
    [(50_000, False, False), (50_001, True, False), (1_000_001, True, True)],
)
def test_who_is_slow_is_named_and_who_is_very_slow_suspended(
    took_us: int, named: bool, suspended: bool
) -> None:
    ticks = Ticks()

    def slow(_: Sequence[str]) -> Verdict:
        ticks.at += took_us
        return YES

    doors = relay(Guard(slow), ticks=ticks)
    assert doors.authorize(ANNA, (), "SetReady", "agent/anna").allowed == (not suspended)
    assert bool(doors.failures) == named
    if named:
        error = f"took {took_us} us"
        assert doors.failures == [f.PluginFailed("p0", "cckit_authorize", error, suspended)]
    assert doors.authorize(ANNA, (), "SetReady", "agent/anna").allowed == (not suspended)


def test_a_call_that_does_not_return_is_named_once_with_its_stack() -> None:
    said: list[str] = []
    watchdog = Watchdog(said.append)
    watchdog.look()
    watchdog.running = Running("slow", "cckit_authorize", threading.get_ident())
    watchdog.look()
    assert said == []
    watchdog.look()
    watchdog.look()
    [text] = said
    assert "plugin slow does not return from cckit_authorize" in text
    assert "test_a_call_that_does_not_return_is_named_once_with_its_stack" in text


# --- order and loading --------------------------------------------------------------------


def test_plugins_are_asked_in_the_order_of_the_configuration() -> None:
    asked: list[str] = []

    def note(name: str) -> Callable[[Sequence[str]], None]:
        return lambda _: asked.append(name)

    relay(*(Guard(note(name)) for name in "abc")).authorize(ANNA, (), "x", "y")
    assert asked == ["a", "b", "c"]


def test_a_method_that_matches_no_door_is_named() -> None:
    class Typo(PolicyHooks):
        @hookimpl
        def cckit_authorise(self) -> None: ...

    with pytest.raises(PluginError, match="cckit_authorise"):
        relay(Typo())


def test_an_implementation_takes_only_the_arguments_that_it_wants() -> None:
    class Short:
        @hookimpl
        def cckit_authorize(self, target: str) -> Verdict:
            return Verdict(target == "agent/anna", "by target")

    assert relay(Short()).authorize(ANNA, (), "SetReady", "agent/anna").allowed
    assert not relay(Short()).authorize(ANNA, (), "SetReady", "agent/ben").allowed


def test_an_argument_that_no_door_hands_out_is_named() -> None:
    class Wrong:
        @hookimpl
        def cckit_authorize(self, actor: Actor, colour: str) -> None: ...

    with pytest.raises(PluginError, match="colour"):
        relay(Wrong())


def test_a_plugin_that_fails_while_it_loads_is_named() -> None:
    class Broken(RegisterHooks):
        @hookimpl
        def cckit_register_events(self) -> Sequence[type]:
            raise RuntimeError("planted")

    with pytest.raises(PluginError, match=r"plugin p0, cckit_register_events.*planted"):
        relay(Broken()).collect("cckit_register_events")


def test_what_is_no_sequence_is_named() -> None:
    class Broken(RegisterHooks):
        @hookimpl
        def cckit_register_events(self) -> Any:
            return 5

    with pytest.raises(PluginError, match="answered int"):
        relay(Broken()).collect("cckit_register_events")


# --- register -----------------------------------------------------------------------------


@event("test.thing_happened", version=1)
class ThingHappened:
    n: int


class Named:
    types: tuple[type, ...] = ()
    orders: tuple[type, ...] = ()

    def __init__(self, name: str) -> None:
        self.name = name


class Registers(RegisterHooks):
    """Registers what it is given, whatever the door."""

    def __init__(self, *items: Any) -> None:
        self.items = items


def registering(hook: str, *items: Any) -> Any:
    def answer(self: Any) -> Any:
        return items

    answer.__name__ = hook
    return type("Plugin", (RegisterHooks,), {hook: hookimpl(answer)})()


@pytest.mark.parametrize(
    "hook",
    [
        "cckit_register_events",
        "cckit_register_upcasters",
        "cckit_register_machines",
        "cckit_register_projections",
        "cckit_register_processes",
        "cckit_register_reactors",
        "cckit_register_channels",
        "cckit_register_first_roles",
        "cckit_register_roles",
    ],
)
def test_what_is_registered_is_collected_in_load_order(hook: str) -> None:
    one, two, three = object(), object(), object()
    doors = relay(registering(hook, one, two), registering(hook), registering(hook, three))
    assert doors.collect(hook) == [("p0", one), ("p0", two), ("p2", three)]


@trio_test
async def test_hook_cckit_register_events() -> None:
    """They are declared in the log before the run starts."""
    plugin = registering("cckit_register_events", ThingHappened)
    async with open_center(Config(), plugins={"p": plugin}) as center:
        types = (f.SchemaDeclared, f.RunStarted)
        found = [d async for b in center.read(types=types) for _, d in b]
    assert found[-2].declared == "test.thing_happened"
    assert type(found[-1]) is f.RunStarted


@pytest.mark.parametrize(
    ("hook", "items", "says"),
    [
        ("cckit_register_events", [int], "@event"),
        ("cckit_register_upcasters", [int], "Upcaster(name, version, lift)"),
        ("cckit_register_projections", [Named("a"), Named("a")], "a name of its own"),
        ("cckit_register_processes", [Named("")], "a name of its own"),
        ("cckit_register_reactors", [Named("a:b")], "a name of its own"),
        ("cckit_register_channels", [object()], "a name of its own"),
    ],
)
@trio_test
async def test_what_can_not_be_registered_is_named(hook: str, items: Any, says: str) -> None:
    with pytest.raises(PluginError, match=re.escape(says)):
        async with open_center(Config(), plugins={"p": registering(hook, *items)}):
            pass


def test_hook_cckit_register_machines() -> None:
    assert relay(registering("cckit_register_machines", 1)).collect("cckit_register_machines") == [
        ("p0", 1)
    ]


@trio_test
async def test_hook_cckit_register_projections() -> None:
    plugin = registering("cckit_register_projections", Named("a"), Named("b"))
    async with open_center(Config(), plugins={"p": plugin}) as center:
        assert [one.name for one in center.projections] == ["a", "b"]


def test_hook_cckit_register_processes() -> None:
    """What one does in a center stands in tests/shell/test_plugins.py."""
    assert (
        len(relay(registering("cckit_register_processes", 1)).collect("cckit_register_processes"))
        == 1
    )


def test_hook_cckit_register_reactors() -> None:
    """What one does in a center stands in tests/shell/test_plugins.py."""
    assert (
        len(relay(registering("cckit_register_reactors", 1)).collect("cckit_register_reactors"))
        == 1
    )


def test_hook_cckit_register_channels() -> None:
    """What one does in a center stands in tests/shell/test_plugins.py."""
    assert (
        len(relay(registering("cckit_register_channels", 1)).collect("cckit_register_channels"))
        == 1
    )


@trio_test
async def test_hook_cckit_register_first_roles() -> None:
    """Given by the system, once, while nobody holds a role."""
    store = MemoryStore("center", bytes(16))
    plugin = registering("cckit_register_first_roles", ("root", "admin"))
    for _ in range(2):
        async with open_center(Config(), log=store.reopen(), plugins={"p": plugin}) as center:
            found = [one async for b in center.read(types=[f.PermissionChanged]) for one in b]
            assert [data for _, data in found] == [f.PermissionChanged("root", "admin", True)]
            assert found[0][0].actor.kind == "system"


@trio_test
async def test_hook_cckit_register_roles() -> None:
    """No other role is given, and somebody must hold one: see tests/plugins/permissions."""
    plugin = registering("cckit_register_roles", "guest")
    with pytest.raises(ConfigError, match="nobody holds a role"):
        async with open_center(Config(), plugins={"p": plugin}):
            pass


@attrs.frozen
class Weighs:
    stream: str
    weight: float


@event("test.weighed", version=1)
class Weighed:
    weight: float


@pytest.mark.parametrize(
    ("hook", "item", "field"),
    [
        (
            "cckit_register_machines",
            Machine("scales", (Weighs,), (), dict, lambda *_: (), lambda *_: None),
            "Weighs.weight",
        ),
        ("cckit_register_events", Weighed, "Weighed.weight"),
        (
            "cckit_register_machines",
            Machine("scales", (int,), (), dict, lambda *_: (), lambda *_: None),
            "int",
        ),
    ],
)
@trio_test
async def test_a_class_that_can_not_be_stored_is_named_at_open(
    hook: str, item: Any, field: str
) -> None:
    with pytest.raises(PluginError, match=field) as caught:
        async with open_center(Config(), plugins={"p": registering(hook, item)}):
            pass
    assert caught.value.where == "plugin p"


class Configured(RegisterHooks):
    def __init__(self) -> None:
        self.settings: Any = None

    @hookimpl
    def cckit_configure(self, settings: Any) -> None:
        if "bad" in settings:
            raise ConfigError("configured.bad", "can't be", "take it out")
        self.settings = settings


@trio_test
async def test_hook_cckit_configure() -> None:
    """Each plugin gets its own table, before it registers anything."""
    one, other = Configured(), Configured()
    config = Config(settings={"one": {"a": 1}})
    async with open_center(config, plugins={"one": one, "other": other}) as center:
        assert (one.settings, other.settings) == ({"a": 1}, {})
        found = [d async for b in center.read(types=[f.ConfigApplied]) for _, d in b]
    assert [(data.kind, data.id) for data in found] == [("center", "center"), ("one", "one")]


@trio_test
async def test_a_table_that_a_plugin_refuses_or_does_not_take_opens_nothing() -> None:
    with pytest.raises(ConfigError, match=r"configured\.bad"):
        async with open_center(Config(settings={"one": {"bad": 1}}), plugins={"one": Configured()}):
            pass
    with pytest.raises(ConfigError, match="takes no settings"):
        async with open_center(Config(settings={"one": {}}), plugins={"one": Guard(YES)}):
            pass


# --- factory ------------------------------------------------------------------------------


class Opens(FactoryHooks):
    def __init__(self, scheme: str) -> None:
        self.scheme = scheme
        self.store = MemoryStore("center", bytes(16))

    @hookimpl
    def cckit_open_store(self, url: str) -> Any:
        return self.store if url.startswith(self.scheme) else None


@trio_test
async def test_hook_cckit_open_store() -> None:
    """Exactly one plugin opens a URL; none or two are an error."""
    a, b = Opens("a://"), Opens("b://")
    async with open_center(Config(), log="b://x", plugins={"a": a, "b": b}) as center:
        end = center.position
    assert a.store.head().position is None
    with pytest.raises(ConfigError, match="no loaded plugin"):
        async with open_center(Config(), log="c://x", plugins={"a": a}):
            pass
    with pytest.raises(ConfigError, match="opened by a, again"):
        plugins = {"a": Opens("a://"), "again": Opens("a://")}
        async with open_center(Config(), log="a://x", plugins=plugins):
            pass
    head = b.store.reopen().head()
    assert head.position == end - 1


# --- in a center --------------------------------------------------------------------------


@trio_test
async def test_a_failing_guard_denies_and_is_recorded() -> None:
    config = Config.parse("[agents.anna]")
    async with open_center(config, plugins={"guard": Guard(RuntimeError())}) as center:
        refused = await center.do(LogIn(AgentId("anna")), actor=ANNA)
        assert isinstance(refused, Refused)
        assert refused.reason == "access.refused"
        failed = (await anext(center.subscribe(0, [f.PluginFailed])))[0][1]
        assert failed == f.PluginFailed("guard", "cckit_authorize", "RuntimeError", False)
        # The floor stands, and who is not guarded goes on.
        assert isinstance(await center.do(LogIn(AgentId("anna"))), Stored)
        assert isinstance(await center.do(SetReady(AgentId("anna"))), Stored)


@pytest.mark.parametrize(
    "answer", [*UNUSABLE, Ranking(ANNA_FIRST, "x" * 4096)], ids=lambda answer: repr(answer)[:40]
)
@trio_test
async def test_a_center_offers_whatever_a_ranking_answers(answer: Any) -> None:
    config = Config.parse("[queues.support]\n[agents.anna]\n[agents.ben]")
    async with open_center(config, plugins={"ranks": Ranks(answer=answer)}) as center:
        for name in ("anna", "ben"):
            await center.do(LogIn(AgentId(name)))
            await center.do(SetReady(AgentId(name)))
        arrived = await center.do(ReportArrived("voice"))
        queued = await center.do(Enqueue(arrived.contact, QueueId("support")))
        assert queued.offer in center.state.offers
        failed = [d async for b in center.read(types=[f.PluginFailed]) for _, d in b]
        broken = [d async for b in center.read(types=[f.InvariantBroken]) for _, d in b]
    assert (len(failed), broken) == (answer in UNUSABLE, [])


@trio_test
async def test_the_run_says_what_guards_it() -> None:
    async with open_center(Config()) as center:
        started = [d async for b in center.read(types=[f.RunStarted]) for _, d in b]
    async with open_center(Config(), plugins={"guard": Guard(YES)}) as center:
        guarded = [d async for b in center.read(types=[f.RunStarted]) for _, d in b]
    assert (started[0].authorize, guarded[0].authorize) == (False, True)
    assert guarded[0].versions["plugins"] == "guard"


class KnowsQueues(RegisterHooks):
    """Refuses a queue that the center has not."""

    def __init__(self) -> None:
        self.queues: Any = None

    @hookimpl
    def cckit_check_queues(self, queues: Any) -> None:
        if "sales" not in queues:
            raise ConfigError("knows.queue", "'sales' can't be", f"name one of {queues}")
        self.queues = queues


@trio_test
async def test_hook_cckit_check_queues() -> None:
    """Each plugin is told the queues of the configuration; the file stands before what it says."""
    plugin = KnowsQueues()
    async with open_center(Config.parse("[queues.sales]"), plugins={"knows": plugin}):
        assert plugin.queues == ("sales",)
    with pytest.raises(ConfigError, match=r"^CENTER\.toml: knows\.queue: 'sales' can't be"):
        async with open_center(Config.parse("[queues.help]"), plugins={"knows": KnowsQueues()}):
            pass
