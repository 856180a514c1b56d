"""What a command is refused for before the floor decides about it.

Most of it is known at once. Two things the floor has forgotten or never knew, and the log
is asked: whether a contact has arrived before, and whether somebody is known at all.
"""

from collections.abc import Mapping
from typing import Any, Final

from cckit.core.commands import (
    ApplyConfig,
    Erase,
    Identify,
    Merge,
    Recall,
    SetHold,
    SetPermission,
)
from cckit.core.edges import check, check_sender
from cckit.core.errors import Refused
from cckit.core.events import Actor
from cckit.core.ids import CENTER, Stream, subject_stream
from cckit.core.instant import Instant

from .life import Parts
from .people import begun_by
from .people.disclosing import is_subject

TAKE_AN_ID: Final = "take the 32 hex digits that the log has, after subject/"
_KNOWN: Final[Mapping[type, tuple[str, ...]]] = {
    Erase: ("subject",),
    SetHold: ("scope",),
    Merge: ("subject", "into"),
}
"""Fields that name somebody whom the log must know."""
_SUBJECTS: Final[Mapping[type, tuple[str, ...]]] = {
    Identify: ("subject",),
    Merge: ("subject", "into"),
    Recall: ("subject",),
}
"""Fields that end up in events as they are, where they must name a person by an id of ours."""


class Admission:
    """The way in to a center that stands on these parts."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._writer = parts.writer
        self._people = parts.people

    def at_once(
        self, command: Any, actor: Actor, request: str | None, occurred_at: Instant | None
    ) -> Refused | None:
        """The first of these that says no."""
        return (
            check(command)
            or check_sender(actor, request, occurred_at)
            or self._writer.overloaded()
            or self._writer.turned_away(command)
            or _of_no_subject(command)
            or self._people.refusal(command)
            or self._of_no_role(command)
            or self._for_nobody(command)
        )

    async def by_the_log(self, command: Any) -> Refused | None:
        """What only the log knows, asked once a repeat of the command is ruled out.

        :raises StoreError: the log can't be read, or failed meanwhile.
        :raises UsageError: the center was closed meanwhile.
        """
        kind, begun = type(command), begun_by(command)
        if begun is not None and await self._ended_long_ago(begun):
            what = "this contact has arrived before"
            remedy = "name none: a new random id is drawn for each contact"
            return Refused("contact.exists", begun, what, remedy)
        for field in _KNOWN.get(kind, ()):
            if await self._is_about_nobody(getattr(command, field)):
                what = "the log knows nobody under this id"
                return Refused("subject.unknown", f"{kind.__name__}.{field}", what, TAKE_AN_ID)
        return None

    def _of_no_role(self, command: Any) -> Refused | None:
        """Refuse a role that no plugin judges by."""
        roles = self._parts.loaded.roles
        if type(command) is not SetPermission or not command.given or not roles:
            return None
        if command.role in roles:
            return None
        what = "no plugin that is loaded knows this role"
        remedy = f"use {', '.join(roles)}, or configure it"
        return Refused("permission.unknown_role", "SetPermission.role", what, remedy)

    def _for_nobody(self, command: Any) -> Refused | None:
        """Refuse configuration that nobody reads."""
        if type(command) is not ApplyConfig:
            return None
        plugins = self._parts.loaded.versions.get("plugins", "").split()
        kinds = ("queue", "center", *plugins)
        if command.kind in kinds:
            return None
        what = "no plugin that is loaded has this name"
        return Refused("config.unknown_kind", "ApplyConfig.kind", what, f"use {', '.join(kinds)}")

    async def _ended_long_ago(self, stream: Stream) -> bool:
        """Whether a contact that the floor has forgotten stands in the log."""
        floor = self._writer.engine.floor
        if stream in floor.versions or floor.closed == len(floor.closed_at):
            return False
        return await self._is_in_log(stream)

    async def _is_about_nobody(self, named: str) -> bool:
        """Whether the log has no event about a person: an id, or a scope that may be another."""
        stream = Stream(named) if "/" in named else subject_stream(named)
        if not stream.startswith("subject/") or named == CENTER:
            return False
        if stream in self._writer.engine.floor.versions:
            return False
        return not await self._is_in_log(stream)

    async def _is_in_log(self, stream: Stream) -> bool:
        found = await self._parts.archive.version(stream)
        self._writer.check_open()
        return found is not None


def _of_no_subject(command: Any) -> Refused | None:
    """Refuse what no vault could have given for an id of somebody."""
    for field in _SUBJECTS.get(type(command), ()):
        named = getattr(command, field)
        if named is not None and not is_subject(named):
            what = "is no id of a subject"
            return Refused("subject.no_id", f"{type(command).__name__}.{field}", what, TAKE_AN_ID)
    return None
