"""``cckit bench``: our speed beside a rival's and the raw disk's, measured in one run."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from cckit.core.errors import ConfigError

from .bench_result import Result
from .codes import GOOD
from .options import Whole
from .output import console, print_json

Name = Literal[
    "append", "replay", "rebuild", "verify", "route", "day", "full-day", "what-if", "reopen",
    "checkpoint",
]  # fmt: skip
NAMES: Final[tuple[Name, ...]] = (
    "append", "replay", "rebuild", "verify", "route", "day", "full-day", "what-if", "reopen",
    "checkpoint",
)  # fmt: skip
RIVALS: Final[dict[Name, str]] = {
    "append": "eventsourcing",
    "replay": "eventsourcing",
    "rebuild": "eventsourcing",
    "day": "simpy",
}
EVENTS: Final = 1_000_000
Measure = Callable[[Path], Sequence[Result]]


def bench(
    name: Name | None = None,
    /,
    *,
    folder: Path = Path("."),
    events: Whole = EVENTS,
    json: Annotated[bool, Parameter(name="--json")] = False,
) -> int:
    """Measure speed beside a rival and the raw disk; needs ``cckit-sdk[bench]``.

    Disks swing from minute to minute: only the ratios of one run say something.

    :param name: append, replay, rebuild, verify, route, day, full-day, what-if, reopen or
        checkpoint; all if not given.
    :param folder: on the disk to measure; what is written there is removed afterwards.
    :param events: how many the log has that `reopen` opens after its writer was killed.
    :param json: print {results: [{name, unit, ours, rival, ratio, raw}]}.
    """
    if not folder.is_dir():
        remedy = "name a folder that exists and is yours"
        raise ConfigError(f"--folder {folder}", "is no folder", remedy)
    results: list[Result] = []
    for one in NAMES if name is None else (name,):
        check_rival(one)
        results += measure(one, folder, events)
    if json:
        print_json({"results": results})
    else:
        _print(results)
    return GOOD


def check_rival(name: Name) -> None:
    """:raises ConfigError: the rival is not installed."""
    rival = RIVALS.get(name)
    if rival is not None and find_spec(rival) is None:
        what = f"needs {rival}, which is not installed"
        raise ConfigError(f"bench {name}", what, "pip install 'cckit-sdk[bench]'")


def measure(name: Name, folder: Path, events: int = EVENTS) -> Sequence[Result]:
    """Run one benchmark in a new folder that is removed afterwards.

    :raises ConfigError: ``folder`` is no place to write.
    """
    try:
        with TemporaryDirectory(prefix="cckit-bench-", dir=folder) as place:
            return _measure_of(name, events)(Path(place))
    except OSError as error:
        raise ConfigError(str(folder), str(error), "name a folder that can be written") from error


def _measure_of(name: Name, events: int = EVENTS) -> Measure:
    """Each lies in a file of its own, imported when it is measured."""
    if name == "append":
        from .bench_append import append

        return append
    if name == "checkpoint":
        from .bench_checkpoint import checkpoint

        return checkpoint
    if name == "day":
        from .bench_day import day

        return lambda folder: [day()]
    if name == "full-day":
        from .bench_full_day import full_day

        return lambda folder: [full_day()]
    if name == "what-if":
        from .bench_what_if import what_if_day

        return lambda folder: [what_if_day()]
    if name == "route":
        from .bench_route import route

        return lambda folder: route()
    if name == "reopen":
        from .bench_reopen import reopen

        return lambda folder: reopen(folder, events)
    from .bench_replay import rebuild, replay, verified

    return {"replay": replay, "rebuild": rebuild, "verify": verified}[name]


def _print(results: Sequence[Result]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("", "ours", "rival", "ratio", "raw"):
        table.add_column(title, justify="left" if not title else "right")
    table.add_column("unit")
    for one in results:
        thousandths = one["ratio"]["ppm"] // 1000
        ratio = f"{thousandths // 1000}.{thousandths % 1000:03} ×"
        figures = [f"{one[key]:,}" for key in ("ours", "rival")]
        table.add_row(one["name"], *figures, ratio, f"{one['raw']:,}", one["unit"])
    console().print(table)
