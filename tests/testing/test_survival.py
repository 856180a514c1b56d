from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from cckit.testing.draws import stream
from cckit.testing.survival import WHOLE, Survival

# Kalbfleisch and Prentice style: (wait, gave up); who was answered at 3 counts among
# those at risk at 3.
SMALL = ((1, True), (2, False), (3, True), (3, False), (5, True), (8, False))
WAITS = st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=60)


def test_a_small_curve_is_the_one_done_by_hand() -> None:
    curve = Survival.fit(SMALL)
    by_hand = [Fraction(5, 6), Fraction(5, 6) * Fraction(3, 4), Fraction(5, 6) * Fraction(3, 8)]
    assert curve.times == (1, 3, 5)
    assert [
        Fraction(left, WHOLE) - exact < Fraction(1, 2**60)
        for left, exact in zip(curve.left, by_hand, strict=True)
    ] == [True] * 3
    assert curve.share(0) == WHOLE
    assert curve.share(4) == curve.left[1]
    assert (curve.exposure_us, curve.gave_up) == (22, 3)


def test_a_curve_does_not_depend_on_the_order_of_the_waits() -> None:
    assert Survival.fit(SMALL) == Survival.fit(reversed(SMALL))


@given(WAITS)
def test_the_curve_is_that_of_exact_fractions(waits: list[tuple[int, bool]]) -> None:
    curve = Survival.fit(waits)
    share = Fraction(1)
    for at, left in zip(curve.times, curve.left, strict=True):
        at_risk = sum(wait >= at for wait, _ in waits)
        deaths = sum(wait == at and gave_up for wait, gave_up in waits)
        share *= Fraction(at_risk - deaths, at_risk)
        assert 0 <= share - Fraction(left, WHOLE) < Fraction(len(waits), WHOLE)


@given(WAITS, st.integers(-1, 60), st.integers(0, 2**32))
def test_patience_is_drawn_above_the_wait(
    waits: list[tuple[int, bool]], above: int, seed: int
) -> None:
    drawn = Survival.fit(waits).draw(stream(seed, "patience"), above)
    if any(gave_up for _, gave_up in waits):
        assert drawn is not None
        assert drawn > above
    else:
        assert drawn is None


def test_draws_follow_the_curve() -> None:
    curve, random = Survival.fit(SMALL), stream(1, "patience")
    drawn = [curve.draw(random) or 0 for _ in range(20_000)]
    for at, left in zip(curve.times, curve.left, strict=True):
        longer = sum(one > at for one in drawn) / len(drawn)
        assert abs(longer - left / WHOLE) < 0.01


def test_draws_above_a_wait_follow_what_the_curve_leaves_there() -> None:
    curve, random = Survival.fit(SMALL), stream(2, "patience")
    drawn = [curve.draw(random, 2) or 0 for _ in range(20_000)]
    stayed = sum(one > 3 for one in drawn) / len(drawn)
    assert abs(stayed - 3 / 4) < 0.01
