"""Where a world's decisions go: frames of them, through the production codec and chain."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from cckit.core.codec import Codec
from cckit.core.errors import StoreError
from cckit.core.events import Decision, Recorded
from cckit.core.facts import FACTS
from cckit.core.frame import Frame
from cckit.core.registry import Registry, Upcaster
from cckit.core.upcasters import UPCASTERS
from cckit.hooks.store import Store

FRAME_DECISIONS: Final = 250
"""Looked at between two steps of the agenda, which add a few."""


class Logbook:
    """The writing end of a simulated log.

    A decision is encoded as soon as it is made and then let go, so a frame in the making
    is bytes, and what does not fit is named where it was decided.

    :param kinds, upcasters: event classes beside the core's, and what lifts old ones.
    """

    def __init__(
        self, store: Store, kinds: Sequence[type], upcasters: Sequence[Upcaster] = ()
    ) -> None:
        self.store = store
        self.epoch = store.claim()
        self.codec = Codec(Registry((*FACTS, *kinds), (*UPCASTERS, *upcasters)))
        self.pending: list[list[Any]] = []
        """Decided since the last frame, encoded."""
        self._fields = self.codec.decision_fields
        self._head = store.head()

    def add(self, decision: Decision) -> None:
        """Take a decision that has events.

        :raises UsageError: a value that does not fit its event.
        """
        self.pending.append(self._fields(decision))

    def flush(self, now: int, end: int) -> None:
        """Store what is pending, up to before the position ``end``, as one frame.

        :raises StoreError: the disk failed, or another writer is at the same log.
        """
        pending, head = self.pending, self._head
        if not pending:
            return
        first = 0 if head.position is None else head.position + 1
        body = self.codec.pack_fields(pending)
        frame = Frame.make(head.chain, first, end - first, now, head.epoch, body)
        if self.store.append(frame, head) is not None:
            raise StoreError("simulated log", "another writer is at it", "give each world a store")
        self._head = head._replace(position=frame.end - 1, chain=frame.chain)
        pending.clear()

    def events(self, types: tuple[type, ...] | None) -> Iterator[Recorded[Any]]:
        """Yield what is stored, decoded from its bytes."""
        for frame in self.store.read():
            yield from self.codec.events(frame.body, frame.first, types)
