"""``cckit simulate``: traffic against a staffing, in virtual time."""

from pathlib import Path

from cckit.core.instant import Instant
from cckit.shell.logs.appearing import appearing, refuse_existing
from cckit.testing.simulate import Simulated
from cckit.testing.simulate import simulate as run

from .codes import GOOD
from .options import Json, Whole
from .output import console, print_json, progress
from .text import instant_text, plain


def simulate(
    traffic: Path,
    /,
    *,
    staffing: Path,
    log: Path,
    seed: Whole = 0,
    json: Json = False,
) -> int:
    """Play traffic against a staffing in virtual time; the result is a log.

    The production floor decides, people and lines are simulated. The same files and seed
    give the same bytes.

    :param traffic: a TOML of arrival processes, or a log, whose arrivals, patience and
        handling are used. What the log does not say is drawn, by seed.
    :param staffing: a TOML that says who works when.
    :param log: the log to write, NAME.db; it must not exist.
    :param seed: all chance comes from it.
    :param json: print {log, seed, source, arrived, events, head, from, to}.
    """
    refuse_existing(log)
    with progress("simulating") as tell, appearing(log) as path:

        def arrived(count: int, at: Instant) -> None:
            tell(count)

        found = run(traffic, staffing, path, seed, arrived)
    if json:
        print_json(as_json(found, log, seed))
        return GOOD
    out = console()
    out.print(f"{found.arrived:,} customers, {found.events:,} events, seed {seed}")
    out.print(f"from {instant_text(found.start)} to {instant_text(found.end)}")
    out.print(plain(f"source: {found.source}"), markup=False)
    out.print(plain(f"written to {log}"), markup=False)
    return GOOD


def as_json(found: Simulated, log: Path, seed: int) -> dict[str, object]:
    """The result in the shape that scripts rely on."""
    return {
        "log": str(log),
        "seed": seed,
        "source": found.source,
        "arrived": found.arrived,
        "events": found.events,
        "head": found.head.hex(),
        "from": found.start,
        "to": found.end,
    }
