"""Civil time of a zone, from the zone file of the tzdata package, never the system's."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

from cckit.core.errors import ConfigError
from cckit.core.instant import SECOND, Instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_zone(name: str, where: str) -> ZoneInfo:
    """Return a zone by its name.

    :raises ConfigError: ``where`` names a zone that tzdata does not have.
    """
    parts = name.split("/")
    if all(part and part.strip(".") and "\\" not in part for part in parts):
        entry = files("tzdata").joinpath("zoneinfo", *parts)
        if entry.is_file() and entry.read_bytes()[:4] == b"TZif":
            with entry.open("rb") as stream:
                return ZoneInfo.from_file(stream, key=name)
    raise ConfigError(where, f"no zone {name!r}", 'give a name as "Asia/Jerusalem" or "UTC"')


def instant(day: date, at: time, zone: ZoneInfo) -> Instant:
    """Return when it is ``at`` on ``day``: the first time, where clocks go back over it."""
    local = datetime.combine(day, at).replace(tzinfo=zone)
    return from_datetime(local)


def from_datetime(aware: datetime) -> Instant:
    since = aware.astimezone(UTC) - EPOCH
    return Instant((since.days * 86_400 + since.seconds) * SECOND + since.microseconds)


def day_of(at: Instant, zone: ZoneInfo) -> date:
    """Return the civil day of an instant."""
    return (EPOCH + timedelta(microseconds=at)).astimezone(zone).date()


def days(start: Instant, end: Instant, zone: ZoneInfo) -> Iterator[date]:
    """Yield the civil days from the one before ``start`` to that of ``end``."""
    day, last = day_of(start, zone) - timedelta(days=1), day_of(end, zone)
    while day <= last:
        yield day
        day += timedelta(days=1)
