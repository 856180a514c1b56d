"""``cckit import calls``: a file of call records becomes a log."""

from collections import Counter
from pathlib import Path

from cckit.core.imports import Imported
from cckit.core.imports.vocabulary import UNMAPPED
from cckit.shell.logs.importing import import_calls

from .codes import GOOD, NO
from .options import Json
from .output import console, print_json, progress
from .text import plain

EXAMPLES = 3
"""Rows named for each kind of problem, and cells that the mapping does not know."""


def calls(
    file: Path,
    /,
    *,
    mapping: Path,
    log: Path,
    json: Json = False,
) -> int:
    """Import call records: a CSV file and a mapping in, a log out.

    Rows that contradict themselves are imported as the mapping says, or refused, and
    listed with row number and reason. The same file and mapping give the same bytes.

    :param file: the CSV, with a header.
    :param mapping: a TOML that says what its columns mean; see examples/real_day/mapping.toml.
    :param log: the log to write, NAME.db; it must not exist.
    :param json: print {rows, imported, ignored, refused, problems: [{row, reason}]}.
    """
    with progress(f"reading {file.name}") as tell:
        found = import_calls(file, mapping, log, tell)
    if json:
        print_json(as_json(found))
    else:
        _print(found, log)
    return GOOD if found.imported or not found.rows else NO


def as_json(found: Imported) -> dict[str, object]:
    """The result in the shape that scripts rely on."""
    return {
        "rows": found.rows,
        "imported": found.imported,
        "ignored": found.ignored,
        "refused": found.refused,
        "problems": [{"row": row, "reason": reason} for row, reason in found.problems],
    }


def _print(found: Imported, log: Path) -> None:
    out = console()
    out.print(
        f"{found.rows} rows: {found.imported} imported, {found.ignored} ignored, "
        f"{found.refused} refused"
    )
    kinds = Counter(problem.reason.partition(":")[0] for problem in found.problems)
    for kind, count in kinds.most_common():
        rows = [str(p.row) for p in found.problems if p.reason.partition(":")[0] == kind]
        shown = ", ".join(rows[:EXAMPLES]) + (" …" if count > EXAMPLES else "")
        out.print(f"  {count:>6} {plain(kind)}: row {shown}", markup=False)
    unmapped = Counter(p.reason for p in found.problems if p.reason.endswith(UNMAPPED))
    for reason, count in unmapped.most_common(EXAMPLES):
        out.print(f"  {plain(reason)}: {count} rows", markup=False)
    if found.problems:
        out.print("  (--json lists every row and its reason)")
    out.print(f"written to {log}", markup=False)
