"""``cckit subject``: what a log knows about somebody, told, kept or erased.

Each of these opens the log as its writer, for the ledger of who looked has to be durable
first. So the center must not have it open; while it runs, ask the center itself.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from cckit.core.commands import Erase, SetHold
from cckit.core.errors import ConfigError, Refused, StoreError
from cckit.core.facts import HoldChanged, SubjectErased
from cckit.core.ids import SubjectId, subject_stream
from cckit.core.instant import instant_text
from cckit.shell.center import Center
from cckit.shell.logs.appearing import refuse_existing
from cckit.shell.logs.moving import write_file
from cckit.shell.people.disclosing import Disclosure, is_subject
from cckit.shell.replies import Unknown

from .codes import GOOD, NO
from .disclosure import as_document, as_page
from .errands import actor_of, run_errand
from .options import Json, Who
from .output import console, print_json
from .text import plain, plain_json

COMPONENT = "cckit subject"


def export(
    log: Path,
    id: str,
    /,
    *,
    out: Annotated[Path, Parameter(name=("--out", "-o"))],
    how: Literal["access", "portability"] = "access",
    purpose: str = "a request of the person",
    actor: Who = None,
    keys: Path | None = None,
    json: Json = False,
) -> int:
    """Write down everything that a log knows about somebody, personal values in clear.

    That it was told, to whom and what for, is in the log before a value is opened.

    :param log: the log, NAME.db; no center may have it open.
    :param id: the subject, 32 hex digits; `cckit subject find` tells who has a number.
    :param out: the file to write: .json for machines, .html for people; readable by you alone.
    :param how: access (GDPR art. 15) or portability (art. 20).
    :param purpose: what it is for; it stands in the log.
    :param actor: who asks, KIND/ID such as admin/dana; else admin/ and your login.
    :param keys: the key file; NAME.keys unless given.
    :param json: print {subject, events, streams, accesses, recordings, position, file}.
    """
    if out.suffix not in (".json", ".html"):
        raise ConfigError("--out", f"{out.name} says no form", "name a file .json or .html")
    refuse_existing(out)
    who, subject = actor_of(actor), _subject(id)
    told: Disclosure = run_errand(
        log,
        keys,
        lambda center: center.disclose(
            subject, actor=who, purpose=purpose, how=how, component=COMPONENT
        ),
    )
    document = as_document(told, log.name, who, how, purpose)
    text = as_page(document) if out.suffix == ".html" else plain_json(document, indent=2) + "\n"
    write_file(out, lambda file: _write(file, text))
    found = {
        "subject": subject,
        "events": len(told.events),
        "streams": len(told.streams),
        "accesses": len(told.ledger),
        "recordings": len(told.recordings),
        "position": told.position,
        "file": str(out),
    }
    if json:
        print_json(found)
    else:
        say = console().print
        say(f"{found['events']} events of {found['streams']} streams are in {out}", markup=False)
        say(f"that it was told stands at position {told.position}")
    return GOOD


def erase(
    log: Path,
    id: str,
    /,
    *,
    ground: str,
    actor: Who = None,
    keys: Path | None = None,
    json: Json = False,
) -> int:
    """Destroy the keys of somebody, so that nobody can read what the log says of them.

    Ends with 1 where a place was not reached; the same command then tries again.

    :param log: the log, NAME.db; no center may have it open.
    :param id: the subject, 32 hex digits.
    :param ground: who asked and by which right; it stands in the log.
    :param actor: who asks, KIND/ID such as admin/dana; else admin/ and your login.
    :param keys: the key file; NAME.keys unless given.
    :param json: print {subject, keys, coverage, failures}.
    """
    who, subject = actor_of(actor), _subject(id)

    async def errand(center: Center) -> SubjectErased | Refused:
        refused = await _erased_before(center, subject)
        reply = refused or await center.do(Erase(subject, ground), actor=who)
        if isinstance(reply, Refused):
            return reply
        _check_known(reply)
        try:
            done = await center.erased(subject)
        except StoreError as error:
            what = f"the erasure has begun and is not done: {error.what}"
            remedy = f"it is ended when the log is next opened with its keys; {error.remedy}"
            raise StoreError(error.where, what, remedy) from error
        assert done is not None, "it has just begun"
        return done

    done: SubjectErased = run_errand(log, keys, errand)
    if json:
        print_json(
            {
                "subject": subject,
                "keys": done.keys,
                "coverage": done.coverage,
                "failures": done.failures,
            }
        )
        return NO if done.failures else GOOD
    say = console().print
    say(f"{subject} is erased: {done.keys} keys are destroyed", markup=False)
    for place, count in done.coverage.items():
        say(plain(f"  {place:<16} {count}"), markup=False)
    for place, why in done.failures.items():
        say(plain(f"  {place:<16} NOT reached: {why}"), markup=False)
    return NO if done.failures else GOOD


def hold(
    log: Path,
    id: str,
    /,
    *,
    ground: str,
    off: bool = False,
    actor: Who = None,
    keys: Path | None = None,
    json: Json = False,
) -> int:
    """Forbid that somebody is erased, or allow it again: a legal hold.

    :param log: the log, NAME.db; no center may have it open.
    :param id: the subject, 32 hex digits; or center, for everybody.
    :param ground: what orders it, or ends it; it stands in the log.
    :param off: allow erasing again.
    :param actor: who asks, KIND/ID such as admin/dana; else admin/ and your login.
    :param keys: the key file; NAME.keys unless given.
    :param json: print {scope, on, changed, position}.
    """
    who = actor_of(actor)
    scope = id if id == "center" else str(subject_stream(_subject(id)))

    async def errand(center: Center) -> Any:
        return await center.do(SetHold(scope, not off, ground), actor=who)

    reply = run_errand(log, keys, errand)
    _check_known(reply)
    changed = [e.position for e, data in reply.recorded if type(data) is HoldChanged]
    if json:
        position = changed[0] if changed else None
        print_json({"scope": scope, "on": not off, "changed": bool(changed), "position": position})
        return GOOD
    state = "free again" if off else "under legal hold"
    console().print(f"{scope} is {state}" + ("" if changed else ", as before"), markup=False)
    return GOOD


def find(
    log: Path,
    /,
    *,
    number: Annotated[str, Parameter(allow_leading_hyphen=True)],
    purpose: str = "a request of the person",
    actor: Who = None,
    keys: Path | None = None,
    json: Json = False,
) -> int:
    """Tell who has a number; that somebody asked is in the log, the number is not.

    :param log: the log, NAME.db; no center may have it open.
    :param number: as the adapter wrote it, +972500000; - reads it from standard input, so
        that no list of processes has it.
    :param purpose: what it is for; it stands in the log.
    :param actor: who asks, KIND/ID such as admin/dana; else admin/ and your login.
    :param keys: the key file; NAME.keys unless given.
    :param json: print {subject}.
    """
    who = actor_of(actor)
    number = sys.stdin.readline().strip() if number == "-" else number
    found: SubjectId = run_errand(
        log,
        keys,
        lambda center: center.find_subject(number, actor=who, purpose=purpose, component=COMPONENT),
    )
    if json:
        print_json({"subject": found})
    else:
        console().print(found)
    return GOOD


# --- what they share ------------------------------------------------------------------------


def _check_known(reply: Any) -> None:
    if isinstance(reply, Unknown):
        raise StoreError(reply.where, reply.what, reply.remedy)


async def _erased_before(center: Center, subject: SubjectId) -> Refused | None:
    stream, last = subject_stream(subject), None
    async for batch in center.read(stream=stream):
        last = batch[-1]
    if last is None or type(last[1]) is not SubjectErased or last[1].failures:
        return None
    at = instant_text(last[0].recorded_at)
    what = f"was erased at position {last[0].position}, {at}: {last[1].ground}"
    return Refused("subject.erased", stream, what, "nothing is left to be done")


def _subject(text: str) -> SubjectId:
    if is_subject(text):
        return SubjectId(text)
    remedy = "give its 32 hex digits; see who has a number: cckit subject find LOG --number N"
    raise ConfigError("the subject", f"{plain(text)[:40]!r} is no id", remedy)


def _write(file: Any, text: str) -> None:
    os.fchmod(file.fileno(), 0o600)  # It holds what nobody else may read.
    file.write(text.encode())
