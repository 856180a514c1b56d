"""Zone files: read from the tzdata package, never from the system, and handed in."""

from importlib.resources import files

import tzdata  # type: ignore[import-untyped]

from cckit.core.errors import ConfigError
from cckit.core.reports.zone import Zone


def read_zone(name: str, where: str) -> Zone:
    """A zone by its name; ``where`` says who named it.

    :raises ConfigError: tzdata has no such zone.

    .. versionadded:: 0.1
    """
    parts = name.split("/")
    if all(part.strip(".") and part.isascii() and "\\" not in part for part in parts):
        entry = files("tzdata").joinpath("zoneinfo", *parts)
        if entry.is_file():
            content = entry.read_bytes()
            if content.startswith(b"TZif"):
                return Zone.of(name, content, tzdata.IANA_VERSION)
    raise ConfigError(where, f"there is no zone {name!r}", 'give a name as "Europe/Paris" or "UTC"')
