"""Each anomaly planted once is found once, where it is; a log without a fault has none."""

from collections.abc import Callable
from typing import Any

import pytest

from cckit.core import facts as f
from cckit.core.audit import ANOMALIES, CHANGES, Bounds
from cckit.core.codec import canonical
from cckit.core.ids import LegId

from .conftest import Certify
from .logs import ANNA, HOUR, LINE, MINUTE, ROOT, START, Log, started

Plant = Callable[[Log], tuple[int, dict[str, Any]]]
FIRST = (1 << 32) + 1
"""The first core id of epoch 1."""


def arrived(n: int) -> f.ContactCreated:
    return f.ContactCreated("voice", "in", LegId(FIRST + n), None, None, None, "main", str(n))


def entered(n: int, entry: int, queue: str = "help") -> f.QueueEntered:
    return f.QueueEntered(FIRST + entry, queue, n, START, 0, 0, ())


def day(log: Log) -> None:
    """Two contacts, as any day has them."""
    for n in (0, 1):
        log.at += MINUTE
        log.add(arrived(2 * n), stream=f"contact/{n}", actor=LINE, occurred_at=log.at - 1000 + n)
        log.add(entered(n + 1, 2 * n + 1), stream=f"contact/{n}", actor=LINE)


def clock_stepped(log: Log) -> tuple[int, dict[str, Any]]:
    at = log.add(f.ClockStepped(log.at, log.at + HOUR), at=log.at)
    return at, {"from_at": log.at, "to_at": log.at + HOUR, "by_us": HOUR}


def clock_went_back(log: Log) -> tuple[int, dict[str, Any]]:
    before = log.at
    at = log.add(f.HoldChanged("center", True, "court"), at=log.at - 5)
    return at, {"before_at": before, "by_us": 5}


def adapter_silent(log: Log) -> tuple[int, dict[str, Any]]:
    last, heard = log.next - 1, log.at
    log.add(f.AgentReady(), stream="agent/anna", actor=ANNA, at=heard + HOUR)
    log.add(f.AgentNotReady("tea", "agent"), stream="agent/anna", actor=ANNA, at=heard + HOUR + 1)
    log.add(f.AgentReady(), stream="agent/anna", actor=ANNA, at=heard + 2 * HOUR)
    told = {"adapter": "line", "noticed_at": heard + HOUR + 1, "silent_us": HOUR + 1}
    return last, told


def queue_hole(log: Log) -> tuple[int, dict[str, Any]]:
    at = log.add(entered(4, 4), stream="contact/9", actor=LINE)
    return at, {"queue": "help", "awaited": 3, "found": 4}


def queue_double(log: Log) -> tuple[int, dict[str, Any]]:
    at = log.add(entered(2, 4), stream="contact/9", actor=LINE)
    return at, {"queue": "help", "awaited": 3, "found": 2}


def id_hole(log: Log) -> tuple[int, dict[str, Any]]:
    at = log.add(entered(3, 5), stream="contact/9", actor=LINE)
    return at, {"epoch": 1, "awaited": 5, "found": 6}


def epoch_hole(log: Log) -> tuple[int, dict[str, Any]]:
    log.epoch = 4
    return log.add(started(4)), {"from_epoch": 2, "to_epoch": 3}


def event_late(log: Log) -> tuple[int, dict[str, Any]]:
    said = log.at
    log.at += 2 * MINUTE
    at = log.add(f.LegHeld(LegId(FIRST), "customer"), stream="contact/0", actor=LINE,
                 occurred_at=said)  # fmt: skip
    return at, {"actor": "adapter/line", "occurred_at": said, "late_us": 2 * MINUTE}


def event_ahead(log: Log) -> tuple[int, dict[str, Any]]:
    said = log.at + 61_000_000
    at = log.add(f.LegHeld(LegId(FIRST), "customer"), stream="contact/0", actor=LINE,
                 occurred_at=said)  # fmt: skip
    return at, {"actor": "adapter/line", "occurred_at": said, "ahead_us": 61_000_000}


def event_disordered(log: Log) -> tuple[int, dict[str, Any]]:
    before, said = log.at - 999, log.at - 1500
    at = log.add(f.LegHeld(LegId(FIRST), "customer"), stream="contact/0", actor=LINE,
                 occurred_at=said)  # fmt: skip
    return at, {"actor": "adapter/line", "occurred_at": said, "before_at": before}


def access_refused(log: Log) -> tuple[int, dict[str, Any]]:
    at = log.add(f.AccessRefused("agent/anna", "Erase", "subject/1", None, 3))
    return at, {"actor": "agent/anna", "action": "Erase", "object": "subject/1", "n": 3}


def plugin_failed(log: Log) -> tuple[int, dict[str, Any]]:
    at = log.add(f.PluginFailed("praise", "rank", "KeyError", True))
    told = {"plugin": "praise", "hook": "rank", "error": "KeyError", "suspended": True}
    return at, told


def invariant_broken(log: Log) -> tuple[int, dict[str, Any]]:
    return log.add(f.InvariantBroken("I7", "Enqueue")), {"rule": "I7", "command": "Enqueue"}


def fact_superseded(log: Log) -> tuple[int, dict[str, Any]]:
    at = log.add(f.FactSuperseded("accepted", 55), stream="contact/0", actor=ANNA)
    return at, {"actor": "agent/anna", "fact": "accepted", "by_position": 55}


def fact_quarantined(log: Log) -> tuple[int, dict[str, Any]]:
    at = log.add(f.FactQuarantined("line", bytes(32), "no such leg"))
    return at, {"adapter": "line", "reason": "no such leg"}


def erasure_unfinished(log: Log) -> tuple[int, dict[str, Any]]:
    at = log.add(f.SubjectErasureStarted("asked"), stream="subject/a")
    return at, {"stream": "subject/a", "ground": "asked"}


def erasure_incomplete(log: Log) -> tuple[int, dict[str, Any]]:
    log.add(f.SubjectErasureStarted("asked"), stream="subject/a")
    erased = f.SubjectErased("asked", 1, {"keys": 1}, {"crm": "it is down"})
    at = log.add(erased, stream="subject/a")
    return at, {"stream": "subject/a", "failures": {"crm": "it is down"}}


def log_restored(log: Log) -> tuple[int, dict[str, Any]]:
    log.epoch = 1026
    log.add(started(1026))
    at = log.add(f.LogRestored("old", 7, b"\1" * 32))
    return at, {"origin": "old", "size": 7, "chain": "01" * 32}


PLANTS: dict[str, Plant] = {
    "clock.stepped": clock_stepped,
    "clock.went_back": clock_went_back,
    "adapter.silent": adapter_silent,
    "queue.hole": queue_hole,
    "queue.double": queue_double,
    "id.hole": id_hole,
    "epoch.hole": epoch_hole,
    "event.late": event_late,
    "event.ahead": event_ahead,
    "event.disordered": event_disordered,
    "access.refused": access_refused,
    "plugin.failed": plugin_failed,
    "invariant.broken": invariant_broken,
    "fact.superseded": fact_superseded,
    "fact.quarantined": fact_quarantined,
    "erasure.unfinished": erasure_unfinished,
    "erasure.incomplete": erasure_incomplete,
    "log.restored": log_restored,
}


def test_each_anomaly_of_the_log_is_planted_here() -> None:
    # Checkpoints lie beside the log: test_checkpoints.py plants a late one.
    assert {*PLANTS, "checkpoint.late"} == set(ANOMALIES)


def test_a_day_without_a_fault_has_no_anomaly(certify: Certify) -> None:
    log = Log()
    day(log)
    assert certify(log)["anomalies"] == {}


@pytest.mark.parametrize("kind", PLANTS)
def test_what_is_planted_once_is_found_once_where_it_is(kind: str, certify: Certify) -> None:
    log = Log()
    day(log)
    position, told = PLANTS[kind](log)
    found = certify(log)["anomalies"]
    at = next(e.stamp.recorded_at for e, _ in log.events if e.position == position)
    assert found == {kind: {"count": 1, "first": [{"position": position, "at": at, **told}]}}


def test_all_planted_together_are_all_found(certify: Certify) -> None:
    log = Log()
    day(log)
    for kind in PLANTS:
        if kind != "erasure.incomplete" and not kind.endswith((".hole", ".double")):
            PLANTS[kind](log)
            log.at += 3 * MINUTE
            log.add(f.LegHeld(LegId(FIRST), "customer"), stream="contact/0", actor=LINE)
    found = certify(log)["anomalies"]
    assert [kind for kind in ANOMALIES if kind in found] == list(found)
    for kind in ("clock.stepped", "adapter.silent", "plugin.failed", "erasure.unfinished"):
        assert found[kind]["count"] == 1


def test_an_adapter_that_speaks_again_is_listed_with_each_of_its_silences(certify: Certify) -> None:
    log = Log()
    day(log)
    for _ in range(2):
        log.at += HOUR + 1
        log.add(f.AgentReady(), stream="agent/anna", actor=ANNA)
        log.add(f.LegHeld(LegId(FIRST), "customer"), stream="contact/0", actor=LINE)
    assert certify(log)["anomalies"]["adapter.silent"]["count"] == 2


def test_a_night_in_which_nobody_works_is_no_silence(certify: Certify) -> None:
    log = Log()
    day(log)
    log.at += 10 * HOUR
    log.add(f.RecoveryReconciled({"agents": 1}))
    log.add(f.LegHeld(LegId(FIRST), "customer"), stream="contact/0", actor=LINE)
    assert certify(log)["anomalies"] == {}


def test_nobody_is_silent_while_no_center_runs(certify: Certify) -> None:
    log = Log()
    day(log)
    log.at += 10 * HOUR
    log.epoch = 2
    log.add(started(2))
    log.add(f.AgentReady(), stream="agent/anna", actor=ANNA)
    assert certify(log)["anomalies"] == {}


def test_a_run_may_explain_a_clock_that_went_back(certify: Certify) -> None:
    log = Log()
    day(log)
    before = log.at
    log.at -= HOUR
    log.epoch = 2
    log.add(started(2))
    log.add(f.ClockStepped(before, log.at))
    assert list(certify(log)["anomalies"]) == ["clock.stepped"]


def test_a_run_that_does_not_explain_it_is_listed(certify: Certify) -> None:
    log = Log()
    day(log)
    log.at -= HOUR
    log.epoch = 2
    position = log.add(started(2))
    found = certify(log)["anomalies"]
    assert list(found) == ["clock.went_back"]
    assert found["clock.went_back"]["first"][0]["position"] == position


def test_bounds_are_the_auditors(certify: Certify) -> None:
    log = Log()
    day(log)
    event_late(log)
    assert certify(log, bounds=Bounds(late_us=3 * MINUTE))["anomalies"] == {}


def test_more_than_are_listed_are_counted(certify: Certify) -> None:
    log = Log()
    for _ in range(1003):
        log.add(f.InvariantBroken("I7", "Enqueue"))
    found = certify(log)["anomalies"]["invariant.broken"]
    assert (found["count"], len(found["first"])) == (1003, 1000)


def test_a_long_text_of_the_log_is_cut(certify: Certify) -> None:
    log = Log()
    log.add(f.InvariantBroken("x" * 5000, "Enqueue"))
    rule = certify(log)["anomalies"]["invariant.broken"]["first"][0]["rule"]
    assert rule == "x" * 512 + "…"


# --- what was changed -----------------------------------------------------------------------


def test_configuration_says_what_changed_from_what(certify: Certify) -> None:
    log = Log()
    for ring in (20, 25):
        data = canonical({"ring_us": ring, "need": ""})
        position = log.add(f.ConfigApplied("queue", "help", bytes(32), data), actor=ROOT)
    first, second = certify(log)["changes"]["config.applied"]["first"]
    assert first["first"] is True
    assert first["changed"] == {"need": [None, ""], "ring_us": [None, 20]}
    assert second == {
        "position": position,
        "at": START,
        "by": "admin/root",
        "kind": "queue",
        "id": "help",
        "first": False,
        "changed": {"ring_us": [20, 25]},
    }


def test_a_run_says_which_versions_changed(certify: Certify) -> None:
    log = Log()
    log.epoch = 2
    log.add(started(2, cckit="1", praise="2"))
    log.epoch = 3
    log.add(started(3, cckit="2"))
    runs = certify(log)["changes"]["run.started"]
    assert runs["count"] == 3
    assert runs["first"][2]["changed"] == {"cckit": ["1", "2"], "praise": ["2", None]}


def test_who_changed_what_is_told_and_is_no_anomaly(certify: Certify) -> None:
    log = Log()
    log.add(f.PermissionChanged("ben", "admin", True), actor=ROOT)
    log.add(f.HoldChanged("subject/a", True, "court"), actor=ROOT)
    log.add(f.SubjectErasureStarted("asked"), stream="subject/a")
    log.add(f.SubjectErased("asked", 2, {"keys": 2}, {}), stream="subject/a")
    log.add(f.DataDisclosed("a", "access", "asked"))
    log.add(f.RecoveryReconciled({"agents": 1}))
    found = certify(log)
    assert found["anomalies"] == {}
    assert {kind: one["count"] for kind, one in found["changes"].items()} == {
        kind: 1 for kind in CHANGES if kind != "config.applied"
    }
    assert found["access"]["disclosed"] == 1


def test_what_was_granted_is_counted_by_action(certify: Certify) -> None:
    log = Log()
    for action in ("unmask", "export", "unmask"):
        log.add(f.AccessGranted("agent/anna", action, "log", "field", "contact/1", "call"))
    log.add(f.AccessRefused("agent/anna", "Erase", "subject/1", None, 10))
    access = certify(log)["access"]
    assert access == {"granted": {"export": 1, "unmask": 2}, "refused": 10, "disclosed": 0}
