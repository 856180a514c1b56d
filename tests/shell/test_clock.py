"""``now`` never goes back in a run, and every step of the wall clock is told once."""

from trio.testing import MockClock, trio_test

from cckit import Draft, open_center
from cckit.core import facts as f
from cckit.core.ids import CENTER
from cckit.core.instant import HOUR, SECOND, Instant
from cckit.shell.clock import SystemClock, VirtualClock


class Hands:
    """A wall clock and a monotonic clock that a test moves, in nanoseconds."""

    def __init__(self) -> None:
        self.wall = 1_700_000_000_000_000_000
        self.monotonic = 5_000_000_000

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.monotonic)

    def passes(self, us: int) -> None:
        self.wall += us * 1000
        self.monotonic += us * 1000

    def steps(self, us: int) -> None:
        self.wall += us * 1000


def test_now_is_the_wall_clock_at_open_and_monotonic_time_since() -> None:
    hands = Hands()
    clock = hands.clock()
    assert clock.now() == hands.wall // 1000
    hands.passes(7)
    assert clock.now() == hands.wall // 1000
    before = clock.now()
    hands.steps(-HOUR)
    assert clock.now() == before


def test_a_step_over_a_second_is_told_once() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.steps(SECOND)
    assert clock.stepped() is None
    hands.steps(1)
    expected = clock.now()
    assert clock.stepped() == (expected, expected + SECOND + 1)
    assert clock.stepped() is None
    hands.passes(HOUR)
    assert clock.stepped() is None
    hands.steps(-HOUR)
    told = clock.stepped()
    assert told is not None
    assert told[1] - told[0] == -HOUR
    assert clock.stepped() is None


@trio_test
async def test_virtual_time_is_that_of_the_trio_clock() -> None:
    clock = VirtualClock(Instant(1_000))
    assert clock.now() == 1_000


@trio_test
async def test_virtual_time_passes_as_trio_says(mock_clock: MockClock) -> None:
    clock = VirtualClock(Instant(1_000))
    assert clock.now() == 1_000
    mock_clock.jump(3600.000001)
    assert clock.now() == 1_000 + HOUR + 1


@trio_test
async def test_a_step_within_a_run_is_recorded_and_moves_nothing(config) -> None:
    hands = Hands()
    async with open_center(config, clock=hands.clock()) as center:
        hands.steps(-HOUR)
        granted = Draft(CENTER, f.AccessGranted("a", "b", "c", "d", "e", "f"))
        await center.record(granted)
        await center.record(granted)
        found = [d async for b in center.read(types=[f.ClockStepped]) for _, d in b]
    assert [step.to_at - step.from_at for step in found] == [-HOUR]


@trio_test
async def test_a_clock_that_went_back_between_runs_is_told_after_the_start(log, config) -> None:
    hands = Hands()
    async with open_center(config, log=log.again(), clock=hands.clock()) as center:
        end = center.position
    hands.steps(-HOUR)
    async with open_center(config, log=log.again(), clock=hands.clock()) as center:
        found = [d async for b in center.read(end) for _, d in b]
    assert [type(data) for data in found] == [f.RunStarted, f.ClockStepped]
    assert found[1].to_at - found[1].from_at == -HOUR
