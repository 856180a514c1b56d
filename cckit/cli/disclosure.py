"""What a log knows about somebody, as a document for machines and as a page for people.

The page runs nothing and loads nothing; whatever comes from the log is escaped.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from cckit.core.events import Actor, Recorded
from cckit.core.facts import AccessGranted
from cckit.core.instant import instant_text
from cckit.core.render.plot import safe
from cckit.core.render.style import STYLE
from cckit.shell.people.disclosing import Disclosure

from .logs import as_json
from .text import plain_json

FORM: Final = "cckit-subject-export/1"


def as_document(told: Disclosure, log: str, actor: Actor, how: str, purpose: str) -> dict[str, Any]:
    """The document; its schema is in docs/reference/json.md."""
    return {
        "form": FORM,
        "subject": told.subject,
        "log": log,
        "position": told.position,
        "told_by": {"kind": actor.kind, "id": actor.id},
        "how": how,
        "purpose": purpose,
        "streams": list(told.streams),
        "events": [as_json(recorded) for recorded in told.events],
        "accesses": [_access(recorded) for recorded in told.ledger],
        "recordings": [
            {"position": envelope.position, "stream": envelope.stream, "type": envelope.type}
            for envelope in told.recordings
        ],
    }


def _access(recorded: Recorded[Any]) -> dict[str, Any]:
    envelope, data = recorded
    granted = type(data) is AccessGranted
    return {
        "position": envelope.position,
        "recorded_at": envelope.recorded_at,
        "granted": granted,
        "actor": {"kind": envelope.actor.kind, "id": data.actor},
        "action": data.action,
        "component": data.component if granted else None,
        "kind": data.kind if granted else None,
        "object": data.object,
        "purpose": data.purpose,
    }


def as_page(document: Mapping[str, Any]) -> str:
    """The same as HTML, in English."""
    who = document["told_by"]
    facts = (
        ("Subject", document["subject"]),
        ("Told by", f"{who['kind']}/{who['id']}"),
        ("For", document["purpose"]),
        ("By right of", document["how"]),
        ("Log", f"{document['log']}, positions 0 to {document['position']}"),
    )
    body = [
        "<header><h1>What is known about you</h1>",
        *(f'<p class="facts">{_text(name)}: {_text(value)}</p>' for name, value in facts),
        "</header><main>",
        _section("What happened", ("when", "where", "what", "details"), _events(document)),
        _section(
            "Who looked at it, and what for",
            ("when", "who", "did what", "to what", "purpose"),
            _accesses(document),
        ),
        _section(
            "Recordings",
            ("position", "where", "what"),
            [(one["position"], one["stream"], one["type"]) for one in document["recordings"]],
        ),
        "</main>",
    ]
    return (
        '<!doctype html>\n<html lang="en" dir="ltr">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>What is known about you · cckit</title>\n<style>\n{STYLE}"
        "td { overflow-wrap: anywhere; white-space: normal; }\n</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _events(document: Mapping[str, Any]) -> Iterable[Sequence[object]]:
    for one in document["events"]:
        data = {name: value for name, value in one["data"].items() if value is not None}
        yield instant_text(one["recorded_at"]), one["stream"], one["type"], plain_json(data)


def _accesses(document: Mapping[str, Any]) -> Iterable[Sequence[object]]:
    for one in document["accesses"]:
        who = f"{one['actor']['kind']}/{one['actor']['id']}"
        did = one["action"] if one["granted"] else f"was refused: {one['action']}"
        yield instant_text(one["recorded_at"]), who, did, one["object"], one["purpose"] or ""


def _section(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    if not lines:
        return f"<section><h2>{_text(title)}</h2><p>Nothing.</p></section>"
    head = "".join(f"<th>{_text(one)}</th>" for one in heads)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>" + "\n".join(lines) + "</tbody></table>"
    return f'<section><h2>{_text(title)}</h2><div class="scroll">{table}</div></section>'


def _text(value: object) -> str:
    return f"<bdi>{safe(str(value))}</bdi>"
