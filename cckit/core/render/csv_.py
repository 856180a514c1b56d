"""A report as CSV for spreadsheets (RFC 4180): UTF-8 with BOM, CRLF.

Null is an empty field, empty text is ``""``. A ratio or mean takes three columns, as it was
divided; instants are civil with their offset. Text that a spreadsheet would take for a
formula gets an apostrophe before it (OWASP, CSV injection) unless ``raw``.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from cckit.core.reports.report import Column, Document
from cckit.core.reports.zone import Zone

from .json_ import canonical_json, fingerprint

BOM: Final = b"\xef\xbb\xbf"
END: Final = "\r\n"
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\0")
QUOTED: Final = frozenset('",\r\n')
PARTS: Final = {
    "ratio": ("numerator", "denominator", "ppm"),
    "mean": ("numerator_us", "denominator", "mean_us"),
}


def render(document: Document, *, with_header: bool = False, raw: bool = False) -> bytes:
    """The rows as CSV; ``with_header`` puts the header before them as ``# key: value`` lines.

    .. versionadded:: 0.1
    """
    lines = list(_comments(document)) if with_header else []
    columns = document.table.columns
    lines.append(",".join(_quote(name) for name in _names(columns)))
    for row in document.table.rows:
        cells = zip(columns, row, strict=True)
        fields = [
            field for column, value in cells for field in _fields(column, value, document.zone, raw)
        ]
        lines.append(",".join(fields))
    return BOM + (END.join(lines) + END).encode()


def header(document: Document) -> bytes:
    """The header for the file beside the rows, with the SHA-256 of the report's JSON.

    .. versionadded:: 0.1
    """
    return (
        canonical_json(document.header | {"json_sha256": fingerprint(document)}) + "\n"
    ).encode()


def _comments(document: Document) -> Iterator[str]:
    for name, value in sorted(document.header.items()):
        yield f"# {name}: {canonical_json(value)}"
    yield f"# json_sha256: {fingerprint(document)}"


def _names(columns: Sequence[Column]) -> Iterator[str]:
    for column in columns:
        parts = PARTS.get(column.kind)
        if parts is None:
            yield column.name
        else:
            yield from (f"{column.name}.{part}" for part in parts)


def _fields(column: Column, value: Any, zone: Zone, raw: bool) -> Iterator[str]:
    parts = PARTS.get(column.kind)
    if parts is not None:
        yield from ("" if value[part] is None else str(value[part]) for part in parts)
    elif value is None:
        yield ""
    elif column.kind == "instant":
        yield zone.text(value)
    elif column.kind == "flags":
        yield _text(" ".join(value), raw)
    elif column.kind == "text":
        yield _text(value, raw)
    else:
        yield str(value)


def _text(value: str, raw: bool) -> str:
    return _quote(value if raw or not value.startswith(FORMULA) else "'" + value)


def _quote(value: str) -> str:
    if value and not QUOTED.intersection(value):
        return value
    return '"' + value.replace('"', '""') + '"'
