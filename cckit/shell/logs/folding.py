"""A log on disk folded into projections, as every report and every replay is."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from cckit.core.codec import Codec
from cckit.core.errors import ConfigError
from cckit.core.events import Recorded
from cckit.core.facts import FACTS, ConfigApplied, RunStarted
from cckit.core.frame import Frame
from cckit.core.projection import AnyProjection, Canonical
from cckit.core.registry import Registry, Upcaster
from cckit.core.reports import Folding, Source
from cckit.core.schema import unpack
from cckit.core.upcasters import UPCASTERS
from cckit.hooks.store import Store


class CenterZone:
    """The zone that a center was configured with: the last ``config.applied`` of it holds."""

    name = "center.zone"
    version = 1
    types: tuple[type, ...] = (ConfigApplied,)

    def initial(self) -> dict[str, str]:
        return {}

    def apply(self, state: dict[str, str], recorded: Recorded[ConfigApplied]) -> None:
        _, data = recorded
        zone = unpack(data.data).get("zone") if data.kind == "center" else None
        if isinstance(zone, str):
            state["zone"] = zone

    def dump(self, state: dict[str, str]) -> Canonical:
        return state


class PluginsNamed:
    """The plugins that a center loaded, by the last ``run.started``."""

    name = "run.plugins"
    version = 1
    types: tuple[type, ...] = (RunStarted,)

    def initial(self) -> dict[str, str]:
        return {}

    def apply(self, state: dict[str, str], recorded: Recorded[RunStarted]) -> None:
        state["plugins"] = recorded[1].versions.get("plugins", "")

    def dump(self, state: dict[str, str]) -> Canonical:
        return state


class Folded(NamedTuple):
    """The states at a position, and what they were folded from."""

    folding: Folding
    source: Source


def fold(
    store: Store,
    projections: Sequence[AnyProjection],
    *,
    at: int | None = None,
    kinds: Sequence[type] = (),
    upcasters: Sequence[Upcaster] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Folded:
    """Fold the events 0 to ``at``, or all of them, from zero.

    ``kinds`` are event classes of plugins that the projections read, ``upcasters`` what
    lifts their old versions. ``progress`` is told the position of each frame.

    :raises ConfigError: the log has no position ``at``.
    :raises StoreError: bytes that can't be read.

    .. versionadded:: 0.1
    """
    head = store.head()
    if at is not None and (head.position is None or not 0 <= at <= head.position):
        end = "is empty" if head.position is None else f"ends at position {head.position}"
        raise ConfigError("--at", f"there is no position {at}", f"the log {end}")
    folding = Folding(projections)
    codec = Codec(Registry((*FACTS, *kinds), (*UPCASTERS, *upcasters)))
    types = folding.types
    last: Frame | None = None
    for frame in store.read():
        if at is not None and frame.first > at:
            break
        folding.feed(_until(codec.events(frame.body, frame.first, types), at))
        progress(frame.end)
        last = frame
    if last is None:
        return Folded(folding, Source(None, head.chain, 0))
    events = _until(codec.events(last.body, last.first), at)
    envelope = events[-1][0]
    return Folded(folding, Source(envelope.position, last.chain, envelope.recorded_at))


def center_zone(store: Store) -> str:
    """The name of the zone that a log's center lives in; UTC where nothing says so."""
    states = fold(store, [CenterZone()]).folding.states
    return str(states[CenterZone.name].get("zone", "UTC"))


def _until(events: list[Recorded[object]], at: int | None) -> list[Recorded[object]]:
    if at is None or not events or events[-1][0].position <= at:
        return events
    return [recorded for recorded in events if recorded[0].position <= at]
