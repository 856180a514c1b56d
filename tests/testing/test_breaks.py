"""Breaks part a shift into stretches; a night is in order too."""

from pathlib import Path

import pytest

from cckit.core.errors import ConfigError
from cckit.core.instant import HOUR, MINUTE, Instant
from cckit.testing import read_staffing
from cckit.testing.civil import read_zone

MIDNIGHT = 1_700_006_400_000_000  # 2023-11-15T00:00:00Z


def spans(folder: Path, hours: str) -> list[tuple[int, int]]:
    file = folder / "staffing.toml"
    file.write_text(f"[[shift]]\nagents = 1\n{hours}\n", "utf-8")
    shift = read_staffing(file).shifts[0]
    day = (Instant(MIDNIGHT), Instant(MIDNIGHT + 24 * HOUR))
    found = shift.spans(*day, read_zone("UTC", "zone"))
    return [((a - MIDNIGHT) // MINUTE, (b - MIDNIGHT) // MINUTE) for a, b in found]


def test_a_shift_works_between_its_breaks(tmp_path: Path) -> None:
    breaks = 'breaks = [["10:00", "10:15"], ["12:00", "12:30"]]'
    found = spans(tmp_path, f'from = "08:00"\nto = "16:00"\n{breaks}')
    assert found == [(480, 600), (615, 720), (750, 960)]


def test_a_break_after_midnight_belongs_to_the_night(tmp_path: Path) -> None:
    found = spans(tmp_path, 'from = "22:00"\nto = "06:00"\nbreaks = [["01:00", "01:30"]]')
    assert found == [(0, 60), (90, 360), (1320, 1500)]


@pytest.mark.parametrize(
    "hours",
    [
        'from = "08:00"\nto = "16:00"\nbreaks = [["07:00", "08:30"]]',
        'from = "08:00"\nto = "16:00"\nbreaks = [["10:00", "09:00"]]',
        'from = "08:00"\nto = "16:00"\nbreaks = [["10:00"]]',
        'from = "08:00"\nto = "16:00"\nbreaks = ["10:00", "11:00"]',
        'breaks = [["10:00", "11:00"]]',
    ],
)
def test_breaks_outside_of_their_shift_are_refused(tmp_path: Path, hours: str) -> None:
    with pytest.raises(ConfigError, match=r"staffing\.toml: shift\[0\]\.breaks"):
        spans(tmp_path, hours)
