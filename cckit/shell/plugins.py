"""Loading: only the plugins that the configuration names, in that order.

They are found by the entry points of group ``cckit``, or handed in by the embedding
program. What they register is collected once and checked here.
"""

import platform
from collections.abc import Mapping
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import Any, Final

import attrs

from cckit.core.commands import sayings
from cckit.core.engine import Machine
from cckit.core.errors import ConfigError, PluginError
from cckit.core.process import AnyProcess
from cckit.core.projection import AnyProjection
from cckit.core.registry import Upcaster
from cckit.core.shapes import fields_of
from cckit.hooks import Channel, Eraser, Reactor, Relay

from .config import Config

GROUP: Final = "cckit"
DISTRIBUTION: Final = "cckit-sdk"


@attrs.frozen(slots=True)
class Loaded:
    """A center's plugins and what they brought; each item with its plugin's name."""

    relay: Relay
    versions: dict[str, str]
    """For ``run.started``."""
    events: tuple[type, ...]
    upcasters: tuple[Upcaster, ...]
    machines: tuple[Machine, ...]
    projections: tuple[AnyProjection, ...]
    processes: tuple[tuple[str, AnyProcess], ...]
    reactors: tuple[tuple[str, Reactor], ...]
    channels: tuple[tuple[str, Channel], ...]
    erasers: tuple[tuple[str, Eraser], ...]
    roles: tuple[str, ...]
    """The roles that may be given; none where any may."""
    first_roles: tuple[tuple[str, str], ...]


def available() -> dict[str, EntryPoint]:
    """The installed plugins by name; nothing is imported."""
    return {point.name: point for point in sorted(entry_points(group=GROUP))}


def instantiate(config: Config, given: Mapping[str, object]) -> dict[str, object]:
    """An instance of each configured plugin, then those given, in order.

    :raises ConfigError: a name that no installed plugin has, or one that stands twice.
    :raises PluginError: it can't be imported or made.
    """
    installed = available()
    plugins: dict[str, object] = {}
    for name in config.plugins:
        if name in given:
            plugins[name] = given[name]
            continue
        point = installed.get(name)
        if point is None:
            allowed = ", ".join(installed) or "none is installed"
            what = f"{name!r} is no installed plugin"
            raise ConfigError(f"{config.file}: center.plugins", what, f"use {allowed}")
        plugins[name] = _make(name, point)
    for name, plugin in given.items():
        plugins.setdefault(name, plugin)
    return plugins


def _make(name: str, point: EntryPoint) -> object:
    where = f"plugin {name}"
    try:
        return point.load()()
    except ModuleNotFoundError as error:
        remedy = f"pip install '{DISTRIBUTION}[{name}]'"
        raise PluginError(where, f"needs the module {error.name}", remedy) from error
    except Exception as error:
        raise PluginError(where, repr(error), "repair it or take it out of the list") from error


def load(config: Config, given: Mapping[str, object], relay: Relay) -> Loaded:
    """Configure the plugins and collect what they register.

    :raises ConfigError: a table for a plugin that takes none, or that it refuses.
    :raises PluginError: an item of another kind, or a name that stands twice.
    """
    for name in given:
        taken = _configured(config, name, relay)
        if not taken and name in config.settings:
            remedy = "take the table out"
            raise ConfigError(f"{config.file}: {name}", "this plugin takes no settings", remedy)
    events = relay.collect("cckit_register_events")
    for plugin, cls in events:
        if not isinstance(cls, type) or "__event__" not in cls.__dict__:
            what = f"registers {cls!r} as an event"
            raise PluginError(f"plugin {plugin}", what, "decorate the class with @event")
        _check_fields(plugin, cls)
    upcasters = relay.collect("cckit_register_upcasters")
    for plugin, item in upcasters:
        if not isinstance(item, Upcaster):
            what = f"registers {item!r} as an upcaster"
            raise PluginError(f"plugin {plugin}", what, "return Upcaster(name, version, lift)")
    machines = _named(relay, "cckit_register_machines")
    seen: set[type] = set()
    for plugin, machine in machines:
        for command in machine.commands:
            if command in seen:
                what = f"registers a second machine for {command.__qualname__}"
                raise PluginError(f"plugin {plugin}", what, "let one machine decide a command")
            seen.add(command)
            _check_fields(plugin, command)
            _check_silent(plugin, command)
    channels = _named(relay, "cckit_register_channels")
    relay.declare(channel for _, channel in channels)
    return Loaded(
        relay=relay,
        versions=versions_of(given),
        events=tuple(cls for _, cls in events),
        upcasters=tuple(item for _, item in upcasters),
        machines=tuple(relay.isolated(*one) for one in machines),
        projections=tuple(item for _, item in _named(relay, "cckit_register_projections")),
        processes=_named(relay, "cckit_register_processes"),
        reactors=_named(relay, "cckit_register_reactors"),
        channels=channels,
        erasers=_named(relay, "cckit_register_erasers"),
        roles=tuple(dict.fromkeys(role for _, role in relay.collect("cckit_register_roles"))),
        first_roles=tuple(pair for _, pair in relay.collect("cckit_register_first_roles")),
    )


def _configured(config: Config, name: str, relay: Relay) -> bool:
    """:raises ConfigError: what the plugin refuses, with the file."""
    try:
        return relay.configure(name, config.settings.get(name, {}), tuple(config.queues))
    except ConfigError as error:
        raise ConfigError(f"{config.file}: {error.where}", error.what, error.remedy) from error


def _check_fields(plugin: str, cls: type) -> None:
    """:raises PluginError: no attrs class, or a field of a type that can't be stored."""
    try:
        fields_of(cls)
    except (TypeError, NameError, attrs.exceptions.NotAnAttrsClassError) as error:
        remedy = "see the field types in cckit.core.events"
        raise PluginError(f"plugin {plugin}", f"{cls.__qualname__}: {error}", remedy) from error


def _check_silent(plugin: str, command: type) -> None:
    """:raises PluginError: a repr, which ends in logs and traces, that says who somebody is."""
    said = {one.field for one in sayings(command)}
    for field in attrs.fields(command):
        if field.name in said and field.repr is True:
            what = f"{command.__qualname__}.{field.name} shows in its repr what it says of people"
            remedy = "make the command with @command of cckit.core"
            raise PluginError(f"plugin {plugin}", what, remedy)


def _named(relay: Relay, hook: str) -> tuple[tuple[str, Any], ...]:
    found = relay.collect(hook)
    names: set[str] = set()
    for plugin, item in found:
        name = getattr(item, "name", None)
        if not isinstance(name, str) or not name or ":" in name or name in names:
            what = f"registers {item!r} without a name of its own"
            raise PluginError(f"plugin {plugin}, {hook}", what, "give each one a name, no colon")
        names.add(name)
    return tuple(found)


def versions_of(plugins: Mapping[str, object]) -> dict[str, str]:
    """Versions of cckit, of Python and of the plugins, whose order ``plugins`` tells."""
    found = {"cckit": _version(DISTRIBUTION), "python": platform.python_version()}
    if plugins:
        found["plugins"] = " ".join(plugins)
    for name, plugin in plugins.items():
        found[f"plugin.{name}"] = str(getattr(plugin, "version", found["cckit"]))
    return dict(sorted(found.items()))


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"
