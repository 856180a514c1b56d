"""Where the command starts: what can be said without loading anything is said here."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from signal import SIGPIPE
from typing import TYPE_CHECKING

from .codes import BAD_INPUT, GOOD, NO
from .streams import escape_unwritable, forget_reader

if TYPE_CHECKING:
    from cckit.core.errors import CckitError

HINT = "pip install 'cckit-sdk[cli]'"
CHECKS = ("audit", "check", "verify", "verify-bundle")
"""Commands whose 0 says yes: cut short they have said nothing."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        from importlib.metadata import version

        print("cckit", version("cckit-sdk"))
        return GOOD
    from cckit.core.errors import CckitError, HistoryError

    escape_unwritable()
    try:
        code = _run(arguments)
    except CckitError as error:
        say(error)
        code = NO if isinstance(error, HistoryError) else BAD_INPUT
    except BrokenPipeError:  # Whoever read our output has seen enough, or heard no verdict.
        forget_reader()
        return 128 + SIGPIPE if arguments[0] in CHECKS else GOOD
    except OSError as error:
        code = _unwritten(error)
    except KeyboardInterrupt:
        return 130
    return _flushed(code)


def _flushed(code: int) -> int:
    """What is still to be written can fail, too; who stops reading changes no verdict."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        forget_reader()
    except OSError as error:
        return _unwritten(error)
    return code


def _unwritten(error: OSError) -> int:
    forget_reader()
    where = error.filename or "standard output"
    _say(f"{where}: {error.strerror or error}\n  make room there, or name another place")
    return BAD_INPUT


def _run(arguments: list[str]) -> int:
    for needed in ("cyclopts", "rich"):
        if find_spec(needed) is None:
            from cckit.core.errors import ConfigError

            raise ConfigError("the command line", f"needs {needed}, which is not installed", HINT)
    from .app import run

    return run(arguments)


def say(error: "CckitError") -> None:
    """Tell people what is wrong and what to do about it."""
    _say(f"{error.where}: {error.what}\n  {error.remedy}")


def _say(text: str) -> None:
    from .text import plain

    print("cckit:", "\n".join(plain(line) for line in text.split("\n")), file=sys.stderr)
