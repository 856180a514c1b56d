"""``cckit audit``: a log rebuilt from its first event, and whether it is what it says."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from cckit.core.audit import DIFFERS, HOLDS, NOT_PROVABLE, unloaded
from cckit.core.audit.words import TITLES, told
from cckit.core.errors import ConfigError
from cckit.core.note import VKey
from cckit.core.render.certificate import render
from cckit.core.render.json_ import canonical_json
from cckit.shell.proof.auditing import audit_log

from .codes import GOOD, NO, UNPROVABLE
from .options import Json, Whole
from .output import console, print_json, progress
from .rendering import Rendered, save
from .text import instant_text, plain

CODES: Final = {HOLDS: GOOD, DIFFERS: NO, NOT_PROVABLE: UNPROVABLE}
SHOWN: Final = 5
"""Findings of a kind on a terminal."""


def audit(
    log: Path,
    /,
    *,
    at: Whole | None = None,
    plugin: tuple[str, ...] = (),
    key: tuple[str, ...] = (),
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json: Json = False,
) -> int:
    """Rebuild every projection and compare it with what the log has pinned; list what was odd.

    Checks chain and events, the digest of each projection at each pin, what the log counts,
    and what stands beside it. Exit 0: the certificate holds. 1: something differs, and the
    first of it is named. 3: nothing differs, and it is not proved: nothing is pinned, or a
    pin could not be compared.

    :param log: the log, NAME.db. It is only read.
    :param at: audit the events 0 to this position; all of them unless given.
    :param plugin: rebuild the projections of this installed plugin, too; may be given more
        than once.
    :param key: a public key of the log or of a witness, as ``cckit keys`` prints it, to check
        the signatures of checkpoints by; may be given more than once.
    :param output: write the certificate to a file, FILE.html or FILE.json.
    :param json: print the certificate as JSON.
    """
    if output is not None and output.suffix not in (".html", ".json"):
        raise ConfigError(str(output), "its name says no form", "name it FILE.html or FILE.json")
    keys = tuple(map(VKey.parse, key))
    with progress("auditing") as tell:
        found = audit_log(log, at=at, plugins=plugin, keys=keys, progress=tell)
    if output is not None:
        page = output.suffix == ".html"
        content = render(found) if page else (canonical_json(found) + "\n").encode()
        save(Rendered(content), output)
    if json:
        print_json(found)
    else:
        _print(found, log)
        if output is not None:
            print(plain(f"certificate: {output}"))
    _note(found)
    return CODES[found["verdict"]]


def _print(found: Mapping[str, Any], log: Path) -> None:
    out = console()

    def say(line: str = "") -> None:
        out.print(plain(line), markup=False)

    say(f"{log}: {found['verdict']}")
    for reason in found["because"]:
        say(f"  {reason}")
    pins, counts = found["pins"], found["counts"]
    same = sum(one["same"] for one in pins["by_projection"].values())
    say(f"  events {found['events']:,}   frames {found['frames']:,}   head {found['head']}")
    say(f"  pins {pins['compared']:,}, {same:,} the same   counts {counts['checked']:,}, "
        f"{counts['wrong']:,} wrong")  # fmt: skip
    say(f"  checkpoints {_checkpoints(found['checkpoints'])}")
    _print_first(found, say)
    for title, part in (("out of the ordinary", "anomalies"), ("changed", "changes")):
        say()
        say(f"{title}: {'nothing' if not found[part] else ''}".rstrip())
        for kind, one in found[part].items():
            say(f"  {TITLES.get(kind, kind)} ({kind}), {one['count']:,}")
            for finding in one["first"][:SHOWN]:
                place = f"{finding['position']:>8}  {instant_text(finding['at'])}"
                say(f"    {place}  {told(finding)}")


def _checkpoints(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "none: unwitnessed"
    names = ", ".join(found["witnesses"])
    witnessed = f"witnessed by {names}" if names else "unwitnessed"
    if found["verified"] is None:
        witnessed += ", signers not checked"
    wrong = (
        "" if found["first"] is None else f", {found['wrong']:,} WRONG: {found['first']['reason']}"
    )
    return f"{found['compared']:,}, {witnessed}{wrong}"


def _print_first(found: Mapping[str, Any], say: Any) -> None:
    error, first = found["chain"]["error"], found["pins"]["first"]
    if error is not None:
        say(f"  not whole at position {error['position']}: {error['reason']}")
    if first is not None:
        after = "" if first["after"] is None else f", the same up to {first['after']}"
        say(f"  first: {first['projection']} {first['version']} at position "
            f"{first['of_position']}{after}")  # fmt: skip
        what = "chain, " if "chain" in first["because"] else ""
        say(f"    pinned   {what}{first['pinned']} at position {first['position']}")
        say(f"    came out {what}{first['found'] or '–'}")
        say(f"    other    {', '.join(first['because'])}")
    for one in found["counts"]["first"][:SHOWN]:
        counter = "its part" if one["counter"] is None else one["counter"]
        say(f"  position {one['position']} counts {one['kind']} {counter}: "
            f"{one['counted']}, found {one['found']}")  # fmt: skip


def _note(found: Any) -> None:
    left = unloaded(found)
    if left:
        text = f"not rebuilt: {', '.join(left)}; add --plugin NAME of the plugin that folds it"
        print(plain(text), file=sys.stderr)
