"""Reports as bytes: JSON is the exact form, CSV and HTML carry its SHA-256."""

from .csv_ import header as csv_header
from .csv_ import render as render_csv
from .html import render as render_html
from .json_ import fingerprint as fingerprint
from .json_ import render as render_json
from .json_ import shape as shape

__all__ = ["csv_header", "fingerprint", "render_csv", "render_html", "render_json", "shape"]
