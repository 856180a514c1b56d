"""Documents to render."""

from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any

import pytest
import tzdata  # type: ignore[import-untyped]

from cckit.core.reports import Catalogue, Column, Document, Table, Zone
from cckit.core.reports.arithmetic import mean, no_ratio, ratio

AT = 918_460_800_000_000
OFFERED = Catalogue().find("sl.offered")
COLUMNS = (
    Column("interval", "text"),
    Column("interval_at", "instant"),
    Column("interval_us", "us"),
    Column("queue", "text"),
    *(Column(name, "int", "arrival") for name in ("arrived", "A", "B", "F", "D", "E", "open")),
    Column("sl.offered", "ratio", "arrival", OFFERED.id),
    Column("asa", "mean", "arrival"),
    Column("wait_p90_us", "us", "arrival"),
    Column("gone", "int", None, None, "not measured"),
)


def read_zone(name: str) -> Zone:
    data = resources.files("tzdata.zoneinfo").joinpath(*name.split("/")).read_bytes()
    return Zone.of(name, data, "2026a")


def header(report: str, interval: str | None, columns: Sequence[Column]) -> dict[str, Any]:
    return {
        "report": report,
        "kind": "simulated",
        "source": "a test",
        "seed": 7,
        "definitions": [{"id": OFFERED.id, "hash": OFFERED.hash}],
        "rule": ["arrival"],
        "zone": {"name": "Asia/Jerusalem", "sha256": "0" * 64, "iana": tzdata.IANA_VERSION},
        "interval": interval,
        "from": AT,
        "to": AT + 3_600_000_000,
        "as_of": AT,
        "position": 12,
        "chain": "ab" * 32,
        "projections": {"contact.segments": 1},
        "edition": 1,
        "columns": [column.name for column in columns],
        "counts": {"open": 1, "clamped": 0, "quarantined": {}, "skew_us": 0},
    }


Make = Callable[..., Document]


@pytest.fixture(scope="session")
def make() -> Make:
    """A document of queue-intervals with one queue of any name."""

    def made(queue: str | None = "help", report: str = "queue-intervals", n: int = 2) -> Document:
        rows: list[tuple[object, ...]] = []
        for i in range(n):
            head = (f"1999-02-08T10:{30 * (i % 2):02}+02:00", AT + i * 1_800_000_000, 1_800_000_000)
            counts = (3, 2, 1, 0, 0, 0, 0)
            rows.append((*head, queue, *counts, ratio(1, 3), mean(28_000_000, 2), 23_000_000, None))
            rows.append((*head, None, *counts, no_ratio("none"), mean(0, 0), None, None))
        table = Table(COLUMNS, rows, (AT, AT + 3_600_000_000), (OFFERED,))
        return Document(header(report, "30", COLUMNS), table, read_zone("Asia/Jerusalem"))

    return made


@pytest.fixture(scope="session")
def listed() -> Make:
    """A document of one text column, one instant, one list of flags."""

    def made(*texts: str | None) -> Document:
        columns = (Column("type", "text"), Column("start", "instant"), Column("flags", "flags"))
        rows = [(text, None if text is None else AT, ["coarse", "gap"]) for text in texts]
        table = Table(columns, rows, (AT, AT + 1))
        return Document(header("audit", None, columns), table, read_zone("Asia/Jerusalem"))

    return made
