"""Known figures of Erlang B, C and A, and the chain itself in exact fractions."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core.erlang import (
    ErlangA,
    ErlangC,
    erlang_b,
    priority_waits,
    rate_with_redials,
    square_root_waits,
    vru_lines,
)


def printed(*figures: float) -> list[str]:
    return [f"{figure:.6f}" for figure in figures]


@pytest.mark.parametrize(
    ("agents", "load", "blocked"),
    [
        (1, 1, "0.500000"),
        (10, 5, "0.018385"),
        (10, 12, "0.301925"),
        (50, 40, "0.018691"),
        (100, 95, "0.048804"),
        (1000, 980, "0.013831"),
        (2000, 2000, "0.017631"),
    ],
)
def test_erlang_b_is_the_table(agents: int, load: float, blocked: str) -> None:
    assert printed(erlang_b(agents, load)) == [blocked]


@pytest.mark.parametrize(
    ("calls", "per_s", "service", "agents", "within", "figures"),
    [
        (90, 1800, 200, 12, 20, "0.449388 44.938822 0.632072 150.271697"),
        (240, 1800, 300, 41, 20, "0.822891 246.867290 0.230180 632.296057"),
        (4000, 3600, 270, 310, 10, "0.455931 12.310126 0.685190 40.963602"),
    ],
)
def test_erlang_c_is_the_table(
    calls: int, per_s: int, service: int, agents: int, within: int, figures: str
) -> None:
    model = ErlangC.of(calls / per_s, service, agents)
    assert model is not None
    answered = model.answered_within(within)
    assert printed(model.waits, model.asa_s, answered, model.quantile_s(0.9)) == figures.split()


def test_erlang_c_has_no_answer_where_the_load_is_not_below_the_agents() -> None:
    assert ErlangC.of(1.0, 10.0, 10) is None


@pytest.mark.parametrize(
    ("calls", "per_s", "service", "patience", "agents", "waits", "asa", "within"),
    [
        (
            90,
            1800,
            200,
            180,
            10,
            "0.530242 0.128342",
            "21.028166 72.698532",
            "0.589132 0.049196 0.014089",
        ),
        (
            4000,
            3600,
            270,
            600,
            300,
            "0.604637 0.018492",
            "11.029697 32.010290",
            "0.755389 0.013505 0.004594",
        ),
        (
            6,
            3600,
            300,
            60,
            1,
            "0.352173 0.295655",
            "4.112285 63.477932",
            "0.665877 0.096972 0.027946",
        ),
        (
            12000,
            3600,
            300,
            120,
            900,
            "0.978076 0.100190",
            "12.507113 20.309370",
            "0.794161 0.097319 0.038518",
        ),
    ],
)
def test_erlang_a_is_the_table(
    calls: int,
    per_s: int,
    service: int,
    patience: int,
    agents: int,
    waits: str,
    asa: str,
    within: str,
) -> None:
    model = ErlangA.of(calls / per_s, service, patience, agents)
    assert printed(model.waits, model.abandoned) == waits.split()
    assert printed(model.asa_s, model.quantile_s(0.9)) == asa.split()
    shares = model.answered_within(20), model.abandoned_within(20), model.abandoned_within(5)
    assert printed(*shares) == within.split()


def test_redials_are_the_table() -> None:
    total = rate_with_redials(48, 1, 2, 50, 0.5)
    assert printed(total, ErlangA.of(total, 1, 2, 50).abandoned) == ["48.921354", "0.037667"]


def test_the_vru_of_two_lines_is_the_table() -> None:
    blocked, waits = vru_lines(1, 1, 1, 1, 1, 2)
    assert abs(blocked - 5 / 11) < 5e-13
    assert abs(waits - 1 / 3) < 5e-13


def test_the_square_root_is_a_first_guess() -> None:
    exact = ErlangC.of(1, 100, 110)
    assert exact is not None
    assert f"{square_root_waits(110, 100):.3f} {exact.waits:.3f}" == "0.223 0.237"


def chain(
    rate: Fraction, service: Fraction, patience: Fraction, agents: int
) -> tuple[Fraction, ...]:
    """Solve for P(W > 0), P(ab) and E[W; answered] from the states of M/M/c+M."""
    state = [Fraction(1)]
    while state[-1] > state[0] / 10**40 or len(state) <= agents + 5:
        n = len(state)
        out = Fraction(min(n, agents)) / service + Fraction(max(0, n - agents)) / patience
        state.append(state[-1] * rate / out)
    total = sum(state)
    busy = sum(state[agents:]) / total
    queue = sum((i * p for i, p in enumerate(state[agents:])), Fraction(0)) / total
    # Who arrives with i waiting climbs i + 1 steps: at m of them ahead and itself in line,
    # a step is a service with chance c/h over c/h + m/patience, or the loss of one of m.
    answered_wait = Fraction(0)
    for i, p in enumerate(state[agents:]):
        served, wait = Fraction(1), Fraction(0)
        for m in range(i + 1, 0, -1):
            out = Fraction(agents) / service + m / patience
            wait += 1 / out
            served *= (out - 1 / patience) / out
        answered_wait += p / total * served * wait
    return busy, queue / (rate * patience), answered_wait


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    st.integers(1, 40).map(lambda n: Fraction(n, 10)),
    st.integers(1, 60).map(lambda n: Fraction(n, 10)),
    st.integers(1, 60).map(lambda n: Fraction(n, 10)),
    st.integers(1, 12),
)
def test_erlang_a_is_its_own_chain_to_5e_13(
    rate: Fraction, service: Fraction, patience: Fraction, agents: int
) -> None:
    waits, abandoned, answered_wait = chain(rate, service, patience, agents)
    model = ErlangA.of(float(rate), float(service), float(patience), agents)
    assert abs(model.waits - waits) < 5e-13
    assert abs(model.abandoned - abandoned) < 5e-13
    assert abs(model.asa_s * (1 - model.abandoned) - answered_wait) < 5e-13 * 10
    assert abs(model.answered_within(0) - (1 - waits)) < 5e-13


def test_extremes_stay_shares() -> None:
    crowd = ErlangA.of(rate=50, service_s=300, patience_s=6000, agents=14_000)
    assert 0.0666 < crowd.abandoned < 0.0667
    nobody = ErlangA.of(rate=0, service_s=300, patience_s=60, agents=3)
    assert (nobody.waits, nobody.abandoned, nobody.asa_s) == (0.0, 0.0, 0.0)
    rushed = ErlangA.of(rate=1, service_s=200, patience_s=1e-3, agents=100)
    assert abs(rushed.abandoned - erlang_b(100, 200)) < 1e-5
    assert erlang_b(100_000, 10) == 0.0


def test_without_patience_to_lose_erlang_a_is_erlang_c() -> None:
    patient, exact = ErlangA.of(0.05, 200, 1e9, 12), ErlangC.of(0.05, 200, 12)
    assert exact is not None
    assert abs(patient.waits - exact.waits) < 1e-5
    assert abs(patient.asa_s - exact.asa_s) < 1e-2


def test_one_class_alone_waits_as_in_erlang_c() -> None:
    exact = ErlangC.of(0.05, 200, 12)
    assert exact is not None
    (wait,) = priority_waits((0.05,), 200, 12)
    assert wait is not None
    assert abs(wait - exact.asa_s) < 1e-9


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=4), st.integers(1, 20))
def test_whom_one_class_overtakes_another_loses_nothing_in_sum(
    parts: list[float], agents: int
) -> None:
    # Kleinrock's conservation law (1965): the work that waits is the same in any order.
    rates = [0.9 * agents * part / sum(parts) for part in parts]
    exact = ErlangC.of(sum(rates), 1, agents)
    assert exact is not None
    waits = [wait for wait in priority_waits(rates, 1, agents) if wait is not None]
    assert waits == sorted(waits)
    mean = sum(rate * wait for rate, wait in zip(rates, waits, strict=True)) / sum(rates)
    assert abs(mean - exact.asa_s) < 1e-9 * exact.asa_s


def test_an_urgent_class_has_a_mean_where_the_others_have_none() -> None:
    first, second = priority_waits((0.5, 2.0), 1, 2)
    assert (first, second) == (1 / (2 * 0.75), None)


def test_two_classes_wait_as_in_their_own_chain() -> None:
    """Solve for the mean numbers of each class that wait, while all agents are busy.

    Among those states a step is an arrival of either class or a service, which takes from
    the first class while it waits.
    """
    first, second, agents, top = 0.6, 0.5, 2, 40
    width = range(top)
    weight = [[1.0 if i == j == 0 else 0.0 for j in width] for i in width]
    for _ in range(500):
        fresh = [[0.0] * top for _ in width]
        for i in width:
            for j in width:
                share = weight[i][j] / (first + second + agents)
                fresh[min(i + 1, top - 1)][j] += share * first
                fresh[i][min(j + 1, top - 1)] += share * second
                # With nobody waiting, the step out of these states comes back to it.
                fresh[max(i - 1, 0)][j if i else max(j - 1, 0)] += share * agents
        weight = fresh
    exact = ErlangC.of(first + second, 1, agents)
    assert exact is not None
    lengths = (
        sum(i * one for i, row in enumerate(weight) for one in row),
        sum(j * one for row in weight for j, one in enumerate(row)),
    )
    waits = priority_waits((first, second), 1, agents)
    for length, rate, wait in zip(lengths, (first, second), waits, strict=True):
        assert wait is not None
        assert abs(exact.waits * length / rate - wait) < 1e-6
