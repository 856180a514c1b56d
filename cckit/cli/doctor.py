"""``cckit doctor``: can this machine run a center?"""

from pathlib import Path
from typing import Final

from cckit.shell.health import BAD, Check, examine

from .codes import GOOD, NO
from .options import Json
from .output import console, print_json
from .text import plain

MARKS: Final = {"good": "[green]✓[/green]", "note": "[yellow]•[/yellow]", "bad": "[red]✗[/red]"}


def doctor(
    log: Path | None = None,
    /,
    *,
    json: Json = False,
) -> int:
    """Check this installation, and the place of a log on disk; exit 1 if something is wrong.

    :param log: a log to look at, NAME.db; it need not exist.
    :param json: print {ok, checks: [{name, state, found, remedy}]}.
    """
    checks = examine(log)
    ok = all(check.state != BAD for check in checks)
    if json:
        print_json({"ok": ok, "checks": [check._asdict() for check in checks]})
    else:
        _print(checks)
    return GOOD if ok else NO


def _print(checks: list[Check]) -> None:
    out = console()
    width = max(len(check.name) for check in checks)
    for check in checks:
        out.print(MARKS[check.state], end=" ")
        out.print(plain(f"{check.name:<{width}}  {check.found}"), markup=False)
        if check.remedy:
            out.print(plain(f"  {'':<{width}}  → {check.remedy}"), markup=False)
