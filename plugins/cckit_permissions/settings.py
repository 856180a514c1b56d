"""The plugin's table of ``CENTER.toml``.

::

    [permissions]
    first_admin = "root"              # holds "admin" until somebody else holds a role

    [permissions.roles.auditor]       # besides agent, supervisor, admin; or instead of one
    any = ["Deflect"]

    [permissions.teams.north]
    leads = ["dana"]
    agents = ["anna", "ben"]
"""

from collections.abc import Mapping
from typing import Any

import attrs

from cckit.core import Canonical, ConfigError
from cckit.core.commands import COMMANDS

from .policy import ROLES, Role, Rules

ACTIONS = frozenset(cls.__name__ for cls in COMMANDS)


@attrs.frozen(slots=True)
class Settings:
    """What the table says."""

    first_admin: str | None = None
    rules: Rules = attrs.field(factory=Rules)


def read(table: Mapping[str, Canonical]) -> Settings:
    """Check the table.

    :raises ConfigError: a key or value that can't be.
    """
    _only(table, ("first_admin", "roles", "teams"), "permissions")
    first = table.get("first_admin")
    if first is not None and (not isinstance(first, str) or not first):
        raise _wrong("permissions.first_admin", "give the id of a person")
    roles = {
        name: _role(given, f"permissions.roles.{name}")
        for name, given in _table(table.get("roles", {}), "permissions.roles").items()
    }
    leads: dict[str, frozenset[str]] = {}
    for name, given in _table(table.get("teams", {}), "permissions.teams").items():
        path = f"permissions.teams.{name}"
        team = _table(given, path)
        _only(team, ("leads", "agents"), path)
        agents = frozenset(_texts(team.get("agents", []), f"{path}.agents"))
        for lead in _texts(team.get("leads", []), f"{path}.leads"):
            leads[lead] = leads.get(lead, frozenset()) | agents
    return Settings(first, Rules({**ROLES, **roles}, leads))


def _role(given: Any, path: str) -> Role:
    table = _table(given, path)
    _only(table, ("own", "team", "any"), path)
    found = {key: frozenset(_texts(table[key], f"{path}.{key}")) for key in table}
    for key, actions in found.items():
        # A plugin's commands have names that nobody knows here, but they have capitals.
        for action in sorted(actions - ACTIONS - {"*"}):
            if not action.isidentifier() or not action[0].isupper():
                raise _wrong(f"{path}.{key}", f"{action!r} is no command; use names like SetReady")
    return Role(**found)


def _table(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(path, "make it a table")
    return value


def _only(table: Mapping[str, Any], keys: tuple[str, ...], path: str) -> None:
    for key in table:
        if key not in keys:
            raise _wrong(f"{path}.{key}", f"use {', '.join(keys)}")


def _texts(value: Any, path: str) -> list[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise _wrong(path, "give a list of texts")
    return list(value)


def _wrong(path: str, remedy: str) -> ConfigError:
    return ConfigError(path, "can't be so", remedy)
