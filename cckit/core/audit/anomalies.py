"""What was out of the ordinary, and who changed what: a fold over every event.

Memory is bounded by what there is one of: adapters, queues, pieces of configuration and
people whose erasure has begun. A log without a fault yields no anomaly; changes are told
apart from them, for they are what an auditor asks after and nobody's fault.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from cckit.core import facts as f
from cckit.core.events import Envelope
from cckit.core.ids import EPOCH_SHIFT
from cckit.core.instant import HOUR, MINUTE
from cckit.core.schema import unpack

from .findings import Findings

ANOMALIES: Final = (
    "clock.stepped",
    "clock.went_back",
    "adapter.silent",
    "queue.hole",
    "queue.double",
    "id.hole",
    "epoch.hole",
    "event.late",
    "event.ahead",
    "event.disordered",
    "checkpoint.late",
    "access.refused",
    "plugin.failed",
    "invariant.broken",
    "fact.superseded",
    "fact.quarantined",
    "erasure.unfinished",
    "erasure.incomplete",
    "log.restored",
)
CHANGES: Final = (
    "run.started",
    "recovery.reconciled",
    "config.applied",
    "permission.changed",
    "hold.changed",
    "subject.erased",
    "data.disclosed",
)
GRANTED_MAX: Final = 1000
"""Different actions that are told apart; more are counted together."""
OTHERS: Final = "…"
_PEOPLE: Final = frozenset({"customer", "adapter", "agent", "supervisor", "admin"})
"""Who shows that a center is at work; timers and the system go on in an empty one."""
_LOW: Final = (1 << EPOCH_SHIFT) - 1


@attrs.frozen(slots=True)
class Bounds:
    """From where on something is out of the ordinary.

    .. versionadded:: 0.2
    """

    silent_us: int = HOUR
    """An adapter says nothing for longer, while others go on."""
    late_us: int = MINUTE
    """Between what the source's clock says and when it was recorded, either way."""
    checkpoint_us: int = 24 * HOUR
    """An event waits longer for a checkpoint that covers it."""


@attrs.define(slots=True)
class _Adapter:
    """When an adapter last acted."""

    position: int
    at: int
    occurred_at: int | None = None
    told: bool = False
    """Its silence is listed."""


class Anomalies:
    """Feed it every event in order, then ``end``.

    .. versionadded:: 0.2
    """

    def __init__(self, bounds: Bounds) -> None:
        self.found = Findings(ANOMALIES)
        self.changes = Findings(CHANGES)
        self.granted: dict[str, int] = {}
        """Action to how often it was granted."""
        self.refused = 0
        self.disclosed = 0
        self.runs = 0
        self._bounds = bounds
        self._at = 0
        self._epoch: int | None = None
        self._epoch_began = True
        """The next event is the first one of its writer."""
        self._first_of_epoch = 0
        self._missed: range = range(0)
        """Epochs before this one that left no frame."""
        self._hole: tuple[int, int, range] | None = None
        self._back: tuple[int, int, int] | None = None
        self._adapters: dict[str, _Adapter] = {}
        self._oldest = 0
        """No adapter that is not listed yet acted before this."""
        self._entered: dict[str, int] = {}
        self._hidden = 0
        """Redacted events that have filled no hole yet."""
        self._ids: dict[int, int] = {}
        self._configs: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._versions: dict[str, str] = {}
        self._erasing: dict[str, tuple[int, int, str]] = {}
        self._rules: dict[type, Callable[[Envelope, Any], None]] = {
            f.RunStarted: self._run,
            f.ClockStepped: self._stepped,
            f.RecoveryReconciled: self._reconciled,
            f.ConfigApplied: self._config,
            f.PermissionChanged: self._permission,
            f.AccessGranted: self._grant,
            f.AccessRefused: self._refusal,
            f.PluginFailed: self._plugin,
            f.InvariantBroken: self._broken,
            f.FactSuperseded: self._superseded,
            f.FactQuarantined: self._quarantined,
            f.DataDisclosed: self._disclosure,
            f.HoldChanged: self._hold,
            f.LogRestored: self._restored,
            f.SubjectErasureStarted: self._erasing_began,
            f.SubjectErased: self._erased,
            f.QueueEntered: self._enter,
            f.OfferMade: lambda envelope, data: self._id(envelope, data.offer),
            f.OfferAlerting: lambda envelope, data: self._id(envelope, data.leg),
            f.ContactCreated: lambda envelope, data: self._id(envelope, data.leg),
            f.ContactConnected: lambda envelope, data: self._id(envelope, data.leg),
        }

    def epoch(self, epoch: int) -> None:
        """Take note of the writer of the frame whose events come next."""
        before, self._epoch = self._epoch, epoch
        if before == epoch:
            return
        self._settle()
        self._missed = range((before or 0) + 1, epoch)
        self._epoch_began = True

    def redacted(self, n: int) -> None:
        """Note events of which only the hash is left: each may fill one hole."""
        self._hidden += n

    def add(self, envelope: Envelope, data: Any) -> None:
        """Look at one event."""
        at = envelope.stamp.recorded_at
        if self._epoch_began:
            self._epoch_began = False
            self._first_of_epoch = envelope.position
            if self._missed:
                self._hole = (envelope.position, at, self._missed)
        if at < self._at:
            self._went_back(envelope, at)
        self._at = at
        self._listen(envelope, at)
        if envelope.stamp.occurred_at is not None:
            self._compare_clocks(envelope, at, envelope.stamp.occurred_at)
        rule = self._rules.get(type(data))
        if rule is not None:
            rule(envelope, data)

    def end(self) -> None:
        """Tell what was still open at the last event."""
        self._settle()
        for stream, (position, at, ground) in self._erasing.items():
            self.found.add("erasure.unfinished", position, at, stream=stream, ground=ground)
        self._erasing.clear()

    # --- time -----------------------------------------------------------------------------

    def _went_back(self, envelope: Envelope, at: int) -> None:
        if envelope.position == self._first_of_epoch:
            self._back = (envelope.position, at, self._at)  # Its run may yet say why.
        else:
            told = {"before_at": self._at, "by_us": self._at - at}
            self.found.add("clock.went_back", envelope.position, at, **told)

    def _settle(self) -> None:
        """List what a run could have explained, and did not."""
        if self._hole is not None:
            position, at, missed = self._hole
            self._hole = None
            told = {"from_epoch": missed[0], "to_epoch": missed[-1]}
            self.found.add("epoch.hole", position, at, **told)
        if self._back is not None:
            position, at, before = self._back
            self._back = None
            told = {"before_at": before, "by_us": before - at}
            self.found.add("clock.went_back", position, at, **told)

    def _stepped(self, envelope: Envelope, data: f.ClockStepped) -> None:
        self._back = None
        self.found.add(
            "clock.stepped",
            envelope.position,
            envelope.recorded_at,
            from_at=data.from_at,
            to_at=data.to_at,
            by_us=data.to_at - data.from_at,
        )

    def _compare_clocks(self, envelope: Envelope, at: int, said: int) -> None:
        position, actor = envelope.position, _who(envelope)
        late = at - said
        if abs(late) > self._bounds.late_us:
            kind, told = ("event.late", "late_us") if late > 0 else ("event.ahead", "ahead_us")
            self.found.add(kind, position, at, actor=actor, occurred_at=said, **{told: abs(late)})
        adapter = self._adapters.get(envelope.actor.id)
        if adapter is None or envelope.actor.kind != "adapter":
            return
        last = adapter.occurred_at
        if last is not None and said < last:
            told_ = {"actor": actor, "occurred_at": said, "before_at": last}
            self.found.add("event.disordered", position, at, **told_)
        else:
            adapter.occurred_at = said

    # --- adapters -------------------------------------------------------------------------

    def _listen(self, envelope: Envelope, at: int) -> None:
        kind, name = envelope.actor
        if kind not in _PEOPLE:
            return
        if kind == "adapter":
            adapter = self._adapters.get(name)
            if adapter is None:
                self._adapters[name] = _Adapter(envelope.position, at)
            else:
                adapter.position, adapter.at, adapter.told = envelope.position, at, False
        if at - self._oldest > self._bounds.silent_us:
            self._look_around(at)

    def _look_around(self, at: int) -> None:
        """List the adapters that are silent while somebody acts at this instant."""
        for name, adapter in self._adapters.items():
            silent = at - adapter.at
            if silent > self._bounds.silent_us and not adapter.told:
                adapter.told = True
                told = {"adapter": name, "noticed_at": at, "silent_us": silent}
                self.found.add("adapter.silent", adapter.position, adapter.at, **told)
        waiting = (one.at for one in self._adapters.values() if not one.told)
        self._oldest = min(waiting, default=at)

    # --- sequences ------------------------------------------------------------------------

    def _enter(self, envelope: Envelope, data: f.QueueEntered) -> None:
        self._id(envelope, data.entry)
        awaited = self._entered.get(data.queue, 0) + 1
        if data.n != awaited and not self._filled(data.n - awaited):
            kind = "queue.hole" if data.n > awaited else "queue.double"
            told = {"queue": data.queue, "awaited": awaited, "found": data.n}
            self.found.add(kind, envelope.position, envelope.recorded_at, **told)
        self._entered[data.queue] = max(awaited - 1, data.n)

    def _id(self, envelope: Envelope, given: int) -> None:
        """Core ids are given out without holes in each epoch; an older one may return."""
        epoch, n = given >> EPOCH_SHIFT, given & _LOW
        last = self._ids.get(epoch, 0)
        if n > last + 1 and not self._filled(n - last - 1):
            told = {"epoch": epoch, "awaited": last + 1, "found": n}
            self.found.add("id.hole", envelope.position, envelope.recorded_at, **told)
        if n > last:
            self._ids[epoch] = n

    def _filled(self, missing: int) -> bool:
        """Whether what is missing may stand in events that were taken out."""
        if not 0 < missing <= self._hidden:
            return False
        self._hidden -= missing
        return True

    # --- runs, configuration, rights ------------------------------------------------------

    def _run(self, envelope: Envelope, data: f.RunStarted) -> None:
        self.runs += 1
        told = {"epoch": data.epoch, "kind": data.kind, "authorize": data.authorize}
        self._change(
            envelope, "run.started", **told, changed=_changed(self._versions, data.versions)
        )
        self._versions = data.versions
        for adapter in self._adapters.values():
            # While nobody listened nobody was silent.
            adapter.at = max(adapter.at, envelope.stamp.recorded_at)
        self._oldest = 0

    def _reconciled(self, envelope: Envelope, data: f.RecoveryReconciled) -> None:
        self._change(envelope, "recovery.reconciled", counts=data.counts)

    def _config(self, envelope: Envelope, data: f.ConfigApplied) -> None:
        key = (data.kind, data.id)
        try:
            now = unpack(data.data)
        except ValueError:
            now = None
        settings = now if isinstance(now, dict) else {"": data.data}
        before = self._configs.get(key)
        told = {"kind": data.kind, "id": data.id, "first": before is None}
        changed = _changed(before or {}, settings)
        self._change(envelope, "config.applied", **told, changed=changed)
        self._configs[key] = settings

    def _permission(self, envelope: Envelope, data: f.PermissionChanged) -> None:
        told = {"who": data.who, "role": data.role, "given": data.given}
        self._change(envelope, "permission.changed", **told)

    def _grant(self, envelope: Envelope, data: f.AccessGranted) -> None:
        known = data.action in self.granted or len(self.granted) < GRANTED_MAX
        action = data.action if known else OTHERS
        self.granted[action] = self.granted.get(action, 0) + 1

    def _refusal(self, envelope: Envelope, data: f.AccessRefused) -> None:
        self.refused += data.n
        told = {"actor": data.actor, "action": data.action, "object": data.object, "n": data.n}
        self._find(envelope, "access.refused", **told)

    # --- failures -------------------------------------------------------------------------

    def _plugin(self, envelope: Envelope, data: f.PluginFailed) -> None:
        told = {"plugin": data.plugin, "hook": data.hook, "error": data.error}
        self._find(envelope, "plugin.failed", **told, suspended=data.suspended)

    def _broken(self, envelope: Envelope, data: f.InvariantBroken) -> None:
        self._find(envelope, "invariant.broken", rule=data.rule, command=data.command)

    def _superseded(self, envelope: Envelope, data: f.FactSuperseded) -> None:
        told = {"fact": data.fact, "by_position": data.by_position}
        self._find(envelope, "fact.superseded", actor=_who(envelope), **told)

    def _quarantined(self, envelope: Envelope, data: f.FactQuarantined) -> None:
        self._find(envelope, "fact.quarantined", adapter=data.adapter, reason=data.reason)

    def _restored(self, envelope: Envelope, data: f.LogRestored) -> None:
        self._hole = None  # Its epoch was raised so that no id returns.
        self._find(envelope, "log.restored", origin=data.origin, size=data.size, chain=data.chain)

    # --- people ---------------------------------------------------------------------------

    def _disclosure(self, envelope: Envelope, data: f.DataDisclosed) -> None:
        self.disclosed += 1
        told = {"subject": data.subject, "how": data.how, "purpose": data.purpose}
        self._change(envelope, "data.disclosed", **told)

    def _hold(self, envelope: Envelope, data: f.HoldChanged) -> None:
        told = {"scope": data.scope, "on": data.on, "ground": data.ground}
        self._change(envelope, "hold.changed", **told)

    def _erasing_began(self, envelope: Envelope, data: f.SubjectErasureStarted) -> None:
        place = (envelope.position, envelope.stamp.recorded_at, data.ground)
        self._erasing.setdefault(envelope.stream, place)

    def _erased(self, envelope: Envelope, data: f.SubjectErased) -> None:
        self._erasing.pop(envelope.stream, None)
        told = {"stream": envelope.stream, "ground": data.ground, "keys": data.keys}
        self._change(envelope, "subject.erased", **told, coverage=data.coverage)
        if data.failures:
            told_ = {"stream": envelope.stream, "failures": data.failures}
            self._find(envelope, "erasure.incomplete", **told_)

    def _find(self, envelope: Envelope, kind: str, /, **told: Any) -> None:
        self.found.add(kind, envelope.position, envelope.recorded_at, **told)

    def _change(self, envelope: Envelope, kind: str, /, **told: Any) -> None:
        at = envelope.recorded_at
        self.changes.add(kind, envelope.position, at, by=_who(envelope), **told)


def _who(envelope: Envelope) -> str:
    return "/".join(envelope.actor)


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """``{name: [from, to]}`` of what differs; null where there was or is none."""
    names = sorted({*before, *now})
    pairs = {name: [before.get(name), now.get(name)] for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
