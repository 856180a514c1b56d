"""What was said of waits is held against what came."""

from typing import Any

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.ids import ContactId
from cckit.core.instant import MINUTE, SECOND
from cckit.core.reports import REPORTS, Parameters, Source, Zone
from cckit.core.reports.estimates import Estimates
from cckit.shell.zones import read_zone
from tests.core.test_overflow import busy
from tests.stage import Stage


def reported(stage: Stage) -> list[tuple[Any, ...]]:
    estimates = Estimates()
    state = estimates.initial()
    for recorded in stage.log:
        if type(recorded[1]) in estimates.types:
            estimates.apply(state, recorded)
    zone: Zone = read_zone("UTC", "test")
    parameters = Parameters(zone=zone, source=Source(None, b"", stage.now))
    table = REPORTS["estimates"].table({Estimates.name: state}, parameters)
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def test_each_announced_wait_is_inside_sooner_later_or_never_known() -> None:
    stage = busy("ql")
    told: dict[str, f.QueueEstimateGiven] = {}
    for contact in ("inside", "later", "gone"):
        stage.call(contact)
        told[contact] = stage.facts(c.Estimate(ContactId(contact)))[0]
    stage.wait(MINUTE)
    stage.facts(c.ReportCleared(stage.contact("gone").leg))
    stage.facts(c.Close(ContactId("talks")))
    stage.talk("inside")
    stage.wait(60 * MINUTE)
    stage.facts(c.Close(ContactId("inside")))
    stage.talk("later")
    row = reported(stage)[-1]
    assert {name: row[name] for name in ("given", "measured", "inside", "sooner", "later")} == {
        "given": 3, "measured": 2, "inside": 1, "sooner": 0, "later": 1,
    }  # fmt: skip
    middle = [(one.low_us + one.high_us) // 2 for one in told.values()]
    error = abs(middle[0] - MINUTE) + abs(middle[1] - 61 * MINUTE)
    assert row["held"] == {"numerator": 1, "denominator": 2, "ppm": 500_000}
    assert row["error"] == {"numerator_us": error, "denominator": 2, "mean_us": error // 2}


def test_who_still_waits_was_told_and_is_not_measured() -> None:
    stage = busy("ql")
    stage.call("x")
    stage.wait(SECOND)
    stage.facts(c.Estimate(ContactId("x")))
    for row in reported(stage):
        assert (row["given"], row["measured"], row["held"]["why"]) == (1, 0, "none")
