"""Reading a mapping file: every key is known, or named in an error.

A ``Table`` is taken apart key by key; ``done`` refuses what nobody asked for, so that a
misspelt key is found and not ignored.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cckit.core.errors import ConfigError


class Table:
    """One table of a TOML document, with its place in the file."""

    def __init__(self, file: str, content: Mapping[str, Any], path: str = "") -> None:
        self.file = file
        self.path = path
        self._content = dict(content)
        self._asked: set[str] = set()

    def error(self, key: str, what: str, remedy: str) -> ConfigError:
        """An error about one key of this table."""
        return ConfigError(f"{self.file}: {self._at(key)}", what, remedy)

    def take(self, key: str) -> Any:
        """The raw value, or None where the key is absent."""
        self._asked.add(key)
        return self._content.get(key)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; without a default it has to be there."""
        value = self.take(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self._wrong(key, value, "a text in quotes")
        return value

    def choice(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        """One word of a closed list."""
        value = self.text(key, default)
        if value not in allowed:
            raise self.error(key, f"{value!r} is not allowed", f"use one of {', '.join(allowed)}")
        return value

    def number(self, key: str, default: int) -> int:
        """A whole number, 0 or more."""
        value = self.take(key)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
            raise self._wrong(key, value, "a whole number from 0 to 2^53")
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts, or one text alone."""
        value = self.take(key)
        if value is None and default is not None:
            return default
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._wrong(key, value, "a list of texts")
        return tuple(value)

    def table(self, key: str) -> "Table":
        """A table below this one; an absent one is empty."""
        value = self.take(key)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self._wrong(key, value, "a table")
        return Table(self.file, value, self._at(key))

    def tables(self, key: str) -> "tuple[Table, ...]":
        """A list of tables, ``[[key]]``; an absent one is empty."""
        value = self.take(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise self._wrong(key, value, f"tables, each headed [[{self._at(key)}]]")
        return tuple(
            Table(self.file, one, f"{self._at(key)}[{n}]") for n, one in enumerate(value, 1)
        )

    def __iter__(self) -> Iterator[str]:
        """All keys, in the order of the file."""
        return iter(self._content)

    def done(self) -> None:
        """Refuse the keys that nobody asked for."""
        for key in self._content:
            if key not in self._asked:
                known = ", ".join(sorted(self._asked))
                raise self.error(key, "is no key of this table", f"the keys are {known}")

    def _at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _wrong(self, key: str, value: object, wanted: str) -> ConfigError:
        what = "is missing" if value is None else f"{value!r} is not {wanted}"
        return self.error(key, what, f"give {wanted}")
