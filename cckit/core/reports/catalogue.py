"""Every metric by its id: the service levels, and what else the reports divide.

Sums of segments and intervals are named in ``handling``: talk, hold, wrapup (microseconds by
end), handled, transferred, offers, expired; of intervals the time in each state.
"""

from collections.abc import Iterable
from typing import Any, Final

from cckit.core.errors import ConfigError

from .definitions import SERVICE_LEVELS, Definition


def _other(
    id: str, title: str, num: dict[str, int], den: dict[str, int] | None, **more: Any
) -> Definition:
    return Definition(id, title, num, den, T=0, **more)


ASA: Final = _other("asa.answered@1", "Mean wait of answered", {"wait_A": 1}, {"A": 1}, unit="mean")
WAIT_P90: Final = _other(
    "wait.p90@1", "90 % of answered waited at most", {"wait_A": 1}, None, unit="us", calc="p90@1"
)
WAIT_MAX: Final = _other(
    "wait.max@1", "Longest wait of answered", {"wait_A": 1}, None, unit="us", calc="max@1"
)
HANDLED: Final = {"handled": 1}


def _handled(id: str, title: str, num: dict[str, int], *needs: str) -> Definition:
    more = {"unit": "mean", "table": "segment", "where": {}, "rule": "end", "needs": needs}
    return _other(id, title, num, HANDLED, **more)


AHT: Final = _handled(
    "aht.handled@1",
    "Handling time: talk, hold and wrap-up, of handled",
    {"talk": 1, "hold": 1, "wrapup": 1},
    "queue",
    "wrapup",
)
ATT: Final = _handled("att.handled@1", "Talk time, of handled", {"talk": 1}, "queue")
HOLD: Final = _handled("hold.handled@1", "Hold time, of handled", {"hold": 1}, "hold")
ACW: Final = _handled("acw.handled@1", "Wrap-up, of handled", {"wrapup": 1}, "wrapup")
RONA: Final = _other(
    "rona.offers@1",
    "Offers that expired, of offers made",
    {"expired": 1},
    {"offers": 1},
    table="segment",
    where={},
    rule="event",
    needs=("offers",),
)
TRANSFER: Final = _other(
    "transfer.handled@1",
    "Transferred, of handled",
    {"transferred": 1},
    HANDLED,
    table="segment",
    where={},
    rule="end",
    needs=("offers",),
)
OCCUPANCY: Final = _other(
    "occupancy.wall@1",
    "Busy and wrapping up, of that and ready",
    {"busy": 1, "wrapup": 1},
    {"busy": 1, "wrapup": 1, "ready": 1},
    table="interval",
    where={},
    rule="clipped",
    needs=("intervals",),
)
OTHERS: Final = (ASA, WAIT_P90, WAIT_MAX, AHT, ATT, HOLD, ACW, RONA, TRANSFER, OCCUPANCY)


class Catalogue:
    """Definitions by id: ours and a user's."""

    __slots__ = ("_by_id",)

    def __init__(self, more: Iterable[Definition] = ()) -> None:
        """:raises ConfigError: an id is given twice with different content."""
        self._by_id: dict[str, Definition] = {}
        for one in (*SERVICE_LEVELS, *OTHERS, *more):
            before = self._by_id.setdefault(one.id, one)
            if before.hash != one.hash:
                remedy = "raise the number after @"
                what = "it is already defined otherwise"
                raise ConfigError(f"definition {one.id}", what, remedy)

    def find(self, name: str) -> Definition:
        """``family.variant@n``, or without @n the newest.

        :raises ConfigError: none of that name.
        """
        if name in self._by_id:
            return self._by_id[name]
        fitting = [one for one in self._by_id.values() if one.name == name]
        if not fitting:
            allowed = ", ".join(sorted(self._by_id))
            raise ConfigError(f"definition {name}", "there is none", f"take one of {allowed}")
        return max(fitting, key=lambda one: int(one.id.partition("@")[2]))
