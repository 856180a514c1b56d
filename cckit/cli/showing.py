"""The sealed values of a bundle, opened by the log's own center once the log says so."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

from cckit.core.bundle import Shown, head_of
from cckit.core.errors import Refused
from cckit.core.events import Actor, Recorded, kind_of
from cckit.core.facts import SchemaDeclared
from cckit.shell.center import Center
from cckit.shell.people.access import sealed_fields

from .errands import actor_of, run_errand
from .text import plain

COMPONENT: Final = "cckit bundle"
_DECLARED: Final = kind_of(SchemaDeclared).name


def show(
    log: Path,
    keys: Path | None,
    events: Mapping[int, bytes],
    fields: tuple[str, ...],
    actor: str | None,
    purpose: str,
) -> Shown:
    """Open some fields of the events of a bundle.

    :raises ConfigError: it is refused, no event has such a field sealed, there is no key
        file, or nobody is the actor.
    :raises StoreError: a center has the log open.
    """
    who = actor_of(actor)
    return run_errand(log, keys, lambda center: _show(center, events, fields, who, purpose))  # type: ignore[no-any-return]


async def _show(
    center: Center,
    events: Mapping[int, bytes],
    fields: tuple[str, ...],
    actor: Actor,
    purpose: str,
) -> Shown | Refused:
    """Open the fields of the events, once the log says so."""
    sealed = [
        (recorded, field)
        async for recorded in _recorded(center, events)
        for field in sealed_fields(recorded[1])
    ]
    there = {field for _, field in sealed}
    for field in fields:
        if field not in there:
            what = f"no event of the bundle has {plain(field)!r} sealed"
            names = ", ".join(sorted(there)) or "none at all"
            return Refused("bundle.no_field", "--disclose", what, f"these are: {names}")
    values = [one for one in sealed if one[1] in fields]
    found = await center.reveal(values, actor=actor, purpose=purpose, component=COMPONENT)
    if isinstance(found, Refused):
        return found
    places = [(recorded[0].position, field) for recorded, field in values]
    pairs = list(zip(places, found, strict=True))
    return Shown(
        tuple((*place, *salted) for place, salted in pairs if salted is not None),
        tuple(place for place, salted in pairs if salted is None),
    )


async def _recorded(center: Center, events: Mapping[int, bytes]) -> AsyncIterator[Recorded[Any]]:
    """The events of a bundle, without the declarations that stand far before them."""
    wanted = {at for at, leaf in events.items() if head_of(leaf).type != _DECLARED}
    if wanted:
        async for batch in center.read(min(wanted), max(wanted) + 1):
            for recorded in batch:
                if recorded[0].position in wanted:
                    yield recorded
