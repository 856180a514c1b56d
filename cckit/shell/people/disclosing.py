"""Everything that a log knows about somebody, told once the log says that it is told.

About somebody are the streams in which their id or a value sealed for them stands, and in
the center's own stream the events that name them. Values of other people in them stay shut.
Who was merged with them is them.
GDPR art. 15 (access) and 20 (portability).
"""

from collections.abc import AsyncIterator, Callable, Container, Sequence
from typing import Any, Final

import attrs
import trio

from cckit.core.errors import Refused
from cckit.core.events import Actor, Draft, Envelope, Recorded
from cckit.core.facts import (
    AccessGranted,
    AccessRefused,
    DataDisclosed,
    HoldChanged,
    LegOrdered,
    SubjectErased,
    SubjectErasureStarted,
    SubjectKeyMade,
)
from cckit.core.ids import CENTER, Stream, SubjectId, subject_stream
from cckit.shell.feed import Batch

from .access import EXPORT, Access, sealed_in, stopped, stream_of

HOW: Final = ("access", "portability")
AT_ONCE: Final = 64
"""Events that are opened before other tasks get their turn."""
Read = Callable[..., AsyncIterator[Batch]]


@attrs.frozen(slots=True)
class Disclosure:
    """What the log knows about somebody.

    .. versionadded:: 0.2
    """

    subject: SubjectId
    position: int
    """Of ``data.disclosed``; everything before it was looked at."""
    streams: tuple[Stream, ...]
    """Those that are about them, sorted."""
    events: tuple[Recorded[Any], ...]
    """All of those streams and what names them in the center's, in order, in clear."""
    ledger: tuple[Recorded[Any], ...]
    """Who read, heard or took what of it, or was refused."""
    recordings: tuple[Envelope, ...]
    """The events that ordered or made a recording."""


async def disclose(
    access: Access,
    read: Read,
    subject: SubjectId,
    *,
    actor: Actor,
    purpose: str,
    how: str,
    component: str,
) -> Disclosure | Refused:
    """Tell everything about somebody; see ``Center.disclose``."""
    if not is_subject(subject):
        remedy = "take the 32 hex digits that the log has, after subject/"
        return Refused("subject.no_id", subject_stream(subject), "is no id of a subject", remedy)
    if how not in HOW:
        what = f"{how!r} is no way to disclose"
        return Refused("subject.bad_disclosure", "how", what, f"use {' or '.join(HOW)}")
    # Whether there is, or was, such a person is told to nobody who may not ask.
    untellable = await _untellable(read, subject)
    stream = subject_stream(subject)
    told = Draft(CENTER, DataDisclosed(subject, how, purpose))
    reply = await access.ask(
        EXPORT, stream, kind="subject", actor=actor, purpose=purpose, component=component,
        also=(told,) if untellable is None else (),
    )  # fmt: skip
    refused = stopped(reply) or untellable
    if refused is not None:
        return refused
    position: int = reply.positions[-1]  # type: ignore[union-attr]
    person = access.same(subject)
    found = _Found(person)
    async for batch in read(0, position + 1):
        for recorded in batch:
            found.look(recorded)
    streams = tuple(sorted(found.streams))
    events = list(found.named)
    for one in streams:
        async for batch in read(0, position + 1, stream=one):
            events += batch
    events.sort(key=lambda recorded: recorded[0].position)
    return Disclosure(
        subject,
        position,
        streams,
        tuple(await _opened(access, events, person)),
        tuple(r for r in found.accesses if stream_of(r[1].object) in found.streams),
        tuple(envelope for envelope, data in events if _is_recording(envelope, data)),
    )


async def _opened(
    access: Access, events: Sequence[Recorded[Any]], person: Container[str]
) -> list[Recorded[Any]]:
    """Open events a few at a time, for the floor of a center that runs has to go on."""
    found: list[Recorded[Any]] = []
    for n, recorded in enumerate(events):
        if n % AT_ONCE == 0:
            await trio.lowlevel.checkpoint()
        found.append((recorded[0], access.opened(recorded, person)))
    return found


async def _untellable(read: Read, subject: SubjectId) -> Refused | None:
    """Refuse somebody whom the log does not know, or does not know any more."""
    stream = subject_stream(subject)
    last: Recorded[Any] | None = None
    async for batch in read(stream=stream):
        for recorded in batch:
            if type(recorded[1]) in (SubjectKeyMade, SubjectErasureStarted, SubjectErased):
                last = recorded
    if last is None:
        what = "the log knows nobody under this id"
        remedy = "take the 32 hex digits that the log has, after subject/"
        return Refused("subject.unknown", stream, what, remedy)
    envelope, data = last
    if type(data) is SubjectKeyMade:
        return None
    what = f"was erased at position {envelope.position}"
    remedy = "nothing about them can be read any more; the log shows that it was erased"
    return Refused("subject.erased", stream, what, remedy)


class _Found:
    """What one reading of the log finds about somebody."""

    def __init__(self, person: Sequence[str]) -> None:
        self._person = frozenset(person)
        self._scopes = frozenset(map(subject_stream, person))
        self._bytes = frozenset(map(bytes.fromhex, person))
        self.streams: set[Stream] = {*self._scopes}
        self.named: list[Recorded[Any]] = []
        """In the center's stream."""
        self.accesses: list[Recorded[Any]] = []

    def look(self, recorded: Recorded[Any]) -> None:
        envelope, data = recorded
        if type(data) in (AccessGranted, AccessRefused):
            self.accesses.append(recorded)
        elif type(data) is HoldChanged and data.scope in self._scopes:
            self.named.append(recorded)
        elif self._is_about(data):
            if envelope.stream == CENTER:
                self.named.append(recorded)
            else:
                self.streams.add(envelope.stream)

    def _is_about(self, data: Any) -> bool:
        fields = getattr(data, "fields", None)
        named = fields.get("subject") if isinstance(fields, dict) else None
        if not self._person.isdisjoint((named, getattr(data, "subject", None))):
            return True
        return any(value.subject in self._bytes for value in sealed_in(data))


def _is_recording(envelope: Envelope, data: Any) -> bool:
    if type(data) is LegOrdered:
        return data.order == "record"
    return envelope.type.startswith("recording.")


def is_subject(text: str) -> bool:
    """Whether this is an id of a person: 16 bytes in lower-case hex."""
    return len(text) == 32 and all(sign in "0123456789abcdef" for sign in text)
