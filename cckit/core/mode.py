"""Modes: how a queue, or the whole center, works while something is special.

Several may be on at once, each until its instant: emergency > overload > holiday > closed
> normal. The first that is on holds; when it ends, the next one does, without an event,
for its end was said when it began. What a mode does is configuration of kind ``mode``:
its id is the mode's name, or name and queue (``closed sales``) where one queue differs.
"""

from typing import Any, Final

import attrs
import msgpack

from .ids import CENTER, QueueId
from .settings import ACCEPT, BLOCKED, CALLBACK_ONLY, DEFLECT, overflow_of

NORMAL: Final = "normal"
CLOSED: Final = "closed"
HOLIDAY: Final = "holiday"
OVERLOAD: Final = "overload"
EMERGENCY: Final = "emergency"
RANKED: Final = (EMERGENCY, OVERLOAD, HOLIDAY, CLOSED)
"""The first of them that is on holds; none is ``normal``."""
WHY: Final = {CLOSED: "hours", HOLIDAY: "hours", OVERLOAD: OVERLOAD, EMERGENCY: EMERGENCY}
"""What ``contact.closed`` says of whom a mode turned away."""


@attrs.frozen(slots=True)
class ModeSettings:
    """What becomes of who comes while a mode is on.

    .. versionadded:: 0.3
    """

    admission: str = ACCEPT
    """``accept``, ``callback_only``, ``deflect``, ``blocked`` or ``overflow QUEUE``."""
    lane: int = 2
    """From which lane on people come in all the same; 3 is nobody."""
    message: str = ""
    """The announcement that is played to whom is turned away."""

    def pack(self) -> bytes:
        packed: bytes = msgpack.packb(dict(sorted(attrs.asdict(self).items())))
        return packed

    @classmethod
    def unpack(cls, data: bytes) -> "ModeSettings":
        """:raises TypeError: a key that is not a setting."""
        fields: dict[str, Any] = msgpack.unpackb(data)
        return cls(**fields)


DEFAULTS: Final = {
    NORMAL: ModeSettings(),
    CLOSED: ModeSettings(BLOCKED),
    HOLIDAY: ModeSettings(BLOCKED),
    OVERLOAD: ModeSettings(CALLBACK_ONLY, lane=1),
    EMERGENCY: ModeSettings(DEFLECT),
}
"""Of modes that nobody configured."""


@attrs.define(slots=True, eq=False, weakref_slot=False)
class Modes:
    """What is on where; ``evolve`` alone writes it."""

    on: dict[str, dict[str, int]] = attrs.Factory(dict)
    """Scope to mode to its end; 0 is until somebody ends it."""
    settings: dict[str, ModeSettings] = attrs.Factory(dict)
    """By the id of their configuration."""

    def change(self, scope: str, mode: str, until: int, now: int) -> None:
        """Put a mode on; one whose end has come by now is ended, ``normal`` ends all of a scope.

        What has ended is forgotten.
        """
        active = {
            name: end for name, end in self.on.get(scope, {}).items() if not end or end > now
        }
        if mode == NORMAL:
            active = {}
        elif 0 < until <= now:
            active.pop(mode, None)
        else:
            active[mode] = until
        if active:
            self.on[scope] = active
        else:
            self.on.pop(scope, None)

    def of(self, queue: QueueId, now: int) -> str:
        """The mode that holds for a queue: its own or the center's, whichever ranks first."""
        if not self.on:
            return NORMAL
        here, everywhere = self.on.get(f"queue/{queue}", {}), self.on.get(CENTER, {})
        for mode in RANKED:
            for active in (here, everywhere):
                end = active.get(mode)
                if end is not None and (end == 0 or end > now):
                    return mode
        return NORMAL

    def rules(self, mode: str, queue: QueueId) -> ModeSettings:
        """What a mode does to a queue."""
        own = self.settings.get(f"{mode} {queue}") or self.settings.get(mode)
        return own or DEFAULTS[mode]


def wrong_mode(id: str, data: bytes) -> str | None:
    """Say what is wrong with the configuration of a mode, if anything."""
    if id.partition(" ")[0] not in DEFAULTS:
        return f"there is no mode {id!r}; there are {', '.join(DEFAULTS)}, each with a queue or not"
    try:
        settings = ModeSettings.unpack(data)
    except (TypeError, KeyError, ValueError, msgpack.UnpackException) as error:
        return f"the settings are unreadable: {error}"
    words = (ACCEPT, CALLBACK_ONLY, DEFLECT, BLOCKED)
    admission = settings.admission
    if type(admission) is not str or (admission not in words and not overflow_of(admission)):
        return f"admission is {admission!r}, allowed are {', '.join(words)} and 'overflow QUEUE'"
    if type(settings.lane) is not int or not 0 <= settings.lane <= 3:
        return f"lane is {settings.lane!r}, allowed are 0 to 3"
    if type(settings.message) is not str:
        return f"message is {settings.message!r}, allowed is text"
    if settings.pack() != data:
        return "the settings are not the canonical msgpack of a map of all of them"
    return None
