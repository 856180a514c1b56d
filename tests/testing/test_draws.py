from random import Random

import pytest

from cckit.testing.draws import (
    NEVER,
    Exponential,
    Fixed,
    Lengths,
    Lognormal,
    Observed,
    Uniform,
    digest,
    stream,
)

SECOND = 1_000_000


def test_a_stream_is_the_same_everywhere_and_depends_on_seed_and_name_alone() -> None:
    assert stream(1, "patience").getrandbits(64) == 0xE1F32F548FDD9E6D
    assert stream(1, "patience").random().hex() == "0x1.1fbb3cf87ccbdp-1"
    others = {stream(seed, name).getrandbits(64) for seed in (1, 2) for name in ("a", "b")}
    assert len(others) == 4


def test_a_digest_is_the_same_on_every_machine() -> None:
    assert digest(7, "log id").hex()[:16] == "7de81cfb7c346121"


@pytest.mark.parametrize(
    ("lengths", "mean"),
    [
        (Fixed(5 * SECOND), 5 * SECOND),
        (Exponential(180 * SECOND), 180 * SECOND),
        (Uniform(2 * SECOND, 6 * SECOND), 4 * SECOND),
        (Lognormal(200 * SECOND, 150 * SECOND), 200 * SECOND),
        (Observed((1 * SECOND, 3 * SECOND)), 2 * SECOND),
    ],
)
def test_a_distribution_has_its_mean_and_gives_whole_microseconds(
    lengths: Lengths, mean: int
) -> None:
    random = stream(3, "mean")
    drawn = [lengths.draw(random) for _ in range(20_000)]
    assert {type(one) for one in drawn} == {int}
    assert min(one for one in drawn if one is not None) >= 0
    average = sum(one for one in drawn if one is not None) / len(drawn)
    assert abs(average / mean - 1) < 0.02


def test_uniform_reaches_both_of_its_ends() -> None:
    random = Random(0)
    assert {Uniform(1, 3).draw(random) for _ in range(100)} == {1, 2, 3}


def test_never_draws_nothing() -> None:
    random = Random(0)
    before = random.getstate()
    assert NEVER.draw(random) is None
    assert random.getstate() == before
