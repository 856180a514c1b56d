"""What happens before the first command: find the log, fold it, start the run.

The order of a run's first events is fixed: the schemas that the log has not yet, then
``run.started``, ``clock.stepped`` if the clock went back since the last run,
``recovery.reconciled`` where something was open, then configuration, profiles and first
roles, each only where it differs from the log.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import attrs
import msgpack

from cckit.core import snapshot
from cckit.core.channel import CALL
from cckit.core.codec import canonical
from cckit.core.commands import ApplyConfig, SetPermission, SetProfile
from cckit.core.engine import Engine, MachineFailed
from cckit.core.errors import ConfigError, Refused, UsageError
from cckit.core.events import SYSTEM, Draft, Recorded
from cckit.core.facts import (
    ClockStepped,
    PluginFailed,
    RecoveryReconciled,
    RunStarted,
    SchemaDeclared,
)
from cckit.core.floor import VERSION, Floor
from cckit.core.ids import CENTER, AgentId
from cckit.core.instant import Instant
from cckit.core.note import VKey
from cckit.core.registry import Registry
from cckit.core.rules.links import recovered
from cckit.core.rules.waiting import leaves_first
from cckit.hooks import Relay
from cckit.stores.beside import keys_beside, views_beside
from cckit.stores.keyfile import Where, in_memory
from cckit.stores.memory import MemoryStore
from cckit.stores.sqlite import SqliteStore

from .archive import Archive, Readable
from .clock import Clock
from .config import SHOWN, AgentSettings, Config
from .entropy import Entropy
from .plugins import Loaded
from .requests import KEPT_US, Requests
from .writer import Writer

KIND: Final = "live"
RETENTION: Final = "retention"
"""The kind of ``config.applied`` that holds all rules of retention."""
PROOF: Final = "proof"
"""The kind of ``config.applied`` that holds the public keys of the log's signers."""
Log = str | Path | Readable | None


@attrs.frozen(slots=True)
class Place:
    """A log, opened, and where its companions lie."""

    store: Readable
    views: str | None
    keys: Where | None
    """None: nothing personal can be sealed."""
    name: str
    """For messages."""
    ours: bool
    """We opened the store, so we close it."""


def open_log(
    log: Log,
    keys: str | Path | None,
    config: Config,
    relay: Relay,
    entropy: Entropy,
    take_over: bool,
) -> Place:
    """Open or create a log; None is a new one in memory.

    Without ``keys`` the keys of a path are beside it, those of a log in memory end with
    it, and any other log has none.

    :raises StoreError: it can't be opened for writing.
    :raises ConfigError: no plugin, or several, open such a URL.
    """
    if log is None:
        memory = MemoryStore(config.name, entropy.draw(16))
        return Place(memory, None, keys or _keys_beside(memory), "log in memory", True)
    if isinstance(log, str) and "://" in log:
        store = relay.open_store(log)
        if not hasattr(store, "reader"):
            remedy = "give the store a method reader()"
            raise UsageError(log, "its store gives no second handle", remedy)
        return Place(store, None, keys, log, True)
    if isinstance(log, str | Path):
        path = os.fspath(log)
        new = None if os.path.exists(path) else entropy.draw(16)
        opened = SqliteStore.open(
            path,
            create=new is not None,
            take_over=take_over,
            origin=None if new is None else config.name,
            log_id=new,
        )
        return Place(opened, views_beside(path), keys or keys_beside(path), path, True)
    beside = _keys_beside(log) if isinstance(log, MemoryStore) else None
    return Place(log, None, keys or beside, "log", False)


def _keys_beside(store: MemoryStore) -> Where:
    keys: Where = store.beside.get("keys") or in_memory()
    store.beside["keys"] = keys
    return keys


class Past:
    """What the log tells before this run."""

    def __init__(self) -> None:
        self.first_runs: dict[str, int] = {}
        """Plugin to the position of the run that first loaded it."""
        self.runs = 0
        self._versions: dict[str, str] = {}
        self._suspended: dict[tuple[str, str], str | None] = {}

    def learn(self, recorded: Recorded[Any]) -> None:
        envelope, data = recorded
        if type(data) is RunStarted:
            self.runs += 1
            self._versions = data.versions
            for plugin in data.versions.get("plugins", "").split():
                self.first_runs.setdefault(plugin, envelope.position)
        elif type(data) is PluginFailed and data.suspended:
            version = self._versions.get(f"plugin.{data.plugin}")
            self._suspended[data.plugin, data.hook] = version

    def suspends(self, plugin: str, hook: str, versions: Mapping[str, str]) -> bool:
        """Whether something of a plugin failed when it was last of the version it has now."""
        key = (plugin, hook)
        return key in self._suspended and self._suspended[key] == versions.get(f"plugin.{plugin}")


async def learn_past(archive: Archive) -> Past:
    """Read the runs, who failed, and the declared schemas, which the codec takes in."""
    past = Past()
    wanted = [*await archive.positions(type="schema.declared")]
    wanted += await archive.positions(type="run.started")
    wanted += await archive.positions(type="plugin.failed")
    async for batch in archive.at(sorted(wanted), (RunStarted, SchemaDeclared, PluginFailed)):
        for recorded in batch:
            past.learn(recorded)
    return past


async def fold_log(
    archive: Archive,
    make: Callable[[], Engine],
    machine_failed: Callable[[MachineFailed, bool], None],
    end: int,
) -> Engine:
    """An engine at the end of the log, from a snapshot where there is a good one.

    A machine that raises over its past is suspended, and the others begin again.
    """
    while True:
        engine = make()
        try:
            await restore(archive, engine)
            while engine.position < end:
                chunk = await archive.chunk(engine.position, None)
                for recorded in chunk.batch:
                    if recorded[0].position >= engine.position:
                        engine.fold(recorded)
            return engine
        except MachineFailed as failed:
            machine_failed(failed, True)


async def learn_requests(
    archive: Archive, requests: Requests, unsettled: int, end: int, now: Instant
) -> None:
    """Keep the requests of the last ten minutes, and all from ``unsettled`` on, in memory.

    Older ones stay in the views.
    """
    if end == 0:
        return
    recent = await archive.positions(from_at=Instant(now - KEPT_US))
    first = min(recent[0] if recent else end, unsettled)
    requests.others = first > 0
    while first < end:
        chunk = await archive.chunk(first, None)
        requests.learn([one for one in chunk.batch if one[0].position >= first])
        first = chunk.next


async def restore(archive: Archive, engine: Engine) -> None:
    """Load the newest snapshot that this version of the floor made; else nothing."""
    classes = snapshot.digest_of_classes(engine.machines.all)
    saved = await archive.views(lambda views: views.snapshot(VERSION, classes))
    if saved is not None:
        snapshot.load(engine, msgpack.unpackb(saved.state))


def refold(archive: Archive, engine: Engine, end: int) -> None:
    """The same for a new engine, while the center stands still: for repair only."""
    saved = archive.snapshot_now(VERSION, snapshot.digest_of_classes(engine.machines.all))
    if saved is not None:
        snapshot.load(engine, msgpack.unpackb(saved.state))
    while engine.position < end:
        for recorded in archive.chunk_now(engine.position).batch:
            if engine.position <= recorded[0].position < end:
                engine.fold(recorded)


def start_run(
    writer: Writer,
    registry: Registry,
    loaded: Loaded,
    config: Config,
    clock: Clock,
    epoch: int,
    keys: Sequence[VKey] = (),
) -> None:
    """Decide the first events of a run, in their order. ``keys``: whose signatures hold.

    :raises ConfigError: what the floor refuses of the configuration.
    """
    _check_not_locked_out(writer, loaded, config)
    _check_rules(writer.engine.floor, loaded, config)
    floor = writer.engine.floor
    if floor.kind not in ("", KIND):
        remedy = "open it for reading, or take a new log"
        raise UsageError("log", f"is {floor.kind}, no live one", remedy)
    last = writer.engine.now
    missing = registry.missing()
    if missing:
        writer.take([Draft(CENTER, declared) for declared in missing], SYSTEM)
    started = RunStarted(epoch, KIND, None, None, loaded.relay.guarded, loaded.versions)
    writer.take((Draft(CENTER, started),), SYSTEM)
    now = clock.now()
    if last > now:
        writer.take((Draft(CENTER, ClockStepped(Instant(last), now)),), SYSTEM)
    counts = _open_things(writer.engine)
    if counts:
        rang = recovered(floor)
        reconciled = (CENTER, RecoveryReconciled({**counts, "rescinded": len(rang)}))
        writer.take([Draft(*pair) for pair in (reconciled, *rang)], SYSTEM)
    _apply(writer, config, keys)
    _give_first_roles(writer, loaded)
    writer.follow_up()


def _open_things(engine: Engine) -> dict[str, int]:
    floor = engine.floor
    found = {
        "agents": sum(agent.logged_in for agent in floor.agents.values()),
        "contacts": len(floor.contacts),
        "entries": len(floor.entries),
        "offers": len(floor.offers),
    }
    return found if any(found.values()) else {}


def _apply(writer: Writer, config: Config, keys: Sequence[VKey]) -> None:
    pieces = [("center", config.name, canonical(config.center()))]
    pieces += [("channel", name, config.channels[name].pack()) for name in _messages_first(config)]
    pieces += [("skill", name, one.pack()) for name, one in sorted(config.skills.items())]
    if config.offers is not None:
        pieces.append(("offers", "center", config.offers.pack()))
    pieces += [("queue", name, config.queues[name].pack()) for name in leaves_first(config.queues)]
    pieces += [(name, name, canonical(table)) for name, table in sorted(config.settings.items())]
    rules = (RETENTION, config.name)
    if config.retention or rules in writer.engine.floor.configs:
        pieces.append((*rules, canonical({"rules": [rule.dump() for rule in config.retention]})))
    if keys:
        texts = [key.text() for key in keys]
        pieces.append((PROOF, keys[0].name, canonical({"vkeys": texts})))
    for kind, id_, data in pieces:
        if writer.engine.floor.configs.get((kind, id_)) != sha256(data).digest():
            table = f"{kind}s." if kind in ("queue", "channel", "skill") else ""
            where = f"{config.file}: {table}{id_}"
            _do(writer, ApplyConfig(kind, id_, data), where)
    for name, profile in sorted(config.agents.items()):
        if _differs(writer.engine, name, profile):
            command = SetProfile(AgentId(name), profile.skills, profile.channels, profile.budget)
            _do(writer, command, f"{config.file}: agents.{name}")


def _differs(engine: Engine, name: str, wanted: AgentSettings) -> bool:
    agent = engine.floor.agents.get(name)
    if agent is None:
        return True
    own = {name: engine.floor.channels.get(name, CALL).cost for name in wanted.channels}
    costs = {name: cost or own[name] for name, cost in wanted.channels.items()}
    return (agent.profile, agent.costs, agent.budget) != (wanted.skills, costs, wanted.budget)


def _messages_first(config: Config) -> list[str]:
    """Only what is no call can be interrupted, so that is said first."""
    return sorted(config.channels, key=lambda name: (config.channels[name].calls, name))


def _check_not_locked_out(writer: Writer, loaded: Loaded, config: Config) -> None:
    """:raises ConfigError: roles decide, and nobody holds or gets one."""
    if loaded.roles and not loaded.first_roles and not any(writer.engine.floor.roles.values()):
        what = "nobody holds a role, so everybody would be denied"
        remedy = '[permissions] first_admin = "…" names who gives the others theirs'
        raise ConfigError(config.file, what, remedy)


def _check_rules(floor: Floor, loaded: Loaded, config: Config) -> None:
    """A law about what is nowhere would protect nothing, and nobody would ever know.

    :raises ConfigError: a rule of retention names a queue that neither the file nor the log
        has, or a channel that no agent and no plugin has, where there are agents.
    """
    queues = {*config.queues, *floor.queues}
    agents = [agent.channels for agent in config.agents.values()]
    channels = {name for costs in agents for name in costs}
    channels |= {name for agent in floor.agents.values() for name in agent.costs}
    if channels:
        channels |= {channel.name for _, channel in loaded.channels}
    for n, rule in enumerate(config.retention, 1):
        where = f"{config.file}: retention[{n}]"
        if rule.queue is not None and rule.queue not in queues:
            what = f"neither the file nor the log has a queue {rule.queue!r}"
            raise ConfigError(f"{where}.queue", what, f"use {_some(queues)}, or add the queue")
        if rule.channel is not None and channels and rule.channel not in channels:
            what = f"no agent and no plugin has a channel {rule.channel!r}"
            remedy = f"use {_some(channels)}, or give it to an agent"
            raise ConfigError(f"{where}.channel", what, remedy)


def _some(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:SHOWN]) or "none"


def _give_first_roles(writer: Writer, loaded: Loaded) -> None:
    if any(writer.engine.floor.roles.values()):
        return
    for who, role in loaded.first_roles:
        _do(writer, SetPermission(who, role), f"first role of {who}")


def _do(writer: Writer, command: object, where: str) -> None:
    reply = writer.act(command, SYSTEM)
    if isinstance(reply, Refused):
        raise ConfigError(where, reply.what, reply.remedy)
