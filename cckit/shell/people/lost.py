"""People whose keys are gone though nobody erased them: the key file is away, or an old copy.

A key is durable in its file before the event that commits to it is in the log. So whoever
the log has a ``subject.key_made`` of, and the key file does not know, was lost by somebody
who moved files. New keys made beside that would end the file that is away: an erasure
destroys the KEK of both. A center refuses it, and ``cckit restore --forget-lost`` alone
takes the loss for good.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from cckit.core.codec import Codec
from cckit.core.errors import FormatError
from cckit.core.events import Recorded
from cckit.core.facts import FACTS, SubjectErasureStarted, SubjectKeyMade
from cckit.core.ids import Stream
from cckit.core.redaction import readable
from cckit.core.registry import Registry
from cckit.hooks.store import Store
from cckit.shell.archive import Archive
from cckit.stores.keyfile import Memory

_KINDS: Final = (SubjectKeyMade, SubjectErasureStarted)


async def check_none_lost(archive: Archive, memory: Memory | None, log: str) -> None:
    """Refuse keys that miss somebody; ``log``: its name, for messages.

    :raises FormatError: some people's keys are not here.
    """
    reach = -1 if memory is None else memory.reach
    if reach is None:
        return
    made = [at for at in await archive.positions(type="subject.key_made") if at > reach]
    if not made:
        return
    begun = await archive.positions(type="subject.erasure_started")
    found: dict[Stream, int] = {}
    async for batch in archive.at(sorted([*made, *begun]), _KINDS):
        _learn(found, batch)
    refuse_lost(log, found)


def lost_from(store: Store, memory: Memory) -> dict[Stream, int]:
    """Streams of the people whose keys are lost, and the position that committed to them."""
    reach, found, codec = memory.reach, dict[Stream, int](), Codec(Registry(FACTS))
    if reach is None:
        return found
    for frame in store.read():
        told: Sequence[Recorded[Any]] = list(readable(codec, frame, _KINDS))
        _learn(found, [one for one in told if one[0].position > reach or _begins(one)])
    return found


def refuse_lost(log: str, lost: Mapping[Stream, int]) -> None:
    """:raises FormatError: there are any."""
    if lost:
        first = min(lost.values())
        what = f"the keys of {len(lost)} people of this log, the first at {first}, are not here"
        remedy = (
            "their key file is away, or an old copy: bring the key file of today; if it is"
            " lost for good, `cckit restore LOG --forget-lost` lets these people go"
        )
        raise FormatError(log, what, remedy)


def _begins(recorded: Recorded[Any]) -> bool:
    return type(recorded[1]) is SubjectErasureStarted


def _learn(found: dict[Stream, int], told: Iterable[Recorded[Any]]) -> None:
    """Note who got a key, and let go whose erasure began after it."""
    for one in told:
        if _begins(one):
            found.pop(one[0].stream, None)
        else:
            found[one[0].stream] = one[0].position
