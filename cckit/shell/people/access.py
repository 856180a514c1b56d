"""Whoever opens a personal value asks here, and is in the log before the first clear byte.

``access.granted`` is durable before anything is shown: a crash can lose what was to be
shown, never that it was. Who may not is in the log too (``access.refused``). This is the
only caller of ``People.opened`` and ``salted``, so there is no way past it in the shell.
What a channel needs for an order stays sealed on its way: an order carries the address as
it stands in the log, for its own contact and no other.
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any, Final

import attrs
import trio

from cckit.core.access import Asked, owner_of
from cckit.core.codec import Codec
from cckit.core.commands import ReportArrived
from cckit.core.edges import check, check_sender
from cckit.core.errors import Refused, StoreError, UsageError
from cckit.core.events import Actor, Draft, Envelope, Recorded, Sealed
from cckit.core.facts import AccessGranted
from cckit.core.ids import CENTER, Stream, SubjectId, subject_stream
from cckit.core.same_person import same
from cckit.core.schema import Unknown
from cckit.hooks.vault import Salted
from cckit.shell.replies import Reply
from cckit.shell.replies import Unknown as UnknownReply
from cckit.shell.writer import Writer

from .sealing import People

UNMASK: Final = "Unmask"
"""Read the personal values of one event."""
EXPORT: Final = "Export"
"""Take away everything about somebody, a report that names people, or a value to prove."""
FIND: Final = "Find"
"""Learn who has a number."""
NUMBERS: Final = "numbers"
"""What a search for a number is about, as long as nobody may know whose it is."""
PURPOSE_MAX: Final = 400
"""Characters of a purpose, which is stored for ever, once for each access."""


class Access:
    """The access ledger of an open center."""

    def __init__(self, writer: Writer, people: People, codec: Codec) -> None:
        self._writer = writer
        self._people = people
        self._codec = codec

    async def ask(
        self,
        action: str,
        object: str,
        *,
        kind: str,
        actor: Actor,
        purpose: str,
        component: str,
        also: Sequence[Draft] = (),
        target: str | None = None,
    ) -> Reply:
        """Have an access allowed and written down; returns when that is durable.

        ``also`` is stored with it, or not at all. ``target`` is what is asked about and
        what a refusal names, where that must say less than ``object``.

        :raises StoreError: the store failed before; reopen the log.
        :raises UsageError: the center is closed, or words that no event can hold.
        """
        writer = self._writer
        writer.check_open()
        refused = check_sender(actor, None, None) or _unfounded(object, purpose)
        refused = refused or writer.overloaded()
        if refused is not None:
            await trio.lowlevel.checkpoint()
            return refused
        granted = AccessGranted(actor.id, action, component, kind, object, purpose)
        drafts = (Draft(CENTER, granted), *also)
        encoded = self._codec.encoded(drafts)
        asked = Asked(action, target or owner_of(object, writer.engine.floor), purpose)
        return await writer.durable(writer.record(drafts, actor, encoded=encoded, asked=asked))

    async def unmask(
        self, recorded: Recorded[Any], *, actor: Actor, purpose: str, component: str
    ) -> Any:
        """An event's data with its personal values in clear, or why not; see ``Center``.

        :raises StoreError: it is not known whether the access is on disk, so nothing is shown.
        """
        envelope, data = recorded
        if not sealed_in(data):
            await trio.lowlevel.checkpoint()
            return data
        place, kind = name_of(envelope), envelope.type
        asked = self.ask(
            UNMASK, place, kind=kind, actor=actor, purpose=purpose, component=component
        )
        refused = stopped(await asked)
        return self.opened(recorded) if refused is None else refused

    def same(self, subject: SubjectId) -> tuple[str, ...]:
        """All ids under which the log knows this person, sorted."""
        return same(self._writer.engine.floor.merged, subject)

    def opened(self, recorded: Recorded[Any], only: Container[str] | None = None) -> Any:
        """An event's data in clear: only after an access to it is durable.

        Of somebody whose erasure has begun nothing is opened any more. With ``only`` the
        values of all who are not in it stay sealed.
        """
        data = recorded[1]
        if not sealed_in(data) or isinstance(data, Unknown):
            return data  # Of what no loaded plugin knows, nobody knows what it says.
        clear = self._people.opened(recorded)
        erasing = self._writer.engine.floor.erasing
        shut: dict[str, Sealed | None] = {}
        for field in attrs.fields(type(data)):
            value = getattr(data, field.name)
            if type(value) is Sealed:
                if subject_stream(value.subject.hex()) in erasing:
                    shut[field.name] = None
                elif only is not None and value.subject.hex() not in only:
                    shut[field.name] = value
        return attrs.evolve(clear, **shut) if shut else clear

    async def reveal(
        self,
        values: Sequence[tuple[Recorded[Any], str]],
        *,
        actor: Actor,
        purpose: str,
        component: str,
    ) -> tuple[Salted | None, ...] | Refused:
        """Values with their salts, once an access to each is durable; see ``Center``."""
        wanted = [_sealed_at(recorded, field) for recorded, field in values]
        for (envelope, _), field in values:
            asked = self.ask(
                EXPORT, name_of(envelope), kind=f"{envelope.type}.{field}",
                actor=actor, purpose=purpose, component=component,
            )  # fmt: skip
            refused = stopped(await asked)
            if refused is not None:
                return refused
        erasing = self._writer.engine.floor.erasing
        return tuple(
            None
            if subject_stream(sealed.subject.hex()) in erasing
            else self._people.salted(recorded[0], field, sealed)
            for (recorded, field), sealed in zip(values, wanted, strict=True)
        )

    async def find(
        self, number: str, *, actor: Actor, purpose: str, component: str
    ) -> SubjectId | Refused:
        """Who has a number, once it is durable who asked and whom they found; see ``Center``."""
        self._writer.check_open()
        unusable = check(ReportArrived("voice", from_=number))
        if unusable is not None:
            await trio.lowlevel.checkpoint()
            return Refused(unusable.reason, "number", unusable.what, unusable.remedy)
        await self._people.ready()
        found = self._people.find(number)
        asked = self.ask(
            FIND, NUMBERS if found is None else subject_stream(found), target=NUMBERS,
            kind="number", actor=actor, purpose=purpose, component=component,
        )  # fmt: skip
        refused = stopped(await asked)
        if refused is not None:
            return refused
        if found is not None:
            return found
        what = "the log knows nobody who has this number"
        remedy = "write it as the adapter does, such as +972500000"
        return Refused("subject.unknown", "number", what, remedy)


def stopped(reply: Reply) -> Refused | None:
    """Why an access must not go on; None if it is granted and durable.

    :raises StoreError: nobody knows whether it is on disk.
    """
    if isinstance(reply, UnknownReply):
        raise StoreError(reply.where, reply.what, reply.remedy)
    return reply if isinstance(reply, Refused) else None


def sealed_in(data: Any) -> tuple[Sealed, ...]:
    """The sealed values of an event, also of one whose plugin is not loaded."""
    return tuple(sealed_fields(data).values())


def sealed_fields(data: Any) -> dict[str, Sealed]:
    """Stored name to sealed value, in stored order; see ``sealed_in``."""
    found = getattr(data, "fields", None)
    values = found if isinstance(found, dict) else _values(data)
    return {name: value for name, value in values.items() if type(value) is Sealed}


def _sealed_at(recorded: Recorded[Any], field: str) -> Sealed:
    envelope, data = recorded
    sealed = sealed_fields(data).get(field)
    if sealed is None:
        what = "holds no sealed value"
        raise UsageError(f"{name_of(envelope)}, {field}", what, "name a field that does")
    return sealed


def name_of(envelope: Envelope) -> str:
    """An event as the ledger names it: ``contact/ID@3``, stream and version in it."""
    return f"{envelope.stream}@{envelope.stream_version}"


def stream_of(object: str) -> Stream:
    """The stream that an object of the ledger belongs to."""
    return Stream(object.partition("@")[0])


def _values(data: Any) -> Mapping[str, Any]:
    return {field.name.rstrip("_"): getattr(data, field.name) for field in attrs.fields(type(data))}


def _unfounded(object: str, purpose: str) -> Refused | None:
    if len(purpose) > PURPOSE_MAX:
        what = f"a purpose of {len(purpose)} characters"
        return Refused("access.long_purpose", object, what, f"say it in {PURPOSE_MAX}")
    if purpose and not purpose.isspace():
        return None
    return Refused("access.no_purpose", object, "an access without a purpose", "say what it is for")
