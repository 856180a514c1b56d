"""``cckit report``: a report of a log, for people or as JSON, CSV or HTML."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from cckit.core.errors import ConfigError
from cckit.core.projection import AnyProjection
from cckit.core.reports import (
    REPORTS,
    Catalogue,
    Definition,
    Document,
    Parameters,
    Report,
    Zone,
    definition,
    write,
)
from cckit.shell.files import parse_toml, read_file
from cckit.shell.logs.folding import CenterZone, fold
from cckit.shell.zones import read_zone

from .codes import GOOD
from .logs import instant_of, open_log
from .options import Json
from .output import progress
from .rendering import Format, Language, render, save
from .table import show


def report(
    log: Path,
    name: str,
    /,
    *,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    to: str | None = None,
    tz: str | None = None,
    interval: str | None = None,
    rule: str | None = None,
    definition: Annotated[tuple[str, ...], Parameter(name="--definition")] = (),
    format: Format | None = None,
    lang: Language = "en",
    with_header: bool = False,
    raw: bool = False,
    out: Path | None = None,
    json: Json = False,
) -> int:
    """Print a report of a log.

    There are service-level, queue-intervals, agent-summary, contacts, audit, access,
    estimates and modes.

    :param log: the log, NAME.db. It is only read.
    :param name: the report.
    :param from_: the first instant, civil time of the zone: 2026-01-31 or 2026-01-31T09:00.
    :param to: the instant after the last.
    :param tz: the zone of days and hours; the log's own unless given.
    :param interval: 15, 30, 60 … minutes, day or all; the report's own unless given.
    :param rule: count visits at their arrival or at their end.
    :param definition: only this metric, sl.offered@1 or sl.offered; or a TOML that defines
        your own. May be given more than once.
    :param format: json ({header, rows}), csv (its header in FILE.header.json) or html.
    :param lang: of the HTML.
    :param with_header: put the header before the rows of a CSV, as lines "# key: value".
    :param raw: leave text of a CSV as it is, even where a spreadsheet would run it.
    :param out: write a file instead of standard output.
    :param json: the same as --format json.
    """
    chosen = _find(name)
    definitions = _definitions(definition)
    document = make_document(
        log, chosen, (from_, to), tz, interval=interval, rule=rule, definitions=definitions
    )
    form = "json" if json else format
    if form is None and out is not None:
        form = _form_of(out)
    if form is None:
        show(document)
        return GOOD
    rendered = render(document, form, lang, with_header=with_header, raw=raw)
    if out is None:
        sys.stdout.buffer.write(rendered.content)
        sys.stdout.buffer.flush()
    else:
        save(rendered, out)
    return GOOD


def _form_of(out: Path) -> Format:
    """The form that the name of a file asks for."""
    forms: dict[str, Format] = {".json": "json", ".csv": "csv", ".html": "html"}
    if out.suffix not in forms:
        raise ConfigError("--format", f"is not said by {out.name}", "take one of json, csv, html")
    return forms[out.suffix]


def make_document(
    log: Path,
    report: Report,
    range_: tuple[str | None, str | None] = (None, None),
    tz: str | None = None,
    **parameters: Any,
) -> Document:
    """Fold a log and make a report of it; a zone that is not given is the log's."""
    store = open_log(log)
    try:
        with progress("reading", (store.head().position or 0) + 1) as tell:
            projections: tuple[AnyProjection, ...] = (*report.projections, CenterZone())
            folding, source = fold(store, projections, progress=tell)
    finally:
        store.close()
    own = folding.states.pop(CenterZone.name).get("zone", "UTC")
    zone = read_zone(tz, "--tz") if tz is not None else read_zone(own, f"{log}: its zone")
    given = Parameters(
        zone=zone,
        source=source,
        from_=_instant(range_[0], "--from", zone),
        to=_instant(range_[1], "--to", zone),
        **parameters,
    )
    return write(report, folding.states, given)


def _find(name: str) -> Report:
    if name not in REPORTS:
        remedy = f"take one of {', '.join(sorted(REPORTS))}"
        raise ConfigError("report", f"there is no report {name!r}", remedy)
    return REPORTS[name]


def _instant(text: str | None, option: str, zone: Zone) -> int | None:
    return None if text is None else instant_of(text, option, zone.info)


def _definitions(names: Sequence[str]) -> tuple[Definition, ...]:
    """Definitions by id, or all of a file."""
    found: list[Definition] = []
    for name in names:
        if name.endswith(".toml"):
            found += _own(Path(name))
        else:
            found.append(Catalogue().find(name))
    return tuple(found)


def _own(path: Path) -> list[Definition]:
    tables = parse_toml(read_file(path), path).get("definition")
    if not isinstance(tables, list) or not tables:
        raise ConfigError(str(path), "defines nothing", "write [[definition]] with id, title, num")
    return [definition(one, f"{path}: definition[{n}]") for n, one in enumerate(tables, 1)]
