"""Numbers become subjects before decide, and personal values are sealed after it.

The key file is opened when the first person is met: a center that knows nobody needs no
keys, and no cryptography. Keys made since are durable before the frame that needs them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from cckit.core.commands import LogIn, ReportArrived, SetProfile
from cckit.core.events import PERSONAL, Draft, Recorded, Sealed
from cckit.core.facts import SubjectKeyMade
from cckit.core.floor import Floor
from cckit.core.ids import AgentId, Stream, SubjectId, agent_stream, subject_stream
from cckit.core.registry import Registry
from cckit.hooks.vault import Sealing
from cckit.stores.keys import Keys, Person

from .entropy import Entropy, contact_id, subject_id

Made = Callable[[Draft], None]
"""Records that a key was made."""


class People:
    """Who the log speaks about, and how that is hidden."""

    def __init__(self, path: str | None, log_id: bytes, entropy: Entropy) -> None:
        self._path = path
        self._log_id = log_id
        self._entropy = entropy
        self._keys: Keys | None = None
        self._sealing: Sealing | None = None
        self._agents: dict[Stream, SubjectId] = {}

    def known(self, command: Any, made: Made) -> Any:
        """The command with its numbers turned into a subject, as its digest is made of."""
        if type(command) is ReportArrived:
            number = command.to if command.direction == "out" else command.from_
            if command.subject is None and number is not None:
                person = self._note(self._opened().resolve(number), made)
                return _with(command, subject=person)
            if command.from_ is not None or command.to is not None:
                # A caller who hides the number is somebody all the same.
                subject = command.subject or subject_id(self._entropy)
                self._note(self._opened().adopt(subject), made)
                return _with(command, subject=subject)
        elif type(command) is SetProfile:
            self._know_agent(command.agent, command.name, made)
        elif type(command) is LogIn:
            self._know_agent(command.agent, command.device, made)
        return command

    def _know_agent(self, agent: AgentId, personal: str | None, made: Made) -> None:
        if personal is not None:
            stream = agent_stream(agent)
            self._agents[stream] = self._note(self._opened().resolve(stream), made)

    def completed(self, command: Any) -> Any:
        """The command with the ids that the shell draws."""
        if type(command) is ReportArrived and command.contact is None:
            return _with(command, contact=contact_id(self._entropy))
        return command

    def digested(self, command: Any) -> Any:
        """What the request's digest is made of: a subject stands for its numbers."""
        if type(command) is ReportArrived and command.subject is not None:
            return _with(command, from_=None, to=None)
        if type(command) is SetProfile and command.name is not None:
            return _with(command, name="")
        if type(command) is LogIn and command.device is not None:
            return _with(command, device="")
        return command

    def sealer(
        self, personal: Mapping[type, tuple[str, ...]], floor: Callable[[], Floor]
    ) -> Callable[[int, Stream, Any], Any]:
        """What the engine calls on each event.

        ``personal``: event class to its personal attributes. ``floor`` knows whom a
        contact is about.
        """

        def subject_of(stream: Stream, _: Any) -> SubjectId | None:
            contact = floor().contacts.get(stream)
            return self._agents.get(stream) if contact is None else contact.subject

        inner: Callable[[int, Stream, Any], Any] | None = None

        def seal(position: int, stream: Stream, data: Any) -> Any:
            nonlocal inner
            attributes = personal.get(type(data))
            if attributes is None or all(_sealed(getattr(data, name)) for name in attributes):
                return data
            if inner is None:
                inner = self._opened_sealing().sealer(subject_of)
            return inner(position, stream, data)

        return seal

    def opened(self, recorded: Recorded[Any]) -> Any:
        """An event's data with its personal values in clear; what is erased is None."""
        return self._opened_sealing().opened(*recorded)

    @property
    def pending(self) -> bool:
        """Whether keys must be made durable before the next frame."""
        return self._keys is not None and self._keys.pending

    def flush(self) -> None:
        """Make new keys durable. In the writer's thread."""
        if self._keys is not None:
            self._keys.flush()

    def close(self) -> None:
        if self._keys is not None:
            self._keys.close()

    def _note(self, person: Person, made: Made) -> SubjectId:
        if person.commitment is not None:
            made(Draft(subject_stream(person.subject), SubjectKeyMade(person.commitment)))
        return person.subject

    def _opened(self) -> Keys:
        if self._keys is None:
            self._keys = Keys.open(self._path, self._log_id, self._entropy.draw)
        return self._keys

    def _opened_sealing(self) -> Sealing:
        if self._sealing is None:
            self._sealing = Sealing(self._opened(), self._log_id, self._entropy.draw)
        return self._sealing


def personal_fields(registry: Registry) -> dict[type, tuple[str, ...]]:
    """Event class to the attributes that hold personal values; others are left out."""
    found = {}
    for cls, schema in registry.by_class.items():
        pairs = zip(attrs.fields(cls), schema.fields, strict=True)
        names = tuple(a.name for a, field in pairs if field.shape.base == PERSONAL)
        if names:
            found[cls] = names
    return found


def _sealed(value: object) -> bool:
    return value is None or type(value) is Sealed


def _with(command: Any, **changes: Any) -> Any:
    return attrs.evolve(command, **changes)
