"""Whether this machine can run a center: what ``cckit doctor`` looks at."""

import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

import apsw

from cckit.core.errors import CckitError
from cckit.stores.connection import check_sqlite
from cckit.stores.lock import check_file_system, file_system
from cckit.stores.sqlite import SqliteStore

from .zones import read_zone

GOOD, NOTE, BAD = "good", "note", "bad"

BASE: Final = ("attrs", "cattrs", "msgpack", "pluggy", "trio", "apsw", "tzdata", "cryptography")
EXTRAS: Final = {
    "cli": ("cyclopts", "rich"),
    "testing": ("hypothesis", "pytest"),
    "bench": ("eventsourcing", "simpy"),
}


class Check(NamedTuple):
    """One thing that was looked at."""

    name: str
    state: str
    """``good``, ``note`` (works, but know this) or ``bad``."""
    found: str
    remedy: str = ""


def examine(log: Path | None) -> list[Check]:
    """Look at Python, what is installed, SQLite, zones, and at a log's place."""
    checks = [_python(), _name(), *map(_needed, BASE), _sqlite(), _zones()]
    checks += [_extra(name, modules) for name, modules in EXTRAS.items()]
    if log is not None:
        checks += [_place(log), _log(log)]
    return checks


def _python() -> Check:
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Check("python", NOTE, found, "cckit is tested on 3.11, 3.12 and 3.13")
    return Check("python", GOOD, found)


def _name() -> Check:
    try:
        other = distribution("cckit").version
    except PackageNotFoundError:
        return Check("name", GOOD, f"cckit-sdk {_version('cckit-sdk')}, and no other cckit")
    remedy = "pip uninstall cckit, then pip install --force-reinstall cckit-sdk"
    return Check("name", BAD, f"the unrelated distribution cckit {other} is installed", remedy)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _needed(name: str) -> Check:
    found = _version(name)
    if found is None:
        return Check(name, BAD, "not installed", "pip install --force-reinstall cckit-sdk")
    return Check(name, GOOD, found)


def _extra(name: str, modules: tuple[str, ...]) -> Check:
    missing = [module for module in modules if find_spec(module) is None]
    if not missing:
        return Check(f"extra {name}", GOOD, "installed")
    what = f"without {', '.join(missing)}"
    return Check(f"extra {name}", NOTE, what, f"pip install 'cckit-sdk[{name}]' if you need it")


def _sqlite() -> Check:
    def look() -> str:
        check_sqlite(apsw.sqlite_lib_version())
        return f"SQLite {apsw.sqlite_lib_version()}, through apsw"

    return _tried("sqlite", look)


def _zones() -> Check:
    return _tried("zones", lambda: f"tzdata {read_zone('UTC', 'tzdata').iana}")


def _place(log: Path) -> Check:
    def look() -> str:
        kind = file_system(str(log)) or "a file system that has no name"
        return check_file_system(str(log), kind) or f"{log.absolute().parent} is on {kind}"

    check = _tried("place", look)
    if check.state == GOOD and not os.access(log.absolute().parent, os.W_OK):
        return check._replace(state=NOTE, remedy="the folder can't be written: reading only")
    return check


def _log(log: Path) -> Check:
    if not log.exists():
        return Check("log", NOTE, f"{log} does not exist", "a center creates it at its first start")

    def look() -> str:
        store = SqliteStore.open(log, read_only=True)
        try:
            head = store.head()
            end = "empty" if head.position is None else f"{head.position + 1:,} events"
            closed = "closed" if store.closed_at is not None else "open, or not closed"
            return f"{end}, epoch {head.epoch}, {closed}"
        finally:
            store.close()

    return _tried("log", look)


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, GOOD, look())
    except CckitError as error:
        return Check(name, BAD, f"{error.where}: {error.what}", error.remedy)
