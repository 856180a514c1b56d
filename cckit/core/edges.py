"""What a command may hold: exact types, bounds, text that UTF-8 can hold.

Whoever sends it, a command passes ``check`` before it is decided: a test generated per
class, about a microsecond, that refuses what the log could not hold. Commands in JSON
come through ``interchange`` first.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple, get_args, get_type_hints

import attrs

from .commands import (
    COMMANDS,
    ApplyConfig,
    Dial,
    Enqueue,
    MoveChannel,
    Recall,
    ReportArrived,
    ReportLink,
    ReportMessage,
    ReportSessions,
    Send,
    SetAttributes,
    SetMode,
    SetPermission,
)
from .errors import Refused
from .events import ACTOR_KINDS, PERSONAL, Actor
from .ids import EntryId, LegId, OfferId, Stream
from .instant import Instant, Span
from .shapes import INT_MAX, INT_MIN, SCALARS, Shape, is_utf8, shape_of

NAME_CHARS: Final = 128
"""Of a name: an id, a channel, a skill, a key of a map, an item of a list; never none."""
TEXT_BYTES: Final = 4096
BYTES_MAX: Final = 32 * 1024
ITEMS_MAX: Final = 256
ITEMS_BYTES: Final = 16 * 1024
"""Of all texts in a list or map, so that no command outgrows the event it leads to."""
MESSAGE_BYTES: Final = 16 * 1024
"""Of a message, which is text that people write."""
SESSIONS_MAX: Final = 65_536
"""Of one adapter: its list is whole, or who is left out of it would count as gone."""
EXACT_MAX: Final = 2**53 - 1
"""The largest integer that JSON and JavaScript keep exact."""

WRONG_TYPE: Final = "command.wrong_type"
OUT_OF_RANGE: Final = "command.out_of_range"
NOT_TEXT: Final = "command.not_text"
TOO_LONG: Final = "command.too_long"
BAD_NAME: Final = "command.bad_name"
UNKNOWN: Final = "command.unknown"

_BY_TYPE: Final[Mapping[Any, tuple[int, int]]] = {
    Instant: (0, EXACT_MAX),
    Span: (0, EXACT_MAX),
    LegId: (0, INT_MAX),
    OfferId: (0, INT_MAX),
    EntryId: (0, INT_MAX),
}
_BY_NAME: Final[Mapping[str, tuple[int, int]]] = {
    "priority": (-1_000_000, 1_000_000),
    "lane": (0, 2),
    "budget": (0, 1_000_000),
    "skills": (1, 5),
    "channels": (0, 1_000_000),
    "set_position": (0, INT_MAX),
}

_PYTHON: Final[Mapping[str, Any]] = {**SCALARS, "[]": tuple, "{}": dict}


class Words(NamedTuple):
    """What a name may be made of."""

    pattern: re.Pattern[str]
    quick: str
    """A test that holds for most good values of ASCII, in Python; ``{v}`` is the value."""
    remedy: str


_CONTROLS: Final = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
NAME: Final = Words(
    re.compile(f"[^{_CONTROLS}]+"), "{v}.isprintable()", "send no control characters"
)
ID: Final = Words(
    re.compile(f"[^/{_CONTROLS}]+"),
    '{v}.isprintable() and "/" not in {v}',
    "send neither a slash nor control characters",
)
CHANNEL: Final = Words(re.compile(r"[\w.-]+"), "{v}.isalnum()", "send letters, digits, _ - or .")
DIRECTION: Final = Words(re.compile("in|out"), '{v} in ("in", "out")', "send in or out")
KIND: Final = Words(
    re.compile("|".join(ACTOR_KINDS)), "False", f"send one of {', '.join(ACTOR_KINDS)}"
)

_WORDS: Final[Mapping[tuple[type, str], Words]] = {
    (ReportArrived, "channel"): CHANNEL,
    (ReportArrived, "direction"): DIRECTION,
    (ApplyConfig, "kind"): NAME,
    (ApplyConfig, "id"): ID,
    (SetPermission, "who"): ID,
    (SetPermission, "role"): NAME,
    (SetMode, "scope"): NAME,
    (SetMode, "mode"): NAME,
    (Dial, "channel"): CHANNEL,
    (Recall, "channel"): CHANNEL,
    (MoveChannel, "channel"): CHANNEL,
    (ReportLink, "adapter"): NAME,
    (ReportSessions, "adapter"): NAME,
}
"""Of fields that are plain text by their type."""

_TEXTS: Final = frozenset(
    ((Enqueue, "steps"), (ReportMessage, "files"), (SetAttributes, "values"))
)
"""Lists and maps whose items are any text, and no names."""
_BYTES: Final[Mapping[tuple[type, str], int]] = {
    (ReportMessage, "body"): MESSAGE_BYTES,
    (Send, "body"): MESSAGE_BYTES,
}
"""Of texts that may be longer than ``TEXT_BYTES``."""
_ITEMS: Final[Mapping[tuple[type, str], int]] = {
    (ReportSessions, "legs"): SESSIONS_MAX,
    (ReportSessions, "strangers"): SESSIONS_MAX,
}
"""Of lists that may be longer than ``ITEMS_MAX``."""


class Rule(NamedTuple):
    """What one field of a command may hold."""

    name: str
    shape: Shape
    low: int
    high: int
    words: Words | None
    """Its text is a name of these; None is any text."""
    bytes: int = TEXT_BYTES
    """Of a text at most."""
    items: int = ITEMS_MAX
    """Of a list or map at most."""
    named: bool = True
    """The items of a list or map are names."""


_SENDER: Final = (
    Rule("actor.kind", Shape("str"), 0, 0, KIND),
    Rule("actor.id", Shape("str"), 0, 0, NAME),
    Rule("request", Shape("?", Shape("str")), 0, 0, None),
    Rule("occurred_at", Shape("?", Shape("int")), 0, EXACT_MAX, None),
)


# --- commands built in Python ---------------------------------------------------------------


def check(command: object) -> Refused | None:
    """Refuse a command that holds what no command may hold.

    .. versionadded:: 0.1
    """
    cls: Any = type(command)
    return _checked(cls)(command)


@cache
def _checked(cls: type) -> Callable[[Any], Refused | None]:
    if not attrs.has(cls) or (cls not in COMMANDS and issubclass(cls, COMMANDS)):
        refused = Refused(UNKNOWN, cls.__name__, "this is no command", "send one of the commands")
        return lambda command: refused
    rules = _rules(cls)
    reads = "".join(f"    v{n} = command.{rule.name}\n" for n, rule in enumerate(rules))
    tests = " and ".join(_quick_test(f"v{n}", rule) for n, rule in enumerate(rules))
    source = (
        "def checked(command):\n"
        f"{reads}"
        f"    if {tests or 'True'}:\n"
        "        return None\n"
        "    return EXPLAIN(command)\n"
    )
    scope: dict[str, Any] = {"EXPLAIN": lambda command: _explain(command, rules)}
    scope["HOLDS"] = [_holds(rule) for rule in rules]
    exec(source, scope)
    checked: Callable[[Any], Refused | None] = scope["checked"]
    return checked


def check_sender(actor: object, request: object, occurred_at: object) -> Refused | None:
    """Refuse what no decision may bear: who sends it, under which id, and since when.

    ``actor``: an ``Actor`` of a kind that there is, id of 1 to 128 characters.
    ``request``: text of 1 to 4,096 bytes, or None. ``occurred_at``: an instant from 0 to
    2^53 - 1, or None.

    .. versionadded:: 0.1
    """
    if type(actor) is not Actor:
        what = f"a value of type {type(actor).__name__}"
        return Refused(WRONG_TYPE, "actor", what, "send Actor(kind, id)")
    kind, id = actor
    if (
        occurred_at is None
        and kind in ACTOR_KINDS
        and _quick_name(id)
        and (request is None or _quick_name(request))
    ):
        return None
    for rule, value in zip(_SENDER, (*actor, request, occurred_at), strict=True):
        fault = _fault(value, rule)
        if fault is not None:
            reason, what, remedy = fault
            return Refused(reason, rule.name, what, remedy)
    if request == "":
        return Refused(OUT_OF_RANGE, "request", "an empty id", "give each act its own id, or None")
    return None


def _quick_name(value: object) -> bool:
    """Holds for most good names; what it misses is looked at closely."""
    return (
        type(value) is str
        and 0 < len(value) <= NAME_CHARS
        and (value.isascii() and value.isprintable())
    )


def _rules(cls: type) -> tuple[Rule, ...]:
    hints = get_type_hints(cls, include_extras=True)
    rules = []
    for a in attrs.fields(cls):
        annotation = hints[a.name]
        members = [m for m in get_args(annotation) if m is not type(None)] or [annotation]
        low, high = _BY_TYPE.get(members[0], _BY_NAME.get(a.name, (INT_MIN, INT_MAX)))
        place = (cls, a.name)
        words = _WORDS.get(place)
        if words is None and getattr(members[0], "__supertype__", None) is str:
            words = NAME if members[0] is Stream else ID
        shape = shape_of(annotation)
        if shape.base == PERSONAL and shape.inner is not None:
            shape = shape.inner  # It is in clear on its way in.
        sizes = (_BYTES.get(place, TEXT_BYTES), _ITEMS.get(place, ITEMS_MAX))
        rules.append(Rule(a.name, shape, low, high, words, *sizes, place not in _TEXTS))
    return tuple(rules)


def _quick_test(v: str, rule: Rule) -> str:
    """A test that holds for most good values; what it misses is looked at closely."""
    base = rule.shape.base
    if base == "?" and rule.shape.inner is not None:
        inner = _quick_test(v, rule._replace(shape=rule.shape.inner))
        return f"({v} is None or {inner})"
    if base == "int":
        return f"type({v}) is int and {rule.low} <= {v} <= {rule.high}"
    if base == "str":
        if rule.words is None:
            return f"type({v}) is str and len({v}) <= {rule.bytes} and {v}.isascii()"
        quick = rule.words.quick.format(v=v)
        return f"type({v}) is str and 0 < len({v}) <= {NAME_CHARS} and {v}.isascii() and {quick}"
    if base == "bool":
        return f"({v} is True or {v} is False)"
    return f"HOLDS[{v[1:]}]({v})"


def _holds(rule: Rule) -> Callable[[Any], bool]:
    return lambda value: _fault(value, rule) is None


def _explain(command: Any, rules: Sequence[Rule]) -> Refused | None:
    for rule in rules:
        fault = _fault(getattr(command, rule.name), rule)
        if fault is not None:
            reason, what, remedy = fault
            where = f"{type(command).__name__}.{rule.name.rstrip('_')}"
            return Refused(reason, where, what, remedy)
    return None


def _fault(value: Any, rule: Rule) -> tuple[str, str, str] | None:
    """Reason, what and remedy; the value itself may be personal and stays out."""
    base, inner = rule.shape
    if inner is not None and base == "?":
        return None if value is None else _fault(value, rule._replace(shape=inner))
    if type(value) is not _PYTHON[base]:
        return WRONG_TYPE, f"a value of type {type(value).__name__}", f"send {rule.shape}"
    if base == "int" and not rule.low <= value <= rule.high:
        return OUT_OF_RANGE, "a number out of range", f"send {rule.low} to {rule.high}"
    if base == "str":
        return _text_fault(value, rule.words, rule.bytes)
    if base == "bytes" and len(value) > BYTES_MAX:
        return TOO_LONG, f"{len(value)} bytes", f"send at most {BYTES_MAX}"
    if base in ("[]", "{}") and inner is not None:
        words = NAME if rule.named else None
        return _items_fault(value, rule._replace(shape=inner, words=words))
    return None


def _text_fault(value: str, words: Words | None, most: int) -> tuple[str, str, str] | None:
    if not is_utf8(value):
        return NOT_TEXT, "text with lone surrogates", "send text that UTF-8 can hold"
    if words is not None and not value:
        return OUT_OF_RANGE, "an empty name", f"send 1 to {NAME_CHARS} characters"
    if words is not None and len(value) > NAME_CHARS:
        return TOO_LONG, f"{len(value)} characters", f"send at most {NAME_CHARS}"
    if words is not None and not words.pattern.fullmatch(value):
        return BAD_NAME, "a name that can't be", words.remedy
    if len(value.encode()) > most:
        return TOO_LONG, f"{len(value.encode())} bytes", f"send at most {most}"
    return None


def _items_fault(value: Any, rule: Rule) -> tuple[str, str, str] | None:
    if len(value) > rule.items:
        return TOO_LONG, f"{len(value)} items", f"send at most {rule.items}"
    names, items = (value, value.values()) if type(value) is dict else ((), value)
    key = rule._replace(shape=Shape("str"), words=NAME)
    for part, rules in ((names, key), (items, rule)):
        for one in part:
            fault = _fault(one, rules)
            if fault is not None:
                return fault
    size = sum(len(one.encode()) for one in (*names, *items) if type(one) is str)
    most = max(ITEMS_BYTES, rule.items * ITEMS_BYTES // ITEMS_MAX)
    if size > most:
        return TOO_LONG, f"texts of {size} bytes", f"send at most {most}"
    return None
