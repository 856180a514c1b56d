"""A projection of these tests, in a module of its own, whose source its pins name."""

from typing import Any

from cckit.core.events import Recorded
from cckit.core.facts import QueueEntered
from cckit.core.projection import Canonical


class Entries:
    """How many entries there were, times ``step``: another step is another behaviour."""

    name = "test.entries"
    types: tuple[type, ...] = (QueueEntered,)

    def __init__(self, step: int = 1, version: int = 1) -> None:
        self.step = step
        self.version = version

    def initial(self) -> dict[str, int]:
        return {}

    def apply(self, state: dict[str, int], recorded: Recorded[Any]) -> None:
        queue = recorded[1].queue
        state[queue] = state.get(queue, 0) + self.step

    def dump(self, state: dict[str, int]) -> Canonical:
        return state


class Breaks(Entries):
    """Raises at its second entry."""

    def apply(self, state: dict[str, int], recorded: Recorded[Any]) -> None:
        if state:
            raise ZeroDivisionError
        super().apply(state, recorded)
