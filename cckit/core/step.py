"""The steps of a wait: what it needs first, and how that relaxes while time passes.

A step is text: a need, then clauses ``key=value``, one space between any two. A need has
``=`` only within ``>=``, so nothing is ambiguous::

    billing >= 3 and he >= 2 for_us=30000000
    billing >= 1 for_us=60000000 priority=1 skip=unstaffed
    anyone queue=second

A timer ends each step but the last. Nobody is served by just anyone unless somebody wrote
the word ``anyone``. Equal steps have equal text.
"""

import re
from functools import cached_property, lru_cache
from typing import Final
from urllib.parse import quote, unquote

import attrs

from .ids import AgentId, QueueId
from .instant import HOUR, SECOND
from .need import Need, parse
from .settings import QueueSettings

ANYONE: Final = "anyone"
LAST: Final = AgentId("LAST")
"""Among the agents of a configured step: who served this customer last."""
MAX_STEPS: Final = 16
MAX_AGENTS: Final = 16
MAX_FOR_US: Final = 24 * HOUR
MAX_PRIORITY: Final = 1_000_000

_CLAUSE: Final = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)
_KEYS: Final = ("for_us", "priority", "queue", "agents", "skip")


@attrs.frozen(slots=True)
class Step:
    """What holds for a while.

    .. versionadded:: 0.3
    """

    need: str = ""
    """Canonical; empty is anyone, or any of ``agents``."""
    for_us: int = 0
    """How long it holds, from when it began; 0 is to the end, and only for the last."""
    priority: int = 0
    """Added to the entry's as the step begins."""
    queue: QueueId | None = None
    """Where the contact moves as the step begins; it takes its wait along."""
    agents: tuple[AgentId, ...] = ()
    """Only these, in this order; none is everybody of the queue."""
    skip_unstaffed: bool = False
    """Do not begin it while nobody signed in could ever serve it."""

    @classmethod
    def parse(cls, text: str) -> "Step":
        """Read one step.

        :raises ValueError: the text is no step; the message says what to change.
        """
        words = text.split(" ")
        clauses: dict[str, str] = {}
        while words and (found := _CLAUSE.fullmatch(words[-1])):
            key, value = found[1], found[2]
            if key not in _KEYS or key in clauses or not value:
                allowed = ", ".join(_KEYS)
                raise ValueError(f"step {text!r}: {words[-1]!r}; allowed once each are {allowed}")
            clauses[key] = value
            words.pop()
        need = " ".join(words).strip()
        agents = tuple(map(AgentId, map(unquote, clauses.get("agents", "").split(","))))
        if "agents" not in clauses:
            agents = ()
            if not need:
                raise ValueError(f"step {text!r}: say what it needs, or write {ANYONE}")
        if not all(agents) or len(set(agents)) != len(agents) or len(agents) > MAX_AGENTS:
            raise ValueError(f"step {text!r}: name 1 to {MAX_AGENTS} agents, each once")
        if clauses.get("skip", "unstaffed") != "unstaffed":
            raise ValueError(f"step {text!r}: skip={clauses['skip']}; allowed is unstaffed")
        queue = unquote(clauses["queue"]) if "queue" in clauses else None
        return cls(
            "" if need == ANYONE else parse(need).text,
            _whole(text, clauses, "for_us", 1, MAX_FOR_US),
            _whole(text, clauses, "priority", -MAX_PRIORITY, MAX_PRIORITY),
            None if queue is None else QueueId(queue),
            agents,
            "skip" in clauses,
        )

    def text(self) -> str:
        """Write it as it is stored; ``Step.parse`` reads it back."""
        return self._text

    @cached_property
    def _text(self) -> str:
        """Made once: the same few steps are written for every wait."""
        words = [self.need] if self.need else [] if self.agents else [ANYONE]
        if self.for_us:
            words.append(f"for_us={self.for_us}")
        if self.priority:
            words.append(f"priority={self.priority}")
        if self.queue is not None:
            words.append(f"queue={_quoted(self.queue)}")
        if self.agents:
            words.append(f"agents={','.join(map(_quoted, self.agents))}")
        if self.skip_unstaffed:
            words.append("skip=unstaffed")
        return " ".join(words)

    @property
    def what(self) -> Need:
        """The need, parsed."""
        return parse(self.need)


@lru_cache(maxsize=4096)
def parse_step(text: str) -> Step:
    """Read one step of those that come again and again.

    :raises ValueError: see ``Step.parse``.
    """
    return Step.parse(text)


def _quoted(name: str) -> str:
    return quote(name, safe="@:+-._~")


def _whole(text: str, clauses: dict[str, str], key: str, low: int, high: int) -> int:
    value = clauses.get(key)
    if value is None:
        return 0
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise ValueError(f"step {text!r}: {key}={value}; write a whole number")
    if not low <= int(value) <= high:
        raise ValueError(f"step {text!r}: {key}={value}; allowed are {low} to {high}")
    return int(value)


@lru_cache(maxsize=4096)
def read_steps(texts: tuple[str, ...]) -> tuple[Step, ...]:
    """Read the steps of a wait: each ends by a timer, the last one never.

    :raises ValueError: one is no step, or they are no sequence; the message says what to
        change.
    """
    if not 1 <= len(texts) <= MAX_STEPS:
        raise ValueError(f"there are {len(texts)} steps, allowed are 1 to {MAX_STEPS}")
    steps = tuple(map(parse_step, texts))
    for step in steps[:-1]:
        if not step.for_us:
            raise ValueError(f"step {step.text()!r} never ends: say for_us, only the last has none")
    if steps[0].queue is not None:
        raise ValueError(f"step {steps[0].text()!r} is the first: it waits where it enters")
    last = steps[-1]
    if LAST in last.agents:
        raise ValueError(f"step {last.text()!r} is the last: that one may need nobody unknown")
    if last.for_us or last.skip_unstaffed:
        what = f"step {last.text()!r} is the last and never ends"
        raise ValueError(f"{what}: leave out for_us and skip, or add a step behind it")
    return steps


def own_steps(settings: QueueSettings) -> tuple[str, ...]:
    """The steps of a wait in a queue whose command names none, canonical; at least one."""
    texts = settings.steps or ((settings.need,) if settings.need else (ANYONE,))
    return tuple(step.text() for step in read_steps(texts))


def steps_of(given: object) -> tuple[str, ...]:
    """Read the steps of a queue as a configuration file gives them: texts, or tables.

    A table has ``need``, ``for_s`` (seconds, also a fraction), ``priority``, ``queue``,
    ``agents`` and ``skip_unstaffed``, each at most once and only what says something.

    :raises ValueError: it names the step, the key and what is allowed.
    """
    if not isinstance(given, list):
        raise ValueError("steps: write a list of texts, or tables with two brackets")
    texts = []
    for n, one in enumerate(given, 1):
        try:
            texts.append(one if isinstance(one, str) else _of_table(one).text())
        except ValueError as error:
            raise ValueError(f"steps[{n}]: {error}") from error
    return tuple(step.text() for step in read_steps(tuple(texts)))


def _of_table(given: object) -> Step:
    if not isinstance(given, dict):
        raise ValueError(f"{given!r} is neither a text nor a table")
    for key, value in given.items():
        if key not in _KINDS:
            raise ValueError(f"there is no key {key!r}; use {', '.join(_KINDS)}")
        if isinstance(value, bool) is not (key == "skip_unstaffed") or not isinstance(
            value, _KINDS[key]
        ):
            raise ValueError(f"{key} is {value!r}: give {_SAID[key]}")
    agents = tuple(given.get("agents", ()))
    if not all(isinstance(agent, str) and agent for agent in agents):
        raise ValueError(f"agents are {list(agents)!r}: give {_SAID['agents']}")
    need = given.get("need", "")
    if not need.strip() and not agents:
        raise ValueError(f'say what it needs: need = "billing >= 3", or need = "{ANYONE}"')
    step = Step(
        "" if need == ANYONE else parse(need).text,
        round(given.get("for_s", 0) * SECOND),
        given.get("priority", 0),
        QueueId(given["queue"]) if given.get("queue") else None,
        tuple(map(AgentId, agents)),
        given.get("skip_unstaffed", False),
    )
    return Step.parse(step.text())  # Its ranges are looked at there.


_KINDS: Final[dict[str, type | tuple[type, ...]]] = {
    "need": str,
    "for_s": (int, float),
    "priority": int,
    "queue": str,
    "agents": list,
    "skip_unstaffed": bool,
}
_SAID: Final = {
    "need": "a text such as billing >= 3",
    "for_s": "a number of seconds",
    "priority": "a whole number",
    "queue": "the name of a queue",
    "agents": "a list of their ids",
    "skip_unstaffed": "true or false",
}
