"""Standard output as the system sees it: an encoding, a reader who may leave, a full disk."""

import codecs
import os
import sys
from io import TextIOWrapper
from json import dumps
from select import poll
from time import sleep
from typing import Final

ESCAPE: Final = "cckit.escape"
"""The name of what stands for letters that an encoding has not."""


def escape_unwritable() -> None:
    """Have letters that standard output can't encode written as ``\\uXXXX``.

    That is what JSON writes, too, so JSON stays JSON on a terminal that knows ASCII alone.
    """
    codecs.register_error(ESCAPE, _escaped)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors=ESCAPE)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return dumps(error.object[error.start : error.end])[1:-1], error.end


def forget_reader() -> None:
    """Nobody reads standard output any more: what is still written goes nowhere.

    The flush at the interpreter's end would else fail, and say so by its exit code.
    """
    try:
        out = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return  # No file of the system's, so nothing is flushed to one.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, out)
    os.close(nowhere)


def pause(seconds: float) -> None:
    """Wait, but not for a reader who is gone.

    :raises BrokenPipeError: standard output is a pipe that nobody reads any more.
    """
    try:
        out = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        sleep(seconds)
        return
    watch = poll()
    watch.register(out, 0)  # Errors are told without being asked for.
    if watch.poll(round(seconds * 1000)):
        raise BrokenPipeError
