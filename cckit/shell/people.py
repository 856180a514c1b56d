"""Numbers become subjects before decide, and personal values are sealed after it.

The key file is opened when the first person is met: a center that knows nobody needs no
keys, and no cryptography. Keys made since are durable before the frame that needs them.
Where a log has no key file, who comes is unknown and nothing personal is taken.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs

from cckit.core.codec import Codec, canonical, check_stream
from cckit.core.commands import LogIn, ReportArrived, SetProfile
from cckit.core.errors import Refused, UsageError
from cckit.core.events import PERSONAL, Draft, Recorded, Sealed, kind_of
from cckit.core.facts import SubjectKeyMade
from cckit.core.floor import Floor
from cckit.core.ids import Stream, SubjectId, agent_stream, subject_stream
from cckit.core.registry import Registry
from cckit.hooks.vault import Sealing
from cckit.stores.keys import Keys

from .entropy import Entropy, contact_id, subject_id
from .replies import Reply, Stored, Superseded

PERSONAL_IN: Final[Mapping[type, tuple[str, ...]]] = {
    ReportArrived: ("from_", "to"),
    SetProfile: ("name",),
    LogIn: ("device",),
}
"""The fields of commands that say something about a person."""
NO_KEYS: Final = "this log has no key file, so nothing personal can be sealed"
GIVE_KEYS: Final = "open the center with keys=PATH, or leave it None"


class People:
    """Who the log speaks about, and how that is hidden.

    ``open_keys`` opens the key file; None where the log has none. A command passes
    ``refusal``, ``known`` and ``carry_out``; its digest is made of what ``digested`` says.
    """

    def __init__(
        self, open_keys: Callable[[], Keys] | None, log_id: bytes, entropy: Entropy, codec: Codec
    ) -> None:
        self._open_keys = open_keys
        self._log_id = log_id
        self._entropy = entropy
        self._codec = codec
        self._personal = personal_fields(codec.registry)
        self._keys: Keys | None = None
        self._sealing: Sealing | None = None
        self._agents: dict[Stream, SubjectId] = {}
        self._fresh: Stream | None = None

    # --- a command on its way to decide ---------------------------------------------------

    def refusal(self, command: Any) -> Refused | None:
        """Refuse what is personal where no key can hide it."""
        if self._open_keys is None:
            for name in PERSONAL_IN.get(type(command), ()):
                if getattr(command, name) is not None:
                    return _no_keys(f"{type(command).__name__}.{name.rstrip('_')}")
        return None

    def known(self, command: Any) -> Any:
        """The command with its numbers turned into a subject, as its digest is made of."""
        if type(command) is ReportArrived:
            number = command.to if command.direction == "out" else command.from_
            if command.subject is None and number is not None:
                return _with(command, subject=self._opened().subject(number))
        elif type(command) in (SetProfile, LogIn) and _is_personal(command):
            stream = agent_stream(command.agent)
            self._agents[stream] = self._opened().subject(stream)
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

    def carry_out(self, command: Any, act: Callable[..., Reply]) -> Reply:
        """Have a command decided with the ids that the shell draws, which no digest holds.

        Somebody who has no key gets one, stored with what the command leads to
        (``also``); where that is nothing, no key is left.

        :raises UsageError: a subject that is no id of ours, and what ``act`` raises.
        """
        command = self._completed(command)
        stored = False
        try:
            reply = act(command, also=self._keyed(command))
            stored = isinstance(reply, Stored | Superseded) and bool(reply.recorded)
        finally:
            self._fresh = None
            if self._keys is not None:
                if stored:
                    self._keys.keep()
                else:
                    self._keys.drop()
        return reply

    def _completed(self, command: Any) -> Any:
        if type(command) is not ReportArrived:
            return command
        if command.subject is None and _is_personal(command):
            # A caller who hides the number is somebody all the same.
            command = _with(command, subject=subject_id(self._entropy))
            self._fresh = subject_stream(command.subject)
        if command.contact is None:
            command = _with(command, contact=contact_id(self._entropy))
        return command

    def _keyed(self, command: Any) -> Sequence[Draft]:
        if not _is_personal(command):
            return ()
        arrives = type(command) is ReportArrived
        subject = command.subject if arrives else self._agents[agent_stream(command.agent)]
        keys, stream = self._opened(), subject_stream(subject)
        made = keys.draw_key(subject)
        if made is None:
            return ()
        if keys.is_new(subject):
            self._fresh = stream
        return (Draft(stream, SubjectKeyMade(made)),)

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
            values = {name: getattr(data, name) for name in self._personal.get(type(data), ())}
            values = {name: value for name, value in values.items() if not _sealed(value)}
            if values and self._open_keys is None:
                return _no_keys(f"{kind_of(type(data)).name}.{next(iter(values)).rstrip('_')}")
            canonical(list(values.values()))
            self._codec.encode(_with(data, **dict.fromkeys(values)) if values else data)
        return None

    # --- sealing and opening --------------------------------------------------------------

    def sealer(self, floor: Callable[[], Floor]) -> Callable[[int, Stream, Any], Any]:
        """What the engine calls on each event; ``floor`` knows whom a contact is about."""
        personal = self._personal

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
        data = recorded[1]
        if all(
            type(getattr(data, name)) is not Sealed for name in self._personal.get(type(data), ())
        ):
            return data
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

    def _opened(self) -> Keys:
        if self._keys is None:
            if self._open_keys is None:
                raise UsageError("keys", NO_KEYS, GIVE_KEYS)
            self._keys = self._open_keys()
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


def _is_personal(command: Any) -> bool:
    fields = PERSONAL_IN.get(type(command), ())
    return any(getattr(command, name) is not None for name in fields)


def _no_keys(where: str) -> Refused:
    return Refused("subject.no_keys", where, NO_KEYS, GIVE_KEYS)


def _sealed(value: object) -> bool:
    return value is None or type(value) is Sealed


def _with(command: Any, **changes: Any) -> Any:
    return attrs.evolve(command, **changes)
