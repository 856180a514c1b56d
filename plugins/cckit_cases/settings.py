"""The plugin's table of ``CENTER.toml``.

::

    [cases]
    window_h = 24                  # contacts of one person so near are one matter
    open_for = ["email", "chat"]   # these open a case by themselves
    merge = ["chat"]               # who is served elsewhere no longer waits here
    kind = "general"               # of the cases that open by themselves

    [cases.kinds.general]
    response_m = 60                # until somebody first answers
    resolution_h = 48              # until it is resolved; waiting for the customer apart
    reopen_days = 7
"""

from collections.abc import Mapping
from typing import Any, Final

from cckit.core import HOUR, MINUTE, Canonical, ConfigError
from cckit.core.instant import DAY

from .policy import Kind, Rules

KEYS: Final = ("window_h", "open_for", "merge", "kind", "kinds")
KIND_KEYS: Final = ("response_m", "resolution_h", "reopen_days")


def read(table: Mapping[str, Canonical]) -> Rules:
    """Check the table.

    :raises ConfigError: a key or value that can't be.
    """
    _known(table, "", KEYS)
    kinds = table.get("kinds", {})
    if not isinstance(kinds, Mapping):
        raise _wrong("kinds", "write tables [cases.kinds.NAME]")
    rules = Rules(
        {name: _kind(name, kinds[name]) for name in sorted(kinds)},
        _whole(table, "window_h", "window_h", 24) * HOUR,
        _names(table, "open_for"),
        _names(table, "merge"),
        str(table.get("kind", "general")),
    )
    if rules.kinds and rules.kind not in rules.kinds:
        raise _wrong("kind", f"{rules.kind!r} is no kind; use {', '.join(rules.kinds)}")
    return rules


def _kind(name: str, table: Any) -> Kind:
    path = f"kinds.{name}"
    if not isinstance(table, Mapping):
        raise _wrong(path, "write a table")
    _known(table, f"{path}.", KIND_KEYS)
    return Kind(
        _whole(table, "response_m", f"{path}.response_m", 0) * MINUTE,
        _whole(table, "resolution_h", f"{path}.resolution_h", 0) * HOUR,
        _whole(table, "reopen_days", f"{path}.reopen_days", 7) * DAY,
    )


def _known(table: Mapping[str, Any], path: str, keys: tuple[str, ...]) -> None:
    for key in table:
        if key not in keys:
            raise _wrong(path + key, f"use {', '.join(keys)}")


def _whole(table: Mapping[str, Any], key: str, path: str, plain: int) -> int:
    value = table.get(key, plain)
    if type(value) is not int or not 0 <= value <= 10_000:
        raise _wrong(path, "give a whole number from 0 to 10000")
    return value


def _names(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, ())
    if not isinstance(value, list | tuple) or not all(type(one) is str and one for one in value):
        raise _wrong(key, 'write a list of channels, ["chat", "email"]')
    return tuple(value)


def _wrong(key: str, remedy: str) -> ConfigError:
    return ConfigError(f"cases.{key}", "can't be so", remedy)
