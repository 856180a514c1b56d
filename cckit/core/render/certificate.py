"""A replay certificate as one HTML file: no network, no script, ready to print and to file.

Everything that comes from the log is escaped and stands in ``bdi``; the page's policy forbids
all but its own style. Same certificate, same bytes.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cckit.core.audit.words import TITLES, told
from cckit.core.instant import instant_text

from .plot import safe
from .printed import number
from .style import STYLE

SHOWN: Final = 200
"""Findings of a kind on the page; the JSON has more."""
VERDICTS: Final = {
    "holds": ("good", "Rebuilt from its first event, this log comes out as it says."),
    "differs": ("bad", "This log does not come out as it says."),
    "not provable": ("still", "Nothing speaks against this log, and it is not proved."),
}
MORE_STYLE: Final = """\
.verdict { display: flex; align-items: baseline; gap: 1rem; flex-wrap: wrap;
  border-inline-start: 6px solid var(--mark); padding: 1rem 1.5rem; background: var(--paper);
  border-radius: 12px; margin-block-start: 1.25rem; }
.verdict.good { --mark: var(--good); } .verdict.bad { --mark: var(--bad); }
.verdict.still { --mark: var(--still); }
.verdict strong { font-size: 1.4rem; letter-spacing: -.01em; }
.verdict ul { flex-basis: 100%; margin: .25rem 0 0; padding-inline-start: 1.2rem; }
main > .tiles { margin-block-start: .75rem; }
.findings { table-layout: fixed; }
.findings th:nth-child(1) { inline-size: 7rem; }
.findings th:nth-child(2) { inline-size: 17rem; }
td.told { white-space: normal; overflow-wrap: anywhere; }
td code { overflow-wrap: anywhere; white-space: normal; }
h3 { font-size: .95rem; margin: 1.25rem 0 .25rem; font-weight: 600; }
h3 span { color: var(--faint); font-weight: 400; }
section table { inline-size: 100%; }
section > .scroll { border: 0; border-radius: 0; }
@media print {
  .verdict { border-radius: 0; break-inside: avoid; }
  section { break-inside: auto; }
  h2, h3 { break-after: avoid; }
  thead th { font-size: 7.5pt; }
  .findings th:nth-child(1) { inline-size: 20mm; }
  .findings th:nth-child(2) { inline-size: 44mm; }
}
"""


def render(certificate: Mapping[str, Any]) -> bytes:
    """The certificate as UTF-8 HTML, in English.

    .. versionadded:: 0.2
    """
    return "".join(_page(certificate)).encode()


def _page(c: Mapping[str, Any]) -> Iterator[str]:
    yield (
        '<!doctype html>\n<html lang="en" dir="ltr">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="cckit">\n<title>Replay certificate · cckit</title>\n'
        f"<style>\n{STYLE}{MORE_STYLE}</style>\n</head>\n<body>\n"
    )
    yield "<header>\n<h1>Replay certificate</h1>\n"
    yield f'<p class="lead">{_text(c["log"]["origin"])}</p>\n{_facts(c)}</header>\n<main>\n'
    yield _verdict(c)
    yield from _tiles(c)
    yield from _first(c)
    yield from _projections(c)
    yield from _counts(c)
    yield from _findings("Out of the ordinary", c["anomalies"], "Nothing was.")
    yield from _findings("What was changed, and by whom", c["changes"], "Nothing was.")
    yield from _access(c["access"])
    yield from _proof(c)
    yield "</main>\n</body>\n</html>\n"


def _facts(c: Mapping[str, Any]) -> str:
    last = "no event" if c["position"] is None else f"positions 0 to {c['position']}"
    facts = [_text(last)]
    if c["position"] is not None:
        facts.append(f"as of {_text(instant_text(c['as_of']))}")
    return '<p class="facts">' + " · ".join(facts) + "</p>\n"


def _verdict(c: Mapping[str, Any]) -> str:
    style, sentence = VERDICTS[c["verdict"]]
    because = "".join(f"<li>{_text(reason)}</li>" for reason in c["because"])
    reasons = f"<ul>{because}</ul>" if because else ""
    return (
        f'<div class="verdict {style}"><strong>{_text(c["verdict"])}</strong>'
        f"<span>{sentence}</span>{reasons}</div>\n"
    )


def _tiles(c: Mapping[str, Any]) -> Iterator[str]:
    pins, odd = c["pins"], sum(one["count"] for one in c["anomalies"].values())
    same = sum(one["same"] for one in pins["by_projection"].values())
    tiles = (
        ("Events", number(c["events"]), "whole" if c["chain"]["ok"] else "not whole"),
        ("Pins compared", number(pins["compared"]), f"{number(same)} the same"),
        ("Counts compared", number(c["counts"]["checked"]), f"{c['counts']['wrong']} wrong"),
        ("Anomalies", number(odd), f"{len(c['anomalies'])} kinds"),
        ("Checkpoints", *_checkpoints(c["checkpoints"])),
    )
    yield '<dl class="tiles">\n'
    for name, value, small in tiles:
        yield f"<div><dt>{name}</dt><dd>{_text(value)}<small>{_text(small)}</small></dd></div>\n"
    yield "</dl>\n"


def _checkpoints(found: Mapping[str, Any] | None) -> tuple[str, str]:
    if found is None:
        return "none", "unwitnessed"
    if not found["ok"]:
        return number(found["compared"]), f"{found['wrong']:,} not of this log"
    witnesses = len(found["witnesses"])
    return number(found["compared"]), f"{witnesses} witnesses" if witnesses else "unwitnessed"


def _first(c: Mapping[str, Any]) -> Iterator[str]:
    """Where the log first comes out otherwise."""
    first = c["pins"]["first"]
    if first is None and c["chain"]["error"] is None:
        return
    yield '<section>\n<h2>What differs first</h2>\n<dl class="counts">\n'
    error = c["chain"]["error"]
    if error is not None:
        yield _pair("not whole at position", error["position"])
        yield _pair("because", error["reason"])
    if first is not None:
        after = first["after"]
        yield _pair("projection", f"{first['projection']} {first['version']}")
        yield _pair("state at position", first["of_position"])
        yield _pair("the same up to", "nowhere before" if after is None else after)
        yield _pair("pinned at position", first["position"])
        yield _pair("what is other", ", ".join(first["because"]))
        yield _pair("pinned", first["pinned"])
        yield _pair("came out", first["found"] or "–")
    yield "</dl>\n</section>\n"


def _projections(c: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    pinned = c["pins"]["by_projection"]
    for name in sorted({*c["projections"], *pinned}):
        one = c["projections"].get(name)
        pins = pinned.get(name, {"same": 0, "differs": 0, "not_compared": 0, "last_same": None})
        digest = "not loaded" if one is None else one["digest"] or one["failure"]
        rows.append(
            (
                _text(name),
                "–" if one is None else number(one["version"]),
                number(pins["same"]),
                number(pins["differs"]),
                number(pins["not_compared"]),
                "–" if pins["last_same"] is None else number(pins["last_same"]),
                f"<code>{_text(digest)}</code>",
            )
        )
    heads = ("projection", "version", "same", "differ", "not compared", "proved up to", "digest")
    yield "<section>\n<h2>Projections, rebuilt from position 0</h2>\n"
    yield from _table(heads, rows, numbers=range(1, 6))
    others = [one for one in c["pins"]["others"] if one["status"] != "same"]
    if others:
        yield "<h3>Pins that are not the same</h3>\n"
        listed = [
            (
                number(one["position"]),
                _text(f"{one['projection']} {one['version']}"),
                number(one["of_position"]),
                _text(one["status"]),
                _text(", ".join(one["because"])),
            )
            for one in others[:SHOWN]
        ]
        yield from _table(("position", "projection", "of position", "is", "other"), listed, (0, 2))
    yield "</section>\n"


def _counts(c: Mapping[str, Any]) -> Iterator[str]:
    if not c["counts"]["first"]:
        return
    rows = [
        (
            number(one["position"]),
            _text(f"{one['kind']}, part {one['part']}"),
            _text("the part" if one["counter"] is None else one["counter"]),
            "–" if one["counted"] is None else number(one["counted"]),
            "–" if one["found"] is None else number(one["found"]),
        )
        for one in c["counts"]["first"][:SHOWN]
    ]
    yield "<section>\n<h2>Counts that are wrong</h2>\n"
    yield from _table(("position", "kind", "of", "counted", "found"), rows, (0, 3, 4))
    yield "</section>\n"


def _findings(title: str, found: Mapping[str, Any], none: str) -> Iterator[str]:
    yield f"<section>\n<h2>{title}</h2>\n"
    if not found:
        yield f"<p>{none}</p>\n"
    for kind, one in found.items():
        told_of = f"<span>{_text(kind)}, {one['count']:,}</span>"
        yield f"<h3>{_text(TITLES.get(kind, kind))} {told_of}</h3>\n"
        rows = [
            (
                number(finding["position"]),
                _text(instant_text(finding["at"])),
                _text(told(finding)),
            )
            for finding in one["first"][:SHOWN]
        ]
        yield from _table(("position", "instant", "what"), rows, (0,), wide=2)
        if one["count"] > len(rows):
            yield f"<p>The first {len(rows):,} of {one['count']:,}.</p>\n"
    yield "</section>\n"


def _access(access: Mapping[str, Any]) -> Iterator[str]:
    yield '<section>\n<h2>Who looked</h2>\n<dl class="counts">\n'
    for action, n in access["granted"].items():
        yield _pair(f"granted: {action}", f"{n:,}")
    yield _pair("refused", f"{access['refused']:,}")
    yield _pair("disclosed to whom it is about", f"{access['disclosed']:,}")
    yield "</dl>\n</section>\n"


def _proof(c: Mapping[str, Any]) -> Iterator[str]:
    closed = {True: "closed", False: "open, or its writer died", None: "audited in part"}
    facts: list[tuple[str, Any]] = [
        ("log", c["log"]["origin"]),
        ("log id", c["log"]["id"]),
        ("head", c["head"]),
        ("state", closed[c["log"]["closed"]]),
        ("frames", f"{c['frames']:,}"),
        ("redacted events", f"{c['redacted']:,}"),
    ]
    if c["keys"] is not None:
        facts.append(("keys", told(c["keys"])))
    if c["checkpoints"] is not None:
        facts.append(("checkpoints", told(c["checkpoints"])))
    yield '<section class="proof">\n<h2>What this stands on</h2>\n<dl>\n'
    for name, value in facts:
        yield _pair(name, value)
    yield "</dl>\n</section>\n"


def _table(
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[int],
    *,
    wide: int | None = None,
) -> Iterator[str]:
    """Rows of cells that are escaped already; ``wide`` is the column of a table of findings."""
    style = dict.fromkeys(numbers, ' class="n"')
    if wide is not None:
        style[wide] = ' class="told"'
    kind = "" if wide is None else ' class="findings"'
    yield f'<div class="scroll">\n<table{kind}>\n<thead><tr>'
    for n, head in enumerate(heads):
        yield f'<th scope="col"{style.get(n, "")}>{safe(head)}</th>'
    yield "</tr></thead>\n<tbody>\n"
    for row in rows:
        cells = "".join(f"<td{style.get(n, '')}>{cell}</td>" for n, cell in enumerate(row))
        yield f"<tr>{cells}</tr>\n"
    yield "</tbody>\n</table>\n</div>\n"


def _pair(name: str, value: Any) -> str:
    return f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>\n"


def _text(value: Any) -> str:
    return f"<bdi>{safe(str(value))}</bdi>"
