"""Every dialect divides what its name says, by the worked shares of one example."""

from collections import Counter

import pytest

from cckit.core.codec import canonical
from cckit.core.errors import ConfigError
from cckit.core.instant import SECOND
from cckit.core.reports.arithmetic import add_ratios, divide, mean, nearest_rank, ratio
from cckit.core.reports.catalogue import OTHERS, Catalogue
from cckit.core.reports.definitions import SERVICE_LEVELS, definition
from cckit.core.reports.measure import evaluate, measure

WORKED = Counter(
    {"A": 1000, "B": 60, "F": 30, "D": 20, "E": 0, "A_T": 860, "B_T": 20, "B_s": 10, "D_T": 15}
) + Counter({"O": 1110})
PERCENT = {
    "sl.answered": "86.000",
    "sl.offered": "81.132",
    "sl.ignored": "82.692",
    "sl.positive": "83.019",
    "sl.short_credit": "82.075",
    "sl.short_excluded": "81.905",
    "sl.flow_out": "78.899",
    "sl.removed": "80.631",
    "sl.pq": "78.899",
}
PPM = {
    "sl.answered": 860_000,
    "sl.offered": 811_321,
    "sl.ignored": 826_923,
    "sl.positive": 830_189,
    "sl.short_credit": 820_755,
    "sl.short_excluded": 819_048,
    "sl.flow_out": 788_991,
    "sl.removed": 806_306,
    "sl.pq": 788_991,
}
HASHES = {
    "sl.answered@1": "74e4c75d419a5346",
    "sl.offered@1": "ed18b756dfaa6827",
    "sl.ignored@1": "30886e996f799389",
    "sl.positive@1": "cbf4ba19631327c6",
    "sl.short_credit@1": "da438d0edbd52f59",
    "sl.short_excluded@1": "f41ea6baf1b84c01",
    "sl.flow_out@1": "e6684d2c62400dee",
    "sl.removed@1": "4a8c741199c908c3",
    "sl.pq@1": "45d3f72b7a94cf95",
    "sl.demand@1": "d733e0434a730bfc",
    "asa.answered@1": "f6b01cda9a7cf027",
    "wait.p90@1": "459d740ffc3ae813",
    "wait.max@1": "6b08d1e02bc81fa7",
    "aht.handled@1": "3664f79e36140b2d",
    "att.handled@1": "654d0d78a451a6ea",
    "hold.handled@1": "78705d74f7fb3a7c",
    "acw.handled@1": "ccfde15851134531",
    "rona.offers@1": "e21104f3ee15fd49",
    "transfer.handled@1": "affdb72f78be7f3e",
    "occupancy.wall@1": "043954383bb9e817",
}


@pytest.mark.parametrize("name", PERCENT)
def test_a_dialect_gives_its_worked_share(name: str) -> None:
    numerator, denominator = evaluate(Catalogue().find(name), WORKED)
    assert denominator is not None
    assert ratio(numerator, denominator)["ppm"] == PPM[name]
    thousandths = divide(numerator * 100_000, denominator)
    assert f"{thousandths // 1000}.{thousandths % 1000:03}" == PERCENT[name]


def test_demand_counts_who_was_turned_away() -> None:
    turned = WORKED + Counter({"N": 90})
    assert evaluate(Catalogue().find("sl.demand"), turned) == (860, 1200)


def test_precision_queue_counts_open_visits_past_the_threshold() -> None:
    assert evaluate(Catalogue().find("sl.pq"), WORKED + Counter({"due": 3})) == (860, 1093)


def test_every_dialect_has_its_own_id_and_hash() -> None:
    assert {d.name for d in SERVICE_LEVELS} == {*PERCENT, "sl.demand"}
    assert len({d.hash for d in SERVICE_LEVELS}) == len(SERVICE_LEVELS)


def test_hashes_never_change() -> None:
    assert {d.id: d.hash[:16] for d in (*SERVICE_LEVELS, *OTHERS)} == HASHES


def test_what_was_not_measured_is_null_with_a_reason() -> None:
    aht = Catalogue().find("aht.handled")
    assert measure(aht, Counter(), frozenset({"queue"})) == {
        "numerator_us": None,
        "denominator": None,
        "mean_us": None,
        "why": "not measured",
    }
    known = frozenset({"queue", "wrapup"})
    sums = Counter({"talk": 5, "hold": 2, "wrapup": 3, "handled": 4})
    assert measure(aht, sums, known) == {"numerator_us": 10, "denominator": 4, "mean_us": 3}


def test_a_definition_is_canonical_and_reads_back() -> None:
    for one in (*SERVICE_LEVELS, Catalogue().find("asa.answered")):
        assert definition(one.map()).pack() == one.pack() == canonical(one.map())


def test_without_a_version_the_newest_is_meant() -> None:
    first = Catalogue().find("sl.offered")
    second = definition(first.map() | {"id": "sl.offered@2", "T": 30 * SECOND})
    assert Catalogue([second]).find("sl.offered").id == "sl.offered@2"
    assert Catalogue([second]).find("sl.offered@1").T == 20 * SECOND


def test_other_thresholds_are_another_id() -> None:
    offered = Catalogue().find("sl.offered")
    assert offered.varied(T=30 * SECOND).id == "sl.offered.T30000@1"
    assert offered.varied(T=20 * SECOND) is offered
    assert offered.varied(s=SECOND) is offered, "it counts no short abandons"
    assert Catalogue().find("sl.short_credit").varied(s=SECOND).id == "sl.short_credit.s1000@1"
    assert offered.varied(rule="end").id == "sl.offered.end@1"


def test_one_id_cannot_mean_two_things() -> None:
    other = definition(Catalogue().find("sl.offered").map() | {"T": 1})
    with pytest.raises(ConfigError, match="already defined otherwise"):
        Catalogue([other])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"id": "mine"}, "family.variant@n"),
        ({"id": "sl.mine@x"}, "family.variant@n"),
        ({"num": {"A_X": 1}}, "'A_X' is no count"),
        ({"num": {"A": 1.5}}, "no integer"),
        ({"num": None}, "a map or list is missing"),
        ({"T": -1}, "T is no length"),
        ({"T": "20 s"}, "T is no length"),
        ({"where": {"weather": ["wet"]}}, "where names 'weather'"),
        ({"rule": "clipped"}, "rule is 'clipped'"),
        ({"clock": "calendar"}, "clock is 'calendar'"),
        ({"calc": "magic@1"}, "calc is 'magic@1'"),
        ({"formula": "A/B"}, "formula is no key"),
    ],
)
def test_a_bad_definition_is_refused_with_its_key(change: dict[str, object], what: str) -> None:
    fields = Catalogue().find("sl.offered").map() | change
    with pytest.raises(ConfigError, match=what):
        definition(fields, "metrics.toml")


def test_an_unknown_definition_names_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"sl\.answered@1"):
        Catalogue().find("sl.nothing")


def test_division_rounds_half_away_from_zero() -> None:
    assert [divide(n, 2) for n in (-3, -1, 1, 3)] == [-2, -1, 1, 2]
    assert [divide(n, 3) for n in (-5, -4, 4, 5)] == [-2, -1, 1, 2]
    assert [divide(n, 2, "truncate") for n in (-3, -1, 1, 3)] == [-1, 0, 0, 1]


def test_nothing_to_divide_by_is_null_with_a_reason() -> None:
    assert ratio(0, 0) == {"numerator": 0, "denominator": 0, "ppm": None, "why": "none"}
    assert mean(0, 0) == {"numerator_us": 0, "denominator": 0, "mean_us": None, "why": "none"}


def test_shares_roll_up_by_their_parts() -> None:
    assert add_ratios([ratio(1, 1), ratio(0, 3)]) == ratio(1, 4)


def test_a_percentile_is_a_value_that_occurred() -> None:
    values = [40, 10, 30, 20]
    assert [nearest_rank(values, p) for p in (1, 250, 251, 500, 900, 1000)] == [
        10,
        10,
        20,
        20,
        40,
        40,
    ]
    assert nearest_rank([], 900) is None
