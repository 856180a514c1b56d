"""The only file that calls pluggy, and the ``Ask`` of a running center.

pluggy calls the last registered first and stops at the first exception; so the relay
walks the implementations itself, in the order of the configuration, each isolated and
timed by the clock it is handed. A plugin that fails is named in ``failures``, which the
writer turns into ``plugin.failed``. Guards (``authorize``) fail closed, pleasers open.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import pluggy

from cckit.core.ask import Candidate, Ranking, Verdict, Waiting
from cckit.core.edges import TEXT_BYTES
from cckit.core.engine import Machine, MachineFailed
from cckit.core.errors import CckitError, ConfigError, PluginError, Refused
from cckit.core.events import Actor, Recorded
from cckit.core.facts import PluginFailed
from cckit.core.ids import AgentId
from cckit.core.projection import Canonical
from cckit.core.shapes import is_utf8

from .channel import Bounded
from .factory import FactoryHooks
from .health import NAMED_US, SUSPENDED_US, Health, Running, Watchdog
from .markers import PROJECT
from .policy import PolicyHooks
from .register import RegisterHooks
from .store import Store
from .vault import Keks

SPECS: Final = (RegisterHooks, PolicyHooks, FactoryHooks)
STORE: Final = ("claim", "append", "read", "head", "reader", "close")
KEKS: Final = ("read", "add", "destroy")
"""What is made by a factory has these methods."""
Implementation = tuple[str, Callable[..., Any]]
T = TypeVar("T")


class Failed:
    """Stands for the answer of a call that failed."""


FAILED: Final = Failed()


class Wrong(Exception):
    """An answer that can't be used; says why, without a value of it."""


class Relay:
    """One center's plugins, behind typed methods.

    ``plugins``: name to instance, in the order of the configuration. ``ticks``: a
    monotonic clock in microseconds.

    :raises PluginError: a method that matches no specification, or a wrapper.
    """

    def __init__(
        self,
        plugins: Mapping[str, object],
        ticks: Callable[[], int],
        say: Callable[[str], None] | None = None,
    ) -> None:
        manager = pluggy.PluginManager(PROJECT)
        for spec in SPECS:
            manager.add_hookspecs(spec)
        try:
            for name, plugin in plugins.items():
                manager.register(plugin, name)
            manager.check_pending()
        except pluggy.PluginValidationError as error:
            name = str(manager.get_name(error.plugin))
            remedy = "see the hooks' reference"
            raise PluginError(f"plugin {name}", str(error), remedy) from error
        self.failures: list[PluginFailed] = []
        self.watchdog = Watchdog(say if say is not None else _silent)
        self._ticks = ticks
        self._health = {name: Health() for name in plugins}
        self._machines: dict[str, str] = {}
        self._walks = {hook: _in_order(manager, hook, plugins) for hook in _hooks(manager)}
        self.guarded = bool(self._walks["cckit_authorize"])
        """An authorize hook is loaded."""
        self.abilities: dict[str, frozenset[str]] = {}
        """Channel to what it can do, of those that say."""
        self.bounded = False
        """A channel says what it can do."""
        self.ranks = bool(self._walks["cckit_rank_agents"])
        """A ranking hook is loaded."""

    # --- register -------------------------------------------------------------------------

    def configure(
        self, name: str, settings: Mapping[str, Canonical], queues: Sequence[str] = ()
    ) -> bool:
        """Hand a plugin its table, and the names of the queues; False if it takes no table.

        :raises ConfigError: what the plugin refuses.
        """
        taken = self._load_own("cckit_configure", name, settings=settings)
        if queues:
            self._load_own("cckit_check_queues", name, queues=queues)
        return taken

    def _load_own(self, hook: str, name: str, **arguments: Any) -> bool:
        """Call one plugin's implementation; False if it has none."""
        for plugin, function in self._walks[hook]:
            if plugin == name:
                self._load(hook, plugin, function, **arguments)
                return True
        return False

    def collect(self, hook: str) -> list[tuple[str, Any]]:
        """What the plugins register: (plugin, item), in load order.

        :raises PluginError: a plugin raised, or answered with no sequence.
        """
        found: list[tuple[str, Any]] = []
        for plugin, function in self._walks[hook]:
            items = self._load(hook, plugin, function)
            if not isinstance(items, Sequence) or isinstance(items, str):
                what = f"answered {type(items).__name__}"
                raise PluginError(f"plugin {plugin}, {hook}", what, "return a sequence")
            found.extend((plugin, item) for item in items)
        return found

    def isolated(self, plugin: str, machine: Machine) -> Machine:
        """The machine, its decisions counted; it stands still once its plugin is suspended."""
        health = self._health[plugin]
        self._machines[machine.name] = plugin

        def initial() -> Any:
            return None if health.suspended else machine.initial()

        def decide(state: Any, command: Any, *rest: Any) -> Any:
            if health.suspended:
                what = f"the plugin {plugin} is suspended"
                remedy = "see plugin.failed; open the center again"
                return Refused("plugin.suspended", str(command.stream), what, remedy)
            health.called()
            return machine.decide(state, command, *rest)

        def evolve(state: Any, recorded: Recorded[Any]) -> None:
            # No call is counted: a center that mends itself makes the past's again.
            if not health.suspended:
                machine.evolve(state, recorded)

        def due(state: Any) -> Any:
            return None if health.suspended or machine.due is None else machine.due(state)

        def key(recorded: Recorded[Any]) -> Any:
            # What a suspended machine has folded is let be: nothing belongs to it.
            return None if health.suspended or machine.key is None else machine.key(recorded)

        def over(state: Any) -> bool:
            return not health.suspended and machine.over is not None and machine.over(state)

        return machine._replace(
            initial=initial,
            decide=decide,
            evolve=evolve,
            due=machine.due and due,
            key=machine.key and key,
            over=machine.over and over,
        )

    @property
    def machines_stand_still(self) -> bool:
        """Whether some machine does not hear what happens: then its states can't be kept."""
        return any(self._health[plugin].suspended for plugin in self._machines.values())

    def machine_failed(self, failed: MachineFailed, suspend: bool = False) -> None:
        """Count a failure of a machine; ``suspend`` where its state can't be made."""
        plugin = self._machines[failed.machine]
        if suspend:
            self._health[plugin].suspended = True
        self.fail(plugin, f"machine {failed.machine}", type(failed.error).__name__)

    # --- factory --------------------------------------------------------------------------

    def open_store(self, url: str) -> Store:
        """The store that exactly one plugin opens.

        :raises ConfigError: none or several open it.
        """
        found: list[tuple[str, Store]] = []
        for plugin, function in self._walks["cckit_open_store"]:
            store = self._load("cckit_open_store", plugin, function, url=url)
            if store is not None:
                _check_made("cckit_open_store", plugin, store, STORE)
                found.append((plugin, store))
        if len(found) != 1:
            for _, store in found:
                store.close()
            names = ", ".join(plugin for plugin, _ in found) or "no loaded plugin"
            remedy = "name exactly one plugin that opens such a store in [center] plugins"
            raise ConfigError(url, f"opened by {names}", remedy)
        return found[0][1]

    def open_keks(self, log_id: bytes) -> Keks | None:
        """Who keeps the KEKs of a log; None if no plugin does.

        :raises ConfigError: several do.
        """
        found: list[tuple[str, Keks]] = []
        for plugin, function in self._walks["cckit_open_keks"]:
            keks = self._load("cckit_open_keks", plugin, function, log_id=log_id)
            if keks is not None:
                _check_made("cckit_open_keks", plugin, keks, KEKS)
                found.append((plugin, keks))
        if len(found) > 1:
            names = ", ".join(plugin for plugin, _ in found)
            remedy = "let one plugin keep them"
            raise ConfigError("cckit_open_keks", f"the KEKs are kept by {names}", remedy)
        return found[0][1] if found else None

    # --- policy ---------------------------------------------------------------------------

    def declare(self, channels: Iterable[object]) -> None:
        """Take in what channels say that they can do."""
        for channel in channels:
            if isinstance(channel, Bounded):
                self.abilities[channel.name] = frozenset(channel.abilities)  # type: ignore[attr-defined]
        self.bounded = bool(self.abilities)

    def able(self, adapter: str, order: str) -> bool:
        """Tell whether an adapter carries out such orders; "" is any of them."""
        if adapter:
            can = self.abilities.get(adapter)
            return can is None or order in can
        return any(order in can for can in self.abilities.values())

    def authorize(self, actor: Actor, roles: Sequence[str], action: str, target: str) -> Verdict:
        """The strictest of all answers; denied if none allows or one fails."""
        verdict: Verdict | None = None
        for plugin, answer in self._ask(
            "cckit_authorize", _verdict, actor=actor, roles=roles, action=action, target=target
        ):
            if isinstance(answer, Failed):
                return Verdict(False, "the plugin that guards this failed", plugin)
            if not answer.allowed:
                return Verdict(False, answer.reason, plugin)
            verdict = verdict or Verdict(True, answer.reason, plugin)
        if verdict is None:
            return Verdict(not self.guarded, "no rule allows it" if self.guarded else "")
        return verdict

    def rank_agents(self, waiting: Waiting, candidates: Sequence[Candidate]) -> Ranking | None:
        """The first answer; None keeps the strategy's order, as a failure does."""
        named = {candidate.agent: candidate.agent for candidate in candidates}
        for plugin, answer in self._ask(
            "cckit_rank_agents", partial(_ranking, named), contact=waiting, candidates=candidates
        ):
            if not isinstance(answer, Failed):
                return Ranking(answer.agents, answer.reason, plugin)
        return None

    # --- one call -------------------------------------------------------------------------

    def _ask(
        self, hook: str, read: Callable[[Any], T], **arguments: Any
    ) -> Iterator[tuple[str, T | Failed]]:
        """Each implementation's answer but None, one at a time, as ``read`` takes it."""
        for plugin, function in self._walks[hook]:
            answer = self._call(hook, plugin, function, read, arguments)
            if answer is not None:
                yield plugin, answer

    def _call(
        self,
        hook: str,
        plugin: str,
        function: Callable[..., Any],
        read: Callable[[Any], T],
        arguments: Mapping[str, Any],
    ) -> T | Failed | None:
        health = self._health[plugin]
        if health.suspended:
            return FAILED
        health.called()
        self.watchdog.running = Running(plugin, hook, threading.get_ident())
        started = self._ticks()
        try:
            # An answer can be code as well, so it is read in here.
            given = function(**arguments)
            answer = None if given is None else read(given)
        except Wrong as wrong:
            self.fail(plugin, hook, str(wrong))
            return FAILED
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it is the plugin's
            self.fail(plugin, hook, type(error).__name__)
            return FAILED
        finally:
            self.watchdog.running = None
        took_us = self._ticks() - started
        if took_us > NAMED_US:
            self._slow(plugin, hook, took_us)
        # Who took so long has not answered: a guard then denies.
        return FAILED if took_us > SUSPENDED_US else answer

    def _slow(self, plugin: str, hook: str, took_us: int) -> None:
        if took_us > SUSPENDED_US:
            self._health[plugin].suspended = True
        error = f"took {took_us} us"
        self.failures.append(PluginFailed(plugin, hook, error, self._health[plugin].suspended))

    def fail(self, plugin: str, hook: str, error: str) -> None:
        """Count a failure and have it recorded."""
        # The message of an exception may hold personal data; its type does not.
        health = self._health[plugin]
        health.failed()
        self.failures.append(PluginFailed(plugin, hook, error, health.suspended))

    def is_suspended(self, plugin: str) -> bool:
        """Whether a plugin may not be called any more."""
        return self._health[plugin].suspended

    def _load(self, hook: str, plugin: str, function: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return function(**arguments)
        except CckitError:
            raise
        except (Exception, SystemExit) as error:
            remedy = "repair it or take it out of [center] plugins"
            raise PluginError(f"plugin {plugin}, {hook}", repr(error), remedy) from error


def _check_made(hook: str, plugin: str, made: object, methods: Sequence[str]) -> None:
    """:raises PluginError: it is another thing than the hook makes."""
    if isinstance(made, type) or not all(callable(getattr(made, one, None)) for one in methods):
        what = f"answered {type(made).__name__}"
        remedy = f"return an object with {', '.join(methods)}, or None"
        raise PluginError(f"plugin {plugin}, {hook}", what, remedy)


def _verdict(answer: Any) -> Verdict:
    """:raises Wrong: what no verdict can be; a guard never allows by mistake."""
    if not isinstance(answer, Verdict):
        raise Wrong(f"answered {type(answer).__name__}")
    if type(answer.allowed) is not bool:
        raise Wrong(f"allowed is {type(answer.allowed).__name__}, no bool")
    return Verdict(answer.allowed, _reason(answer.reason))


def _ranking(named: Mapping[AgentId, AgentId], answer: Any) -> Ranking:
    """:raises Wrong: what no ranking of these agents can be."""
    if not isinstance(answer, Ranking):
        raise Wrong(f"answered {type(answer).__name__}")
    try:
        agents = tuple(named[agent] for agent in answer.agents)
    except (TypeError, KeyError):
        agents = ()
    if not agents or len(set(agents)) < len(agents):
        raise Wrong("ranked none, one twice, or a stranger")
    return Ranking(agents, _reason(answer.reason))


def _reason(reason: Any) -> str:
    """:raises Wrong: what no event can hold."""
    if type(reason) is not str:
        raise Wrong(f"the reason is {type(reason).__name__}, no text")
    if not is_utf8(reason) or len(reason.encode()) > TEXT_BYTES:
        raise Wrong(f"the reason is not UTF-8 of at most {TEXT_BYTES} bytes")
    return reason


def _silent(_: str) -> None:
    return None


def _hooks(manager: pluggy.PluginManager) -> list[str]:
    return [name for name in vars(manager.hook) if name.startswith("cckit_")]


def _in_order(
    manager: pluggy.PluginManager, hook: str, plugins: Mapping[str, object]
) -> tuple[Implementation, ...]:
    order = list(plugins)
    found = getattr(manager.hook, hook).get_hookimpls()
    if any(one.wrapper or one.hookwrapper for one in found):
        names = ", ".join(one.plugin_name for one in found if one.wrapper or one.hookwrapper)
        raise PluginError(f"plugin {names}, {hook}", "wraps a call", "use plain hookimpl")
    ranked = sorted(found, key=lambda one: order.index(one.plugin_name))
    return tuple((one.plugin_name, _fitting(one.function, one.argnames)) for one in ranked)


def _fitting(function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """An implementation takes those arguments of its specification that it wants."""
    return lambda **arguments: function(*[arguments[name] for name in names])
