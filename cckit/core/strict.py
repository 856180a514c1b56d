"""A body held to everything that the format promises, trusting nothing.

Data is checked against the schema that the log itself declares, never against a loaded
class, so what a plugin wrote is checked without the plugin. One rule stands behind most
of it: decoded and encoded again, the bytes are the same. What slips through that rule
(floats, integers beyond int64, foreign extensions) the exact types refuse.

Of an event that was taken out (``redaction.py``) only its leaf's hash is there. A stream may
then jump over versions, over as many as there are events whose stream nobody knows.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgpack

from .codec import EXPANDED_MAX, SURELY_SMALL, is_name, stamp_fault
from .errors import CckitError
from .facts import SchemaDeclared
from .registry import Registry
from .schema import compile_values, unpack

_DECLARED: Final = ("schema.declared", 1)
_SELF: Final = Registry(()).declarations()[0]
"""What position 0 holds: a constant of the format."""
_BROKEN: Final = (ValueError, TypeError, msgpack.exceptions.UnpackException)

Repack = Callable[[Sequence[Any]], bytes]


class Fault(NamedTuple):
    """The first thing that is wrong in a log.

    .. versionadded:: 0.1
    """

    position: int
    """Of the event, or of the first event of the frame."""
    reason: str


class StrictReader:
    """Checks the bodies of one log, in order from position 0."""

    def __init__(self) -> None:
        self._registry = Registry(())
        self._repack: dict[tuple[str, int], Repack] = {}
        self._versions: dict[str, int] = {}
        self._pack: Callable[[Any], bytes] = msgpack.Packer().pack
        self._unseen = 0
        """Events that were taken out and that no jump of a stream has accounted for."""

    def fault(self, body: bytes, first: int, count: int, redacted: bool = False) -> Fault | None:
        """The first thing wrong in the next body; None if nothing is.

        ``first`` and ``count`` are those of its header, ``redacted`` is its flag.
        """
        try:
            decisions = msgpack.unpackb(body, use_list=False)
            canonical = self._pack(decisions) == body
        except _BROKEN:
            return Fault(first, "the body is no msgpack")
        if not canonical or type(decisions) is not tuple:
            return Fault(first, "the body is not canonical")
        position = first
        for decision in decisions:
            reason = _decision_fault(decision)
            if reason is not None:
                return Fault(position, reason)
            for event in decision[7]:
                if type(event) is bytes and redacted:
                    self._unseen += 1
                    position += 1
                    continue
                reason = self._event_fault(event, position, decision)
                if reason is not None:
                    return Fault(position, reason)
                position += 1
        if position - first != count:
            return Fault(first, f"the header counts {count} events, the body {position - first}")
        return None

    def _event_fault(self, event: Any, position: int, decision: Any) -> str | None:
        if type(event) is not tuple or len(event) != 5:
            return "an event without its five parts"
        stream, stream_version, name, version, data = event
        if not (is_name(stream) and type(data) is bytes):
            return "an event of other types"
        if not self._follows(stream, stream_version):
            return f"stream version {stream_version} after {self._versions.get(stream, 0) - 1}"
        self._versions[stream] = stream_version + 1
        reason = self._data_fault(name, version, data, position)
        if reason is None and len(data) > SURELY_SMALL:
            return self._size_fault(event, position, decision)
        return reason

    def _follows(self, stream: str, version: Any) -> bool:
        expected = self._versions.get(stream, 0)
        if type(version) is not int or not expected <= version <= expected + self._unseen:
            return False
        self._unseen -= version - expected
        return True

    def _data_fault(self, name: Any, version: Any, data: bytes, position: int) -> str | None:
        if not (type(name) is str and type(version) is int):
            return "an event type without name and version"
        repack = self._repack.get((name, version))
        if repack is None:
            if (name, version) == _DECLARED:
                return self._declaration_fault(data, position)
            return f"{name} version {version} is used before it is declared"
        try:
            if repack(unpack(data)) != data:
                return f"{name}: the data is not canonical"
        except _BROKEN:
            return f"{name}: the data does not fit its schema"
        except CckitError as error:
            return f"{error.where}: {error.what}"
        return None

    def _declaration_fault(self, data: bytes, position: int) -> str | None:
        schema = self._registry.by_class[SchemaDeclared]
        try:
            declaration: SchemaDeclared = schema.build(unpack(data))
            if schema.encode(declaration) != data:
                return "schema.declared: the data is not canonical"
            self._registry.admit(declaration)
        except _BROKEN:
            return "schema.declared: the data does not fit its schema"
        except CckitError as error:
            return f"{error.where}: {error.what}"
        if position == 0 and declaration != _SELF:
            return "position 0 does not declare the schema of schemas"
        name, version = declaration.declared, declaration.n
        declared = self._registry.declared(name, version)
        if declared is not None and (name, version) != _DECLARED:
            self._repack[name, version] = compile_values(declared.kind, declared.fields)
        return None

    def _size_fault(self, event: Any, position: int, decision: Any) -> str | None:
        size = len(self._pack((position, *event, *decision[:7])))
        return f"an expanded event of {size} bytes" if size > EXPANDED_MAX else None


def _decision_fault(decision: Any) -> str | None:
    if type(decision) is not tuple or len(decision) != 8:
        return "a decision without its eight parts"
    reason = stamp_fault(decision)
    if reason is None and not (type(decision[7]) is tuple and decision[7]):
        return "a decision without events"
    return reason
