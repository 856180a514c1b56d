"""What a command is refused for before the floor decides about it.

Most of it is known at once. Two things the floor has forgotten or never knew, and the log
is asked: whether a contact has arrived before, and whether somebody is known at all.
"""

from typing import Any

from cckit.core.commands import ApplyConfig, Erase, SetHold, SetPermission
from cckit.core.edges import check, check_sender
from cckit.core.errors import Refused
from cckit.core.events import Actor
from cckit.core.ids import Stream, subject_stream
from cckit.core.instant import Instant

from .life import Parts
from .people import begun_by


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
        if begun is not None:
            if await self._ended_long_ago(begun):
                what = "this contact has arrived before"
                remedy = "name none: a new random id is drawn for each contact"
                return Refused("contact.exists", begun, what, remedy)
        elif kind in (Erase, SetHold) and await self._is_about_nobody(command):
            where = "Erase.subject" if kind is Erase else "SetHold.scope"
            what = "the log knows nobody under this id"
            remedy = "take the 32 hex digits that the log has, after subject/"
            return Refused("subject.unknown", where, what, remedy)
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

    async def _is_about_nobody(self, command: Erase | SetHold) -> bool:
        """Whether the log has no event about the person whom a command names."""
        scope = command.scope if isinstance(command, SetHold) else subject_stream(command.subject)
        stream = Stream(scope)
        if not stream.startswith("subject/") or stream in self._writer.engine.floor.versions:
            return False
        return not await self._is_in_log(stream)

    async def _is_in_log(self, stream: Stream) -> bool:
        found = await self._parts.archive.version(stream)
        self._writer.check_open()
        return found is not None
