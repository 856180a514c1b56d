"""A report as JSON: canonical, so that its SHA-256 stands for the report.

``{"header", "rows"}``: keys sorted, no spaces, integers only, text as UTF-8. Instants are
microseconds since the epoch (exact below 2^53), lengths end in ``_us``.
"""

import json
from hashlib import sha256
from typing import Any

from cckit.core.reports.report import Document


def canonical_json(value: Any) -> str:
    """The one JSON text of a value.

    :raises ValueError: a float that is no number; reports hold none.
    """
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def shape(document: Document) -> dict[str, Any]:
    """``{"header", "rows"}``, each row a map of column to value."""
    names = [column.name for column in document.table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in document.table.rows]
    return {"header": document.header, "rows": rows}


def render(document: Document) -> bytes:
    """The report as UTF-8, with a line feed at its end.

    .. versionadded:: 0.1
    """
    return (canonical_json(shape(document)) + "\n").encode()


def fingerprint(document: Document) -> str:
    """SHA-256 of the report's JSON, in hex: what its other forms carry."""
    return sha256(render(document)).hexdigest()
