"""``CENTER.toml``: what a center is called, what it loads, its queues, agents and rights.

::

    [center]
    name = "demo"                  # signs checkpoints; default "center"
    zone = "Asia/Jerusalem"        # default "UTC"
    plugins = ["permissions"]      # loaded in this order, and no others

    [queues.support]               # any field of QueueSettings; lengths of time as text
    strategy = "longest_idle"
    agents = ["anna"]              # each has a table below; default ["*"], everybody
    need = "billing >= 3"
    ring = "20s"                   # or ring_us = 20000000
    full = "overflow second"       # what becomes of one more than capacity
    capacity = 50

    [[queues.second.steps]]        # in place of need, one after the other
    need = "billing >= 3"
    for_s = 30                     # the last step has none

    [[queues.second.steps]]
    need = "anyone"

    [agents.anna]
    skills = { billing = 4, he = 5 }
    channels = { voice = 100 }     # cost of one contact; or ["voice", "chat"] at their own
    budget = 100

    [channels.chat]                # any field of ChannelSettings
    cost = 20
    maximum = 5

    [skills.medication]
    certificate = true             # counts only while one is valid

    [offers]                       # how often somebody is asked: OfferSettings
    backoff = "5s"
    a_minute = 10

    [[retention]]                  # who is erased when; see docs/how-to/keep-and-delete.md
    name = "chats"
    channel = "chat"
    keep = 90                      # days

    [permissions]                  # a table of a loaded plugin goes to that plugin
    first_admin = "root"

A length of time is a whole number with a unit, ``us``, ``ms``, ``s``, ``m`` or ``h``, or
several of them: ``1m30s``. Every mistake names file, key, value and what is allowed.

What is taken out of the file stays in the center, for the log has it: a queue goes on as
it was set last, and an agent may still log in. Close a queue by putting nobody in it,
``agents = []``; where rights are guarded, take an agent's roles.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, get_type_hints
from zoneinfo import available_timezones

import attrs

from cckit.core import channel
from cckit.core.certificate import SkillSettings
from cckit.core.channel import ChannelSettings
from cckit.core.errors import ConfigError
from cckit.core.ids import QueueId
from cckit.core.instant import HOUR, MINUTE, SECOND
from cckit.core.projection import Canonical
from cckit.core.queue import Queue
from cckit.core.retention import KINDS, Rule
from cckit.core.routing import MAX_TIER, NAMES, STRATEGIES
from cckit.core.rules.limits import wrong_rates
from cckit.core.rules.queue_settings import wrong_queue
from cckit.core.rules.waiting import cycle, targets
from cckit.core.settings import OfferSettings, QueueSettings
from cckit.core.step import steps_of

UNITS: Final = {"us": 1, "ms": 1000, "s": SECOND, "m": MINUTE, "h": HOUR}
OWN: Final = ("center", "queues", "agents", "channels", "skills", "offers", "retention")
"""Tables that are not a plugin's."""
DAYS_MAX: Final = 36_525
"""A hundred years."""
INT_MAX: Final = 2**63 - 1
SHOWN: Final = 20
"""Agents that a message names."""
_SPAN: Final = re.compile(r"(?:\d{1,18}(?:us|ms|s|m|h))+")
_PART: Final = re.compile(r"(\d+)(us|ms|s|m|h)")
_NAME: Final = re.compile(r"[^\s/:]{1,128}")


@attrs.frozen(slots=True)
class AgentSettings:
    """An agent's profile as configured.

    .. versionadded:: 0.1
    """

    skills: dict[str, int] = attrs.field(factory=dict)
    """Skill to level, 1 to 5."""
    channels: dict[str, int] = attrs.field(factory=lambda: {"voice": 100})
    """Channel to the cost of one contact; 0 is what the channel says."""
    budget: int = 100


@attrs.frozen(slots=True)
class Config:
    """A center's configuration, from ``CENTER.toml`` or built in code.

    .. versionadded:: 0.1
    """

    name: str = "center"
    zone: str = "UTC"
    plugins: tuple[str, ...] = ()
    queues: dict[str, QueueSettings] = attrs.field(factory=dict)
    agents: dict[str, AgentSettings] = attrs.field(factory=dict)
    settings: dict[str, dict[str, Canonical]] = attrs.field(factory=dict)
    """A plugin's name to its table."""
    channels: dict[str, ChannelSettings] = attrs.field(factory=dict)
    skills: dict[str, SkillSettings] = attrs.field(factory=dict)
    offers: OfferSettings | None = None
    retention: tuple[Rule, ...] = ()
    """Who is erased when; none: nobody is, unless somebody says so."""
    file: str = "CENTER.toml"
    """For messages."""

    @classmethod
    def read(cls, path: str | Path) -> "Config":
        """Read ``CENTER.toml``.

        :raises ConfigError: no such file, no TOML, or a value that can't be.
        """
        try:
            text = Path(path).read_bytes().decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(str(path), str(error), "name a CENTER.toml in UTF-8") from error
        return cls.parse(text, str(path))

    @classmethod
    def parse(cls, text: str, file: str = "CENTER.toml") -> "Config":
        """Read the text of a ``CENTER.toml``.

        :raises ConfigError: no TOML, or a value that can't be.
        """
        try:
            tables = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
            raise ConfigError(file, str(error), "write valid TOML") from error
        return _Reading(file).config(tables)

    def center(self) -> dict[str, Canonical]:
        """What ``config.applied`` of kind ``center`` holds."""
        return {"name": self.name, "plugins": self.plugins, "zone": self.zone}


class _Reading:
    """Checks values and knows the file they stand in."""

    def __init__(self, file: str) -> None:
        self._file = file

    def config(self, tables: Mapping[str, Any]) -> Config:
        center = self._table(tables.get("center", {}), "center")
        self._only(center, ("name", "zone", "plugins"), "center")
        plugins = self._texts(center.get("plugins", []), "center.plugins")
        others = [key for key in tables if key not in OWN]
        for key in others:
            if key not in plugins:
                allowed = ", ".join((*OWN, *plugins))
                raise self._wrong(key, "a table", f"name a table {allowed}, or load that plugin")
        queues = self._table(tables.get("queues", {}), "queues")
        agents = self._table(tables.get("agents", {}), "agents")
        zone = self._text(center.get("zone", "UTC"), "center.zone")
        if zone not in available_timezones():
            raise self._wrong("center.zone", zone, "name a zone such as Europe/Berlin or UTC")
        return Config(
            name=self._name(center.get("name", "center"), "center.name"),
            zone=zone,
            plugins=plugins,
            queues=self._flows(
                {self._name(k, "queues"): self._queue(k, v, agents) for k, v in queues.items()}
            ),
            agents={self._name(k, "agents"): self._agent(k, v) for k, v in agents.items()},
            channels=self._channels(tables.get("channels", {})),
            skills={
                self._name(k, "skills"): SkillSettings(
                    **self._fields(SkillSettings, v, f"skills.{k}")
                )
                for k, v in self._table(tables.get("skills", {}), "skills").items()
            },
            offers=self._offers(tables["offers"]) if "offers" in tables else None,
            settings={key: self._canonical_table(tables[key], key) for key in others},
            retention=self._retention(tables.get("retention", [])),
            file=self._file,
        )

    # --- retention ------------------------------------------------------------------------

    def _retention(self, value: Any) -> tuple[Rule, ...]:
        if not isinstance(value, list):
            raise self._wrong("retention", value, "write [[retention]], with two brackets")
        rules = [self._rule(given, f"retention[{n}]") for n, given in enumerate(value, 1)]
        names = [rule.name for rule in rules]
        for n, name in enumerate(names, 1):
            if name in names[: n - 1]:
                raise self._wrong(f"retention[{n}].name", name, "give each rule its own name")
        return tuple(rules)

    def _rule(self, value: Any, path: str) -> Rule:
        table = self._table(value, path)
        keys = ("name", "keep", "at_least", "kind", "channel", "queue", "precedence")
        self._only(table, keys, path)
        if ("keep" in table) is ("at_least" in table):
            remedy = "give keep, the days of a wish, or at_least, those of a law: one of them"
            raise self._wrong(path, table.get("name", path), remedy)
        length = "keep" if "keep" in table else "at_least"
        if length == "at_least" and "precedence" in table:
            remedy = "leave it out: of laws the longest holds"
            raise self._wrong(f"{path}.precedence", table["precedence"], remedy)
        kind = self._text(table.get("kind", KINDS[0]), f"{path}.kind")
        if kind not in KINDS:
            raise self._wrong(f"{path}.kind", kind, f"use {', '.join(KINDS)}")
        for key in ("channel", "queue"):
            if kind != KINDS[0] and key in table:
                raise self._wrong(f"{path}.{key}", table[key], f"leave it out of {kind} rules")
        return Rule(
            name=self._name(table.get("name"), f"{path}.name"),
            days=self._whole(table[length], f"{path}.{length}", 0, DAYS_MAX),
            least=length == "at_least",
            kind=kind,
            channel=self._text(table["channel"], f"{path}.channel") if "channel" in table else None,
            queue=self._name(table["queue"], f"{path}.queue") if "queue" in table else None,
            precedence=self._whole(table.get("precedence", 0), f"{path}.precedence"),
        )

    # --- queues and agents ----------------------------------------------------------------

    def _queue(self, name: str, value: Any, employed: Mapping[str, Any]) -> QueueSettings:
        path = f"queues.{name}"
        fields = self._fields(QueueSettings, value, path)
        strategy = fields.get("strategy", NAMES[0])
        if strategy not in NAMES:
            raise self._wrong(f"{path}.strategy", strategy, f"use {', '.join(NAMES)}")
        if strategy == "ordered" and not fields.get("tiers"):
            raise self._wrong(f"{path}.tiers", {}, "give agents their tiers: { anna = 1, bob = 2 }")
        if fields.get("then", NAMES[0]) not in STRATEGIES:
            raise self._wrong(f"{path}.then", fields["then"], f"use {', '.join(STRATEGIES)}")
        for key in ("agents", "tiers"):
            for agent in fields.get(key, ()):
                if agent not in employed and (agent != "*" or key == "tiers"):
                    known = ", ".join(("*", *sorted(employed)[:SHOWN]))
                    remedy = f"use names under [agents], such as {known}; or add [agents.{agent}]"
                    raise self._wrong(f"{path}.{key}", agent, remedy)
        settings = QueueSettings(**fields)
        wrong = wrong_queue(settings)
        if wrong is not None:
            raise ConfigError(f"{self._file}: {path}", wrong, "see the reference of CENTER.toml")
        return settings

    def _fields(self, settings: type, value: Any, path: str) -> dict[str, Any]:
        """The fields of a class of settings, each as its type says; lengths of time as text."""
        table = self._table(value, path)
        kinds = get_type_hints(settings)
        spans = {key.removesuffix("_us"): key for key in kinds if key.endswith("_us")}
        fields: dict[str, Any] = {}
        for key, given in table.items():
            field = spans.get(key, key)
            where = f"{path}.{key}"
            if field in fields:
                raise self._wrong(where, given, "give it once, as text or in microseconds")
            if key == "steps":
                fields[field] = self._steps(given, where)
            elif key in spans:
                fields[field] = self._span(given, where)
            elif kinds.get(key) is int:
                fields[field] = self._whole(given, where, 0, INT_MAX)
            elif kinds.get(key) is str:
                fields[field] = self._text(given, where)
            elif kinds.get(key) is bool:
                fields[field] = self._truth(given, where)
            elif kinds.get(key) == dict[str, int]:
                fields[field] = self._numbers(given, where, 0, MAX_TIER)
            elif key in kinds:
                fields[field] = self._texts(given, where)
            else:
                allowed = sorted({*spans, *(k for k in kinds if not k.endswith("_us"))})
                raise self._wrong(where, given, f"use {', '.join(allowed)}")
        return fields

    def _channels(self, value: Any) -> dict[str, ChannelSettings]:
        found = {
            self._name(name, "channels"): ChannelSettings(
                **self._fields(ChannelSettings, given, f"channels.{name}")
            )
            for name, given in self._table(value, "channels").items()
        }
        for name, settings in found.items():
            what = channel.wrong(name, settings, {**channel.DEFAULTS, **found})
            if what is not None:
                path = f"{self._file}: channels.{name}"
                raise ConfigError(path, what, "see docs/how-to/several-channels-at-once.md")
        return found

    def _offers(self, value: Any) -> OfferSettings:
        settings = OfferSettings(**self._fields(OfferSettings, value, "offers"))
        what = wrong_rates(settings)
        if what is not None:
            raise ConfigError(f"{self._file}: offers", what, "change it")
        return settings

    def _steps(self, value: Any, path: str) -> tuple[str, ...]:
        try:
            return steps_of(value)
        except ValueError as error:
            remedy = f"write [[{path}]] tables with need and for_s"
            raise ConfigError(f"{self._file}: {path}", str(error), remedy) from error

    def _flows(self, queues: dict[str, QueueSettings]) -> dict[str, QueueSettings]:
        """Hold where queues send to queues of this file, and from which nobody comes back."""
        known: dict[QueueId, Queue] = {}
        for name, settings in queues.items():
            path = f"queues.{name}"
            for target in targets(settings):
                if target not in queues:
                    remedy = f"name one of {', '.join(sorted(queues))}; or add [queues.{target}]"
                    raise self._wrong(path, f"overflow to {target}", remedy)
            refused = cycle(QueueId(name), settings, known)
            if refused is not None:
                raise ConfigError(f"{self._file}: {path}", refused.what, refused.remedy)
            known[QueueId(name)] = Queue(QueueId(name), settings, b"")
        return queues

    def _agent(self, name: str, value: Any) -> AgentSettings:
        path = f"agents.{name}"
        table = self._table(value, path)
        self._only(table, ("skills", "channels", "budget"), path)
        found = AgentSettings(budget=self._whole(table.get("budget", 100), f"{path}.budget", 1))
        if "skills" in table:
            levels = self._numbers(table["skills"], f"{path}.skills", 1, 5)
            found = attrs.evolve(found, skills=levels)
        if isinstance(table.get("channels"), list):
            names = self._texts(table["channels"], f"{path}.channels")
            found = attrs.evolve(found, channels=dict.fromkeys(sorted(names), 0))
        elif "channels" in table:
            costs = self._numbers(table["channels"], f"{path}.channels", 1)
            found = attrs.evolve(found, channels=costs)
        return found

    # --- values ---------------------------------------------------------------------------

    def _wrong(self, path: str, value: object, remedy: str) -> ConfigError:
        shown = value if isinstance(value, str) else repr(value)
        return ConfigError(f"{self._file}: {path}", f"{shown[:80]!r} can't be", remedy)

    def _only(self, table: Mapping[str, Any], keys: tuple[str, ...], path: str) -> None:
        for key in table:
            if key not in keys:
                raise self._wrong(f"{path}.{key}", table[key], f"use {', '.join(keys)}")

    def _table(self, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(path, value, "make it a table")
        return value

    def _text(self, value: Any, path: str) -> str:
        if not isinstance(value, str) or len(value) > 1024:
            raise self._wrong(path, value, "give a text of at most 1024 characters")
        return value

    def _texts(self, value: Any, path: str) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._wrong(path, value, "give a list of texts")
        if len(set(value)) < len(value):
            raise self._wrong(path, value, "name each once")
        return tuple(value)

    def _name(self, value: Any, path: str) -> str:
        if not isinstance(value, str) or not _NAME.fullmatch(value) or not value.isprintable():
            remedy = "give 1 to 128 characters without space, slash or colon"
            raise self._wrong(path, value, remedy)
        return value

    def _truth(self, value: Any, path: str) -> bool:
        if type(value) is not bool:
            raise self._wrong(path, value, "use true or false")
        return value

    def _whole(self, value: Any, path: str, least: int = 0, most: int = INT_MAX) -> int:
        if type(value) is not int or not least <= value <= most:
            raise self._wrong(path, value, f"give a whole number from {least} to {most}")
        return value

    def _numbers(self, value: Any, path: str, least: int, most: int = INT_MAX) -> dict[str, int]:
        table = self._table(value, path)
        return {k: self._whole(table[k], f"{path}.{k}", least, most) for k in sorted(table)}

    def _span(self, value: Any, path: str) -> int:
        if not isinstance(value, str) or not _SPAN.fullmatch(value):
            raise self._wrong(path, value, 'give whole numbers with units, "20s" or "1m30s"')
        total = sum(int(number) * UNITS[unit] for number, unit in _PART.findall(value))
        return self._whole(total, path)

    def _canonical_table(self, value: Any, path: str) -> dict[str, Canonical]:
        table = self._table(value, path)
        return {key: self._canonical(table[key], f"{path}.{key}") for key in sorted(table)}

    def _canonical(self, value: Any, path: str) -> Canonical:
        if isinstance(value, dict):
            return self._canonical_table(value, path)
        if isinstance(value, list):
            return [self._canonical(one, path) for one in value]
        if isinstance(value, str | bool) or (type(value) is int and abs(value) <= INT_MAX):
            return value
        raise self._wrong(path, value, "use text, whole numbers, true, false, lists and tables")
