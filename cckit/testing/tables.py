"""What an operator wrote in TOML, read key by key: every fault names file, key and value."""

import tomllib
from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from cckit.core.errors import ConfigError
from cckit.core.instant import SECOND, Span
from cckit.core.need import parse

from .draws import Endless, Exponential, Fixed, Lengths, Lognormal, Uniform

LONGEST_S: Final = 10**9
"""About thirty years: what is longer is a mistake in units."""
DISTRIBUTIONS: Final[dict[str, tuple[str, ...]]] = {
    "fixed": ("s",),
    "exponential": ("mean_s",),
    "uniform": ("from_s", "to_s"),
    "lognormal": ("mean_s", "sd_s"),
    "endless": (),
}


def read_toml(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return a file's table and its bytes.

    :raises ConfigError: it can't be read, is not UTF-8 or not TOML.
    """
    try:
        raw = path.read_bytes()
        return tomllib.loads(raw.decode("utf-8-sig")), raw
    except OSError as error:
        raise ConfigError(path.name, f"can't be read: {error.strerror}", "name a file") from error
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8"
        raise ConfigError(path.name, what, "save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path.name, f"not TOML: {error}", "mend the line") from error


class Table:
    """One table of a file. Keys that are not among ``allowed`` are refused at once."""

    def __init__(self, file: str, path: str, data: Any, allowed: Sequence[str]) -> None:
        self.file = file
        self.path = path
        if not isinstance(data, dict):
            raise ConfigError(self.where(), f"{data!r} is not a table", f"give {_list(allowed)}")
        self.data = data
        for key in data:
            if key not in allowed:
                raise self.fault(key, f"no such key {key!r}", f"allowed are {_list(allowed)}")

    def where(self, key: str = "") -> str:
        dotted = ".".join(part for part in (self.path, key) if part)
        return f"{self.file}: {dotted}" if dotted else self.file

    def fault(self, key: str, what: str, remedy: str) -> ConfigError:
        """Return what is wrong with one key, to be raised."""
        return ConfigError(self.where(key), what, remedy)

    def has(self, key: str) -> bool:
        return key in self.data

    def need(self, key: str, remedy: str) -> Any:
        """Return a value that must be there."""
        if key not in self.data:
            raise self.fault(key, "is missing", remedy)
        return self.data[key]

    def text(self, key: str, default: str | None = None) -> str:
        value = self.data.get(key, default)
        if value is None:
            raise self.fault(key, "is missing", "give a text")
        if not isinstance(value, str) or len(value) > 200 or not (value or default == ""):
            raise self.fault(key, f"{value!r} is not a name", "give 1 to 200 characters")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.data.get(key, [])
        if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
            raise self.fault(key, f"{values!r} is not a list of names", 'write ["one", "two"]')
        return tuple(values)

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value = self.data.get(key, default)
        allowed = f"a whole number from {low} to {high}"
        if value is None:
            raise self.fault(key, "is missing", f"give {allowed}")
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.fault(key, f"{value!r} is not {allowed}", f"give {allowed}")
        return value

    def number(self, key: str, high: float, default: float | None = None, low: float = 0) -> float:
        value = self.data.get(key, default)
        if value is None:
            raise self.fault(key, "is missing", f"give a number from {low} to {high}")
        return self.as_number(key, value, high, low)

    def as_number(self, key: str, value: Any, high: float, low: float = 0) -> float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        if not fits or not low <= value <= high:
            allowed = f"a number from {low} to {high}"
            raise self.fault(key, f"{value!r} is not {allowed}", f"give {allowed}")
        return float(value)

    def seconds(self, key: str, default: float | None = None, low: float = 0) -> Span:
        """Return a length given in seconds as microseconds."""
        return Span(round(self.number(key, LONGEST_S, default, low) * SECOND))

    def requirement(self, key: str, default: str | None = None) -> str | None:
        """Return a need, "he >= 2 and billing >= 1"."""
        if key not in self.data:
            return default
        value = self.text(key, "")
        try:
            return parse(value).text
        except ValueError as error:
            raise self.fault(key, str(error), 'write "he >= 2 and billing >= 1"') from error

    def levels(self, key: str, low: int = 1, high: int = 5) -> dict[str, int]:
        """Return skill to level, or another name to a whole number, sorted."""
        inner = self.data.get(key, {})
        table = Table(self.file, f"{self.path}.{key}", inner, tuple(inner))
        return {name: table.whole(name, low, high) for name in sorted(inner)}

    def clock(self, key: str, value: Any = None) -> time:
        """Return a civil time of day."""
        value = self.data.get(key) if value is None else value
        if isinstance(value, time):
            return value
        try:
            return time.fromisoformat(value)
        except (TypeError, ValueError):
            raise self.fault(key, f"{value!r} is no time of day", 'write "08:30"') from None

    def civil(self, key: str) -> datetime:
        """Return a civil date and time, without offset."""
        value = self.need(key, "write 2026-03-02T08:00:00")
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if not isinstance(value, datetime) or value.tzinfo is not None:
            what = f"{value!r} is no civil date and time"
            raise self.fault(key, what, "write 2026-03-02T08:00:00, without an offset")
        return value

    def lengths(self, key: str, default: Lengths | None = None) -> Lengths:
        """Return a distribution: ``{ kind = "exponential", mean_s = 180 }``."""
        if key not in self.data and default is not None:
            return default
        known = _list(DISTRIBUTIONS)
        value = self.need(key, f'write {{ kind = "exponential", mean_s = 180 }}; kinds: {known}')
        kind = value.get("kind") if isinstance(value, dict) else None
        if kind not in DISTRIBUTIONS:
            raise self.fault(f"{key}.kind", f"{kind!r} is no distribution", f"allowed are {known}")
        path = f"{self.path}.{key}" if self.path else key
        return _lengths(kind, Table(self.file, path, value, ("kind", *DISTRIBUTIONS[kind])))

    def tables(self, key: str, allowed: Sequence[str]) -> "list[Table]":
        """Return the tables of ``[[key]]``, at least one."""
        found = self.need(key, f"write at least one [[{key}]]")
        if not isinstance(found, list) or not found:
            raise self.fault(key, "is not a list of tables", f"write at least one [[{key}]]")
        return [Table(self.file, f"{key}[{n}]", one, allowed) for n, one in enumerate(found)]


def _lengths(kind: str, table: Table) -> Lengths:
    if kind == "fixed":
        return Fixed(table.seconds("s"))
    if kind == "exponential":
        return Exponential(table.seconds("mean_s"))
    if kind == "lognormal":
        return Lognormal(table.seconds("mean_s", low=0.001), table.seconds("sd_s"))
    if kind == "endless":
        return Endless()
    low, high = table.seconds("from_s"), table.seconds("to_s")
    if high < low:
        raise table.fault("to_s", f"{high} us is less than from_s", "give at least from_s")
    return Uniform(low, high)


def _list(names: Sequence[str] | dict[str, Any]) -> str:
    return ", ".join(names)
