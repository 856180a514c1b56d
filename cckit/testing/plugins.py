"""What every plugin owes, as a function that needs no pytest.

It loads, matches the doors, registers the same things each time it is asked, brings
events that a log can hold under names of its own, projections whose dumps are canonical,
and machines and policies that are pure.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from cckit.core.codec import digest
from cckit.core.errors import CckitError, UsageError
from cckit.core.facts import FACTS
from cckit.core.registry import Registry
from cckit.core.upcasters import UPCASTERS
from cckit.hooks import Relay
from cckit.shell.plugins import available

from .machines import MACHINE_RULES
from .policies import Make, check_policy


def check_plugin(plugin: str | Make) -> tuple[str, ...]:
    """Put a plugin to the test; the names of the rules that held, in order.

    ``plugin``: its name in entry points of group ``cckit``, or what makes an instance.

    :raises AssertionError: it begins with the name of the rule that is broken.

    .. versionadded:: 0.1
    """
    name, make = (plugin, _maker(plugin)) if isinstance(plugin, str) else ("plugin", plugin)
    for rule, check in RULES:
        try:
            check(name, make)
        except (AssertionError, CckitError, TypeError, ValueError, AttributeError) as error:
            raise AssertionError(f"{rule}: {error}") from error
    return tuple(rule for rule, _ in RULES)


def _maker(name: str) -> Make:
    point = available().get(name)
    if point is None:
        raise AssertionError(f"is_installed: no entry point of group cckit is called {name!r}")
    made: Make = point.load()
    return made


def _relay(name: str, make: Make) -> Relay:
    relay = Relay({name: make()}, lambda: 0)
    relay.configure(name, {})
    return relay


def _items(relay: Relay, hook: str) -> list[Any]:
    return [item for _, item in relay.collect(hook)]


# --- rules --------------------------------------------------------------------------------


def fits_the_doors(name: str, make: Make) -> None:
    """Each hook implementation matches a specification; none wraps."""
    _relay(name, make)


def brings_events_of_its_own(name: str, make: Make) -> None:
    """Its events can be stored, no name of ours is taken, no step has two upcasters."""
    relay = _relay(name, make)
    upcasters = (*UPCASTERS, *_items(relay, "cckit_register_upcasters"))
    Registry((*FACTS, *_items(relay, "cckit_register_events")), upcasters)


def registers_the_same_each_time(name: str, make: Make) -> None:
    """What it registers depends on nothing but its settings."""
    one = _items(_relay(name, make), "cckit_register_events")
    if one != _items(_relay(name, make), "cckit_register_events"):
        raise AssertionError("other event classes at the second time")
    for hook in NAMED:
        names = [_name(item) for item in _items(_relay(name, make), hook)]
        if names != [_name(item) for item in _items(_relay(name, make), hook)]:
            raise AssertionError(f"{hook}: other names at the second time")


def names_each_thing_once(name: str, make: Make) -> None:
    """Projections, processes, reactors and channels have names of their own."""
    for hook in NAMED:
        names = [_name(item) for item in _items(_relay(name, make), hook)]
        if len(set(names)) < len(names) or not all(names) or any(":" in n for n in names):
            raise AssertionError(f"{hook}: {names!r}")


def reads_only_known_events(name: str, make: Make) -> None:
    """What it wants to see is made by ``@event``."""
    relay = _relay(name, make)
    known = {*FACTS, *_items(relay, "cckit_register_events")}
    for hook in ("cckit_register_projections", "cckit_register_processes"):
        for item in _items(relay, hook):
            strangers = [cls for cls in item.types if cls not in known]
            if strangers:
                raise AssertionError(f"{item.name} reads {strangers!r}")
    for machine in _items(relay, "cckit_register_machines"):
        strangers = [cls for cls in machine.seen if cls not in known]
        if strangers:
            raise AssertionError(f"machine {machine.name} sees {strangers!r}")


def decides_frozen_commands(name: str, make: Make) -> None:
    """Its commands are frozen attrs classes that name their stream."""
    for machine in _items(_relay(name, make), "cckit_register_machines"):
        for command in machine.commands:
            if not attrs.has(command) or "stream" not in attrs.fields_dict(command):
                raise UsageError(command.__qualname__, "names no stream", "give it a `stream`")
            if command.__setattr__ is object.__setattr__:
                raise UsageError(command.__qualname__, "can be changed", "use @attrs.frozen")


def dumps_canonically(name: str, make: Make) -> None:
    """A projection's first state has one encoding, the same from two instances."""
    one = _items(_relay(name, make), "cckit_register_projections")
    other = _items(_relay(name, make), "cckit_register_projections")
    for a, b in zip(one, other, strict=True):
        if digest(a.dump(a.initial())) != digest(b.dump(b.initial())):
            raise AssertionError(f"{a.name} begins differently each time")


def machines_are_sound(name: str, make: Make) -> None:
    """Its machines answer purely, and wait for instants; see ``cckit.testing.machines``."""
    for machine in _items(_relay(name, make), "cckit_register_machines"):
        for check in MACHINE_RULES:
            check(machine)


def answers_purely(name: str, make: Make) -> None:
    """Its policies hold ``check_policy``."""
    check_policy(make)


def _name(item: Any) -> str:
    found = getattr(item, "name", "")
    return found if isinstance(found, str) else ""


NAMED: Final = (
    "cckit_register_projections",
    "cckit_register_processes",
    "cckit_register_reactors",
    "cckit_register_channels",
)
RULES: Final[Sequence[tuple[str, Callable[[str, Make], None]]]] = [
    (rule.__name__, rule)
    for rule in (
        fits_the_doors,
        brings_events_of_its_own,
        registers_the_same_each_time,
        names_each_thing_once,
        reads_only_known_events,
        decides_frozen_commands,
        dumps_canonically,
        machines_are_sound,
        answers_purely,
    )
]
