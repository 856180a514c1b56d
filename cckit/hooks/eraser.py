"""What erases the traces that a plugin leaves outside the log."""

from typing import Protocol

from cckit.core.ids import SubjectId


class Eraser(Protocol):
    """One place where somebody's data may lie: recordings, a CRM, a cache.

    .. versionadded:: 0.2
    """

    name: str
    """Stable: ``subject.erased`` lists what it did under it."""

    async def erase(self, subject: SubjectId, ground: str) -> int:
        """Erase all that is known of somebody; how many things were erased.

        It may be called again for the same person and then answers 0. It has a minute.
        Raising, or taking longer, is written down as a failure; nothing of the message is,
        since that may hold what was to be erased.
        """
        ...
