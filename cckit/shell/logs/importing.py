"""A file of call records and a mapping, on disk, to a log on disk.

The log is written under another name and appears whole or not at all: what fails leaves
nothing behind.
"""

from collections.abc import Callable, Iterable
from hashlib import sha256
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Final

from cckit.core.codec import Codec, canonical
from cckit.core.errors import StoreError
from cckit.core.events import Decision, Draft
from cckit.core.facts import FACTS, ConfigApplied, RunStarted
from cckit.core.frame import Frame
from cckit.core.ids import CENTER
from cckit.core.imports import Imported, Mapping, decisions, log_id, read_calls, read_mapping
from cckit.core.registry import Registry
from cckit.core.upcasters import UPCASTERS
from cckit.hooks.store import Conflict, Store
from cckit.shell.files import parse_toml, read_file
from cckit.shell.zones import read_zone
from cckit.stores.sqlite import SqliteStore

from .appearing import appearing, refuse_existing

ORIGIN: Final = "cckit.imported"
FRAME_DECISIONS: Final = 256


def import_calls(
    file: Path, mapping: Path, out: Path, progress: Callable[[int], None] = lambda _: None
) -> Imported:
    """Import a CSV of call records into a new log.

    :raises ConfigError: a file that can't be read, a mapping that is wrong or names a
        column that is not there, a log that exists.
    :raises FormatError: the CSV is no text or no CSV.

    .. versionadded:: 0.1
    """
    refuse_existing(out)
    rules_bytes, content = read_file(mapping), read_file(file)
    rules = read_mapping(parse_toml(rules_bytes, mapping), str(mapping))
    zone = read_zone(rules.zone, f"{mapping}: zone")
    found = read_calls(content, rules, zone, str(file), progress)
    name = log_id(content, rules_bytes)
    source = f"{rules.id} sha256 {sha256(content).hexdigest()}"
    with appearing(out) as path:
        store = SqliteStore.open(path, create=True, origin=ORIGIN, log_id=name)
        try:
            write_imported(store, found, rules, source)
        finally:
            store.close()
    return found


def write_imported(store: Store, found: Imported, mapping: Mapping, source: str) -> None:
    """Write what was found into an empty log."""
    registry = Registry(FACTS, UPCASTERS)
    epoch = store.claim()
    started = RunStarted(
        epoch=epoch,
        kind="imported",
        source=source,
        seed=None,
        authorize=False,
        versions={"cckit": version("cckit-sdk")},
    )
    settings = canonical({"name": mapping.id, "plugins": [], "zone": mapping.zone})
    applied = ConfigApplied("center", mapping.id, sha256(settings).digest(), settings)
    opening = (*registry.declarations(), started, applied)
    drafts = (Draft(CENTER, data) for data in opening)
    append_all(store, Codec(registry), decisions(found, mapping, drafts, epoch), epoch)


def append_all(store: Store, codec: Codec, source: Iterable[Decision], epoch: int) -> None:
    """Append decisions in frames of 256, each committed at its last instant."""
    left = iter(source)
    while batch := tuple(islice(left, FRAME_DECISIONS)):
        head = store.head()
        first = batch[0].recorded[0][0].position
        count = sum(len(decision.recorded) for decision in batch)
        at = batch[-1].stamp.recorded_at
        frame = Frame.make(head.chain, first, count, at, epoch, codec.pack(batch))
        if isinstance(store.append(frame, head), Conflict):
            raise StoreError(ORIGIN, "somebody else writes this log", "import into a new one")
