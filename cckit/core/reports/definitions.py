"""What a metric is, as data: a sum of named counts over another, and how both are dated.

A definition's id is ``family.variant@n``; its hash is the SHA-256 of its canonical msgpack,
so a report names exactly what it divided. An edit is a new n; nothing is redefined. There
are no expressions: numerator and denominator are counts with integer weights, and what is no
such sum names a calculation, ``calc``.

Sources of the dialects: ICMI, "Service level definitions" (variants 1 to 5); Cisco Unified
CCE Reporting Concepts (ignore, negative and positive abandon, precision queue); Genesys
Cloud (service level options); Amazon Connect metrics (SERVICE_LEVEL); Asterisk app_queue
(SL, SL2).
"""

from collections.abc import Mapping
from typing import Any, Final

import attrs

from cckit.core.codec import canonical, digest
from cckit.core.errors import ConfigError
from cckit.core.instant import SECOND

LETTERS: Final = ("A", "B", "F", "D", "E")
"""answered, abandoned, flowed out, dequeued, error: how a visit ends."""
COUNTS: Final = frozenset(
    part for name in (*LETTERS, "O") for part in (name, name + "_T", name + "_s", "wait_" + name)
) | {"N"}
"""Of visits. _T: wait <= T; _s: wait < s; wait_: their waits in microseconds;
O = A+B+F+D+E; N never entered a queue."""
UNITS: Final = ("ratio", "mean", "sum", "us")
RULES: Final = ("arrival", "end", "clipped", "event", "outcome")
"""When a row counts: at its begin, its end, in parts, at the event; ``outcome`` dates a visit
at its end or at start + T, whichever is first (Cisco precision queue)."""
FIELDS: Final = frozenset({"channel", "direction", "queue", "customer"})
"""Of a visit, that ``where`` may name."""
CALCS: Final = ("pq@1",)
"""``pq@1``: O_T counts the visits dated by the rule ``outcome``, open ones beyond T too.
Ours may also be ``p90@1`` (nearest rank) and ``max@1`` of the waits that ``num`` names."""


@attrs.frozen(slots=True)
class Definition:
    """A metric: what is added, what it is divided by, and when a row counts."""

    id: str
    """``family.variant@n``; whoever changes it raises n."""
    title: str
    """In words, for people."""
    num: Mapping[str, int]
    """Named counts and their integer weights."""
    den: Mapping[str, int] | None
    """None: the numerator alone, a sum."""
    unit: str = "ratio"
    """``ratio``, ``mean`` or ``sum``."""
    table: str = "visit"
    """``visit``, ``segment`` or ``interval``; a user's own are on visits."""
    where: Mapping[str, tuple[str, ...]] = attrs.field(factory=lambda: {"direction": ("in",)})
    """Field to the values that count; all must match."""
    T: int = 20 * SECOND
    """Microseconds: the promised wait."""
    s: int = 0
    """Microseconds: an abandon earlier than this is a short one."""
    W: int | None = None
    """Microseconds: the window that repeats are sought in."""
    callbacks: str = "out"
    """``out`` drops a visit that keeps its place, ``own`` keeps it open."""
    clock: str = "wall"
    rule: str = "arrival"
    """What dates a visit: ``arrival``, ``end`` or ``outcome`` (its end or start + T)."""
    zone: str | None = None
    """None: the report's."""
    grain: str | None = None
    """None: the report's interval."""
    round: str = "half"
    """``half`` away from zero, or ``truncate``."""
    needs: tuple[str, ...] = ("queue",)
    """What the log must have measured."""
    calc: str | None = None
    """A calculation that is no sum: ``pq@1``."""

    @property
    def name(self) -> str:
        """The id without its version."""
        return self.id.partition("@")[0]

    def map(self) -> dict[str, Any]:
        """The definition as stored: what is hashed."""
        fields = attrs.asdict(self, recurse=False)
        fields["num"] = dict(self.num)
        fields["den"] = None if self.den is None else dict(self.den)
        fields["where"] = {name: list(values) for name, values in self.where.items()}
        fields["needs"] = list(self.needs)
        if self.calc is None:
            del fields["calc"]
        return fields

    def pack(self) -> bytes:
        """Canonical msgpack."""
        return canonical(self.map())

    @property
    def hash(self) -> str:
        """SHA-256 of ``pack()``, as lower-case hex."""
        return digest(self.map()).hex()

    def varied(
        self, T: int | None = None, s: int | None = None, rule: str | None = None
    ) -> "Definition":
        """The same metric with other thresholds or another rule, which its id then names.

        Thresholds are microseconds here and milliseconds in the id: ``sl.offered.T30000@1``.
        """
        name, _, version = self.id.partition("@")
        changes: dict[str, Any] = {}
        if T is not None and T != self.T:
            name += f".T{T // 1000}"
            changes["T"] = T
        if s is not None and s != self.s and any(c.endswith("_s") for c in self.counts):
            name += f".s{s // 1000}"
            changes["s"] = s
        if rule is not None and rule != self.rule and self.rule != "outcome":
            name += f".{rule}"
            changes["rule"] = rule
        return attrs.evolve(self, id=f"{name}@{version}", **changes) if changes else self

    @property
    def counts(self) -> frozenset[str]:
        """The named counts it adds."""
        return frozenset(self.num) | frozenset(self.den or ())


def definition(fields: Mapping[str, Any], where: str = "definition") -> Definition:
    """Read a definition that a user wrote.

    :raises ConfigError: names ``where``, the key, what is wrong and what is allowed.
    """
    known = {field.name for field in attrs.fields(Definition)}
    for key in sorted(set(fields) - known):
        _refuse(
            where, f"{key} is no key of a definition", f"take some of {', '.join(sorted(known))}"
        )
    for key in ("id", "title", "num"):
        if key not in fields:
            _refuse(where, f"{key} is missing", "write it")
    values = dict(fields)
    try:
        values["where"] = {k: tuple(v) for k, v in dict(fields.get("where", {})).items()}
        values["needs"] = tuple(fields.get("needs", ("queue",)))
        values["num"] = dict(fields["num"])
        values["den"] = None if fields.get("den") is None else dict(fields["den"])
    except (TypeError, ValueError) as error:
        _refuse(where, f"a map or list is missing ({error})", "see the reference of definitions")
    read = Definition(**values)
    check(read, where)
    return read


def check(read: Definition, where: str) -> None:
    """Refuse a definition that says what nobody counts.

    :raises ConfigError:
    """
    family, _, version = read.id.partition("@")
    if "." not in family or not version.isdecimal():
        _refuse(where, f"id {read.id!r} is not family.variant@n", "write sl.mine@1")
    for name, weight in [*read.num.items(), *(read.den or {}).items()]:
        if name not in COUNTS:
            _refuse(where, f"{name!r} is no count", f"take some of {', '.join(sorted(COUNTS))}")
        if type(weight) is not int:
            _refuse(where, f"the weight of {name} is no integer", "write 1 or -1")
    for name in sorted(set(read.where) - FIELDS):
        _refuse(where, f"where names {name!r}", f"take some of {', '.join(sorted(FIELDS))}")
    for key, allowed in (
        ("unit", UNITS[:3]),
        ("table", ("visit",)),
        ("callbacks", ("out", "own")),
        ("clock", ("wall",)),
        ("rule", ("arrival", "end", "outcome")),
        ("round", ("half", "truncate")),
        ("calc", (None, *CALCS)),
    ):
        if getattr(read, key) not in allowed:
            words = ", ".join(str(word) for word in allowed if word)
            _refuse(where, f"{key} is {getattr(read, key)!r}", f"take one of {words}")
    for key in ("T", "s"):
        if type(getattr(read, key)) is not int or getattr(read, key) < 0:
            _refuse(where, f"{key} is no length of time", "write microseconds, 0 or more")


def _refuse(where: str, what: str, remedy: str) -> None:
    raise ConfigError(where, what, remedy)


SHORT: Final = 5 * SECOND
OFFERED: Final = {"A": 1, "B": 1}

SERVICE_LEVELS: Final = (
    Definition("sl.answered@1", "Answered in time, of answered", {"A_T": 1}, {"A": 1}),
    Definition("sl.offered@1", "Answered in time, of answered and abandoned", {"A_T": 1}, OFFERED),
    Definition(
        "sl.ignored@1",
        "Answered in time, of answered and late abandoned",
        {"A_T": 1},
        OFFERED | {"B_T": -1},
    ),
    Definition(
        "sl.positive@1",
        "Answered or abandoned in time, of answered and abandoned",
        {"A_T": 1, "B_T": 1},
        OFFERED,
    ),
    Definition(
        "sl.short_credit@1",
        "Answered in time or abandoned at once, of answered and abandoned",
        {"A_T": 1, "B_s": 1},
        OFFERED,
        s=SHORT,
    ),
    Definition(
        "sl.short_excluded@1",
        "Answered in time, of answered and abandoned but at once",
        {"A_T": 1},
        OFFERED | {"B_s": -1},
        s=SHORT,
    ),
    Definition(
        "sl.flow_out@1",
        "Answered in time, of answered, abandoned and flowed out",
        {"A_T": 1},
        OFFERED | {"F": 1},
    ),
    Definition(
        "sl.removed@1",
        "Left in time, of answered, abandoned, flowed out and dequeued",
        {"A_T": 1, "B_T": 1, "D_T": 1},
        OFFERED | {"F": 1, "D": 1},
    ),
    Definition(
        "sl.pq@1",
        "Answered in time, of those decided by then but dequeued",
        {"A_T": 1},
        {"O_T": 1, "D": -1},
        rule="outcome",
        calc="pq@1",
    ),
    Definition("sl.demand@1", "Answered in time, of all demand", {"A_T": 1}, {"O": 1, "N": 1}),
)
DEFAULT: Final = "sl.offered@1"
