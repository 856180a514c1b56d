"""What all commands share: JSON on standard output, tables for people, progress.

Results go to standard output, everything about getting them to standard error.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .text import plain_json


def print_json(value: Any) -> None:
    """One document: sorted keys, integers, text as UTF-8."""
    sys.stdout.write(plain_json(value, indent=2) + "\n")


def console() -> Console:
    """For people, on standard output; no colour where it is not a terminal."""
    return Console(highlight=False, soft_wrap=True)


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere; call what it yields with the count so far."""
    errors = Console(stderr=True)
    if not errors.is_terminal:
        yield lambda done: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=errors, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)
