"""The page of machines, drawn from the transition tables that the floor runs on."""

import sys
from collections.abc import Iterator, Mapping
from enum import IntEnum
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from cckit.core import agent, contact, leg, offer, queue
from cckit.core.events import kind_of

ROOT = Path(__file__).parents[1]
NOTE = "<!-- Written by docs/generate.py from {source}. Do not edit: nox -s docs -->\n"
HEAD = """# Machines

Each thing on the floor is a small machine: a state, and a table of which event leads from
which state to which. Only what stands in a table can happen; an event that no table knows
is a bug of ours and reaches no log. One event may move several machines.
"""
Event = type | tuple[type, str]
"""A class of facts, or one and the word that it says."""
Moves = Mapping[tuple[IntEnum, Event], IntEnum]

CORE = (
    ("Contact", contact, "From its arrival to its one closing."),
    ("Queue entry", queue, "One wait: what holds a place in line."),
    ("Offer", offer, "A contact for an agent; its id is the fence, and it has one ending."),
    ("Slot", agent, "An agent's part in one contact."),
    ("Leg", leg, "Who is on the line: a customer, an agent, somebody outside, who listens."),
)


def word(state: IntEnum) -> str:
    return state.name.lower()


def named(event: Event) -> str:
    """What moves a machine: ``case.state_set resolved``."""
    cls, said = event if isinstance(event, tuple) else (event, "")
    return f"{kind_of(cls).name} {said}".rstrip()


def diagram(moves: Moves) -> Iterator[str]:
    """Yield a state diagram in Mermaid: arrows between the same states bear all their events."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    arrows: dict[tuple[IntEnum, IntEnum], list[str]] = {}
    for (before, event), after in moves.items():
        arrows.setdefault((before, after), []).append(named(event))
    states = dict.fromkeys(state for pair in arrows for state in pair)
    yield f"    [*] --> {word(min(states))}"
    for (before, after), names in sorted(arrows.items()):
        yield f"    {word(before)} --> {word(after)} : {', '.join(sorted(names))}"
    for state in states:
        if not any(before is state for before, _ in arrows):
            yield f"    {word(state)} --> [*]"
    yield "```\n"


def table(moves: Moves) -> Iterator[str]:
    """Yield the transitions as rows."""
    yield "| state | event | next |"
    yield "| --- | --- | --- |"
    rows = ((before, named(event), after) for (before, event), after in moves.items())
    for before, name, after in sorted(rows):
        yield f"| {word(before)} | `{name}` | {word(after)} |"
    yield ""


def of_plugins() -> Iterator[tuple[str, ModuleType]]:
    """Yield each plugin that has a table, by name."""
    sys.path.insert(0, str(ROOT / "plugins"))
    for file in sorted((ROOT / "plugins").glob("cckit_*/machine.py")):
        module = import_module(f"{file.parent.name}.machine")
        if hasattr(module, "MOVES"):
            yield file.parent.name, module


def section(title: str, moves: Any, about: str) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"{about}\n"
    yield from diagram(moves)
    yield from table(moves)


def machines_page() -> str:
    out = [NOTE.format(source="the tables MOVES of cckit/core and of the plugins"), HEAD]
    for title, module, about in CORE:
        out.extend(section(title, module.MOVES, about))
    for name, module in of_plugins():
        about = (module.__doc__ or "").strip().partition("\n\n")[0]
        out.extend(section(f"`{name}`", module.MOVES, about))
    return "\n".join(out)
