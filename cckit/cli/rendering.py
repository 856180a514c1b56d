"""A report in one of its forms, and the header file that stands beside a CSV."""

from pathlib import Path
from typing import Literal, NamedTuple

from cckit.core.errors import ConfigError
from cckit.core.render import csv_header, render_csv, render_html, render_json
from cckit.core.reports import Document

Format = Literal["json", "csv", "html"]
Language = Literal["en", "he"]


class Rendered(NamedTuple):
    """The bytes of a report."""

    content: bytes
    header: bytes | None = None
    """Of a CSV: JSON for the file beside it."""


def render(
    document: Document,
    form: Format,
    lang: Language = "en",
    *,
    with_header: bool = False,
    raw: bool = False,
) -> Rendered:
    """A report as bytes.

    ``with_header`` and ``raw`` are of CSV: the header as lines before the rows, and text
    as it is, even where a spreadsheet would take it for a formula.
    """
    if form == "json":
        return Rendered(render_json(document))
    if form == "html":
        return Rendered(render_html(document, lang))
    return Rendered(render_csv(document, with_header=with_header, raw=raw), csv_header(document))


def save(rendered: Rendered, out: Path) -> None:
    """Write a report to a file.

    :raises ConfigError: it can't be written.
    """
    try:
        out.write_bytes(rendered.content)
        if rendered.header is not None:
            out.with_name(out.name + ".header.json").write_bytes(rendered.header)
    except OSError as error:
        remedy = "name a file in a folder that exists and is yours"
        raise ConfigError(str(out), f"can't be written: {error.strerror}", remedy) from error
