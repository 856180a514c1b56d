"""Numbers become subjects before decide, and personal values are sealed after it.

The key file is opened with a log that has one, else before the first person is met: a center
that knows nobody needs no keys, and no cryptography. That is done by the thread that writes,
for who keeps the KEK may be far away. Keys are durable before the frame that needs them.
Where a log has no key file, who comes is unknown and nothing personal is taken.

From the moment an erasure is decided nobody opens or seals anything of that person: what
would be said of them in an event is left out of it, and their number is somebody new's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from cckit.core.codec import Codec, canonical, check_stream
from cckit.core.commands import said_in
from cckit.core.errors import Refused, UsageError
from cckit.core.events import Draft, Envelope, Recorded, Sealed, kind_of
from cckit.core.facts import ContactIdentified, SubjectErasureStarted, SubjectKeyMade
from cckit.core.floor import Floor
from cckit.core.ids import Stream, SubjectId, subject_stream
from cckit.hooks.vault import Salted, Sealing, subject_bytes
from cckit.shell.entropy import Entropy, contact_id, subject_id
from cckit.shell.owner import Owner
from cckit.shell.replies import Reply, Stored, Superseded
from cckit.stores.destroying import Destroyed
from cckit.stores.keyfile import NOTHING, Erased, Mark
from cckit.stores.keys import Keys

from .whose import (
    about,
    agent_of,
    begun_by,
    completed,
    digested,
    is_personal,
    number_of,
    personal_fields,
    takes_subject,
)
from .whose import with_ as _with

NO_KEYS: Final = "this log has no key file, so nothing personal can be sealed"
GIVE_KEYS: Final = "open the center with keys=PATH, or leave it None"


class People:
    """Who the log speaks about, and how that is hidden.

    ``open_keys`` opens the key file; None where the log has none. A command passes
    ``refusal``, ``known`` and ``carry_out``; its digest is made of what ``digested`` says.
    ``end``: the position after the log's last event when it was opened.
    """

    def __init__(
        self,
        open_keys: Callable[[], Keys] | None,
        owner: Owner,
        log_id: bytes,
        entropy: Entropy,
        codec: Codec,
        end: int = 0,
    ) -> None:
        self._open_keys = open_keys
        self._owner = owner
        self._log_id = log_id
        self._entropy = entropy
        self._codec = codec
        self._personal = personal_fields(codec.registry)
        self._keys: Keys | None = None
        self._sealing: Sealing | None = None
        self._agents: dict[Stream, SubjectId] = {}
        self._unnamed: dict[Stream, SubjectId] = {}
        """Contacts that the command being decided begins, of whom no fact says it yet."""
        self._floor: Callable[[], Floor] = Floor
        self._fresh: Stream | None = None
        self._end = end
        self._shut: set[bytes] = set()

    @property
    def is_ready(self) -> bool:
        """Whether the keys are open, or there are none."""
        return self._keys is not None or self._open_keys is None

    async def ready(self) -> None:
        """Have the keys opened by the thread that writes, before anybody is spoken of.

        :raises FormatError: a foreign key file, or one whose KEK is missing.
        :raises StoreError: the disk, or whoever keeps the KEK, failed.
        """
        if not self.is_ready:
            await self._owner.run(self._opened)

    def find(self, number: str) -> SubjectId | None:
        """Who has a number; None if nobody does, or has till an erasure. It meets nobody.

        :raises StoreError: the disk failed.
        :raises UsageError: there is no key file.
        """
        return self._opened().find_subject(number)

    # --- a command on its way to decide ---------------------------------------------------

    def refusal(self, command: Any) -> Refused | None:
        """Refuse what is personal where no key can hide it."""
        if self._open_keys is None:
            for said in said_in(command):
                return _no_keys(f"{type(command).__name__}.{said.field.rstrip('_')}")
        return None

    def known(self, command: Any) -> Any:
        """The command with its number turned into a subject, as its digest is made of.

        Who is in the floor's contacts already is looked up when it is carried out.
        """
        if takes_subject(command) and about(command) is None:
            number = number_of(command)
            if number is not None:
                return _with(command, subject=self._opened().subject(number))
        return command

    def digested(self, command: Any) -> Any:
        """What the request's digest is made of: nothing that is said of a person."""
        return digested(command)

    def carry_out(self, command: Any, act: Callable[..., Reply]) -> Reply:
        """Have a command decided with the ids that the shell draws, which no digest holds.

        Somebody who has no key gets one, stored with what the command leads to
        (``also``); where that is nothing, no key is left.

        :raises UsageError: a subject that is no id of ours, and what ``act`` raises.
        """
        command = completed(command, partial(contact_id, self._entropy))
        made_at = -1
        try:
            if is_personal(command):
                whose = self._whose(command)
                reply = act(whose.command, before=whose.before, also=self._keyed(whose))
            else:
                reply = act(command)
            if isinstance(reply, Stored | Superseded):
                made_at = _made_at(reply)
        finally:
            self._fresh = None
            self._unnamed.clear()
            if self._keys is not None:
                if made_at >= 0:
                    self._keys.keep(made_at)
                else:
                    self._keys.drop()
        return reply

    def _whose(self, command: Any) -> "_Whose":
        """Whom a command speaks of: see ``whose``.

        :raises UsageError: nobody can tell.
        """
        agent, stream = agent_of(command), about(command)
        if agent is not None:
            subject = self._agents[agent] = self._opened().subject(agent)
            return _Whose(command, subject)
        named: SubjectId | None = getattr(command, "subject", None)
        if named is not None:
            return _Whose(command, named)
        if stream is None:
            if not takes_subject(command):
                what = "says something of a person, and not of whom"
                remedy = "give it a subject, a contact or an agent"
                raise UsageError(type(command).__name__, what, remedy)
            # A caller who hides the number is somebody all the same.
            drawn = self._drawn()
            return _Whose(_with(command, subject=drawn), drawn)
        if stream.startswith("subject/"):
            return _Whose(command, SubjectId(stream.removeprefix("subject/")))
        contact = self._floor().contacts.get(stream)
        if contact is None or contact.subject is not None:
            return _Whose(command, None if contact is None else contact.subject)
        return self._met(command, stream)

    def _met(self, command: Any, stream: Stream) -> "_Whose":
        """Give a contact of nobody known a person, for something is said of them now."""
        number = number_of(command)
        subject = self._drawn() if number is None else self._opened().subject(number)
        identified = ContactIdentified(subject, "contact" if number is None else "number", 0)
        if takes_subject(command):
            command = _with(command, subject=subject)
        begun = begun_by(command)
        if begun is None:
            return _Whose(command, subject, (Draft(stream, identified),))
        # The rule saw nobody yet, so the contact that it begins is of nobody either.
        self._unnamed[begun] = subject
        return _Whose(
            command, subject, (Draft(stream, identified),), (Draft(begun, identified),)
        )

    def _drawn(self) -> SubjectId:
        subject = subject_id(self._entropy)
        self._fresh = subject_stream(subject)
        return subject

    def _keyed(self, whose: "_Whose") -> Sequence[Draft]:
        subject = whose.subject
        if subject is None:
            return whose.also
        keys, stream = self._opened(), subject_stream(subject)
        made = keys.draw_key(subject)
        if made is None:
            return whose.also
        if keys.is_new(subject):
            self._fresh = stream
        return (*whose.also, Draft(stream, SubjectKeyMade(made)))

    def is_fresh(self, stream: Stream) -> bool:
        """Whether this is the stream of somebody whom no event can have spoken of."""
        return stream == self._fresh

    # --- ready facts ----------------------------------------------------------------------

    def unsealable(self, drafts: Sequence[Draft]) -> Refused | None:
        """Refuse personal facts that could not be sealed and stored, as a dry run.

        :raises UsageError: another value that does not fit its event.
        """
        for stream, data in drafts:
            check_stream(stream)
            values = self._clear(data)
            if values and self._open_keys is None:
                return _no_keys(f"{kind_of(type(data)).name}.{next(iter(values)).rstrip('_')}")
            canonical(list(values.values()))
            self._codec.encode(_with(data, **dict.fromkeys(values)) if values else data)
        return None

    def has_clear(self, drafts: Sequence[Draft]) -> bool:
        """Whether facts hold something that has to be sealed."""
        return any(self._clear(data) for _, data in drafts)

    def _clear(self, data: Any) -> dict[str, Any]:
        values = {name: getattr(data, name) for name in self._personal.get(type(data), ())}
        return {name: value for name, value in values.items() if not _sealed(value)}

    # --- sealing and opening --------------------------------------------------------------

    def sealer(self, floor: Callable[[], Floor]) -> Callable[[int, Stream, Any], Any]:
        """What the engine calls on each event; ``floor`` knows whom a contact is about."""
        # What closes somebody's values is looked for by the same look-up as what has any.
        personal = {**self._personal, SubjectErasureStarted: ()}
        self._floor = floor

        def subject_of(stream: Stream, _: Any) -> SubjectId | None:
            contact = floor().contacts.get(stream)
            if contact is not None and contact.subject is not None:
                return contact.subject
            if stream.startswith("subject/"):
                return SubjectId(stream.removeprefix("subject/"))
            return self._unnamed.get(stream) or self._agents.get(stream)

        inner: Callable[[int, Stream, Any], Any] | None = None

        def seal(position: int, stream: Stream, data: Any) -> Any:
            nonlocal inner
            attributes = personal.get(type(data))
            if attributes is None:
                return data
            if not attributes:
                self.shut([stream])
                return data
            if all(_sealed(getattr(data, name)) for name in attributes):
                return data
            who = getattr(data, "subject", None) or subject_of(stream, data)
            if who is not None and self._opened().is_erased(subject_bytes(who)):
                return _with(data, **{n: None for n in attributes if not _sealed(getattr(data, n))})
            if inner is None:
                inner = self._opened_sealing().sealer(subject_of)
            return inner(position, stream, data)

        return seal

    def opened(self, recorded: Recorded[Any]) -> Any:
        """An event's data with its personal values in clear; what is erased is None."""
        data = recorded[1]
        if all(
            type(getattr(data, name)) is not Sealed for name in self._personal.get(type(data), ())
        ):
            return data
        return self._opened_sealing().opened(*recorded)

    def salted(self, envelope: Envelope, field: str, sealed: Sealed) -> Salted | None:
        """A value of an event as it was sealed; None if it is erased."""
        place = (envelope.position, envelope.type, envelope.schema_version, field)
        return self._opened_sealing().salted(sealed, *place)

    # --- erasing --------------------------------------------------------------------------

    def shut(self, streams: Iterable[Stream]) -> None:
        """Open and seal nothing any more of those whose erasure was decided."""
        people = {_subject_of(stream) for stream in streams}
        self._shut |= people
        if self._sealing is not None:
            self._sealing.forget(people)

    def eraser(self) -> "Callable[[Mapping[Stream, Erased], Mark], Destroyed] | None":
        """What destroys people's keys, in the writer's thread; None where there are none."""
        if self._open_keys is None:
            return None
        keys = self._opened()

        def destroy(people: Mapping[Stream, Erased], mark: Mark) -> Destroyed:
            return keys.erase({_subject_of(stream): one for stream, one in people.items()}, mark)

        return destroy

    def erased(self, stream: Stream) -> None:
        """Somebody's keys are destroyed: whoever is under this id from now on is new."""
        subject = _subject_of(stream)
        self._shut.discard(subject)
        self._agents = {agent: who for agent, who in self._agents.items() if who != subject.hex()}
        if self._sealing is not None:
            self._sealing.forget([subject])

    # --- the disk -------------------------------------------------------------------------

    def remember(self, mark: Mark) -> None:
        """Have the keys take another mark than the highest; see ``Keys``."""
        if self._open_keys is not None:
            self._opened().remember(mark)

    def is_gone(self, data: Any) -> bool:
        """Whether an event says something of somebody that nobody can open any more."""
        sealed = [getattr(data, name) for name in self._personal.get(type(data), ())]
        return self._open_keys is not None and any(
            type(value) is Sealed and self._opened().find(value.subject, value.key) is None
            for value in sealed
        )

    @property
    def pending(self) -> bool:
        """Whether keys must be made durable before the next frame."""
        return self._keys is not None and self._keys.pending

    def flush(self, mark: Mark = NOTHING) -> None:
        """Make new keys durable; ``mark`` is the log's durable end. In the writer's thread."""
        if self._keys is not None:
            self._keys.flush(mark)

    def close(self, mark: Mark = NOTHING) -> None:
        if self._keys is not None:
            self._keys.close(mark)

    def _opened(self) -> Keys:
        if self._keys is None:
            if self._open_keys is None:
                raise UsageError("keys", NO_KEYS, GIVE_KEYS)
            keys = self._open_keys()
            keys.forget_after(self._end)
            keys.shut = self._shut
            self._keys = keys
        return self._keys

    def _opened_sealing(self) -> Sealing:
        if self._sealing is None:
            self._sealing = Sealing(self._opened(), self._log_id, self._entropy.draw)
        return self._sealing


class _Whose(NamedTuple):
    """Of whom a command speaks, and what must be stored so that the log knows it."""

    command: Any
    subject: SubjectId | None
    """None: of a contact that the floor does not know, of which nothing is said."""
    before: tuple[Draft, ...] = ()
    also: tuple[Draft, ...] = ()


def _no_keys(where: str) -> Refused:
    return Refused("subject.no_keys", where, NO_KEYS, GIVE_KEYS)


def _made_at(reply: Stored | Superseded) -> int:
    """Position of the key that was committed to; -1 if none was."""
    for envelope, data in reply.recorded:
        if type(data) is SubjectKeyMade:
            return envelope.position
    return -1


def _subject_of(stream: Stream) -> bytes:
    """Whose stream this is: ``subject/`` and 32 hex digits, as the floor has checked."""
    return subject_bytes(SubjectId(stream.partition("/")[2]))


def _sealed(value: object) -> bool:
    return value is None or type(value) is Sealed
