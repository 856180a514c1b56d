"""What all commands share: JSON on standard output, tables for people, progress.

Results go to standard output, everything about getting them to standard error.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .streams import forget_reader
from .text import plain_json


def print_json(value: Any) -> None:
    """One document: sorted keys, integers, text as UTF-8."""
    sys.stdout.write(plain_json(value, indent=2) + "\n")


class Screen(Console):
    """Rich's console, which would end the process by itself where nobody reads."""

    def on_broken_pipe(self) -> None:
        """Go on: what the command found out is still its exit code."""
        forget_reader()


def console(width: int | None = None, *, wrap: bool = False) -> Console:
    """For people, on standard output; no colour where it is not a terminal or not wanted."""
    plain_text = "NO_COLOR" in os.environ and os.environ["NO_COLOR"] != ""
    return Screen(
        highlight=False,
        soft_wrap=width is None and not wrap,
        width=width,
        color_system=None if plain_text else "auto",
    )


@contextmanager
def progress(title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere; call what it yields with the count so far."""
    errors = Console(stderr=True)
    if not errors.is_terminal or errors.is_dumb_terminal or errors.no_color:
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
