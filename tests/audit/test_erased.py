"""Logs of people who were erased, redacted copies of them, and logs that were restored."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cckit import AgentSettings, Config, QueueSettings, open_center
from cckit.cli.main import main
from cckit.core.commands import Enqueue, Erase, ReportArrived, SetHold
from cckit.core.ids import SubjectId
from cckit.hooks.signing import Signer
from cckit.shell.clock import VirtualClock
from cckit.shell.entropy import SeededEntropy
from cckit.shell.logs.redacting import redact_log
from cckit.shell.proof.auditing import audit_log
from cckit.shell.proof.pinning import pin_log
from cckit.shell.proof.signers import write_signers
from cckit.testing.center import START, run_center

from .logs import LINE, ROOT

CONFIG = Config(
    name="center",
    queues={"support": QueueSettings(agents=())},
    agents={"anna": AgentSettings()},
)


async def day(center: Any) -> None:
    """Three people call, one of them has held what the center knows, one is erased."""
    people = []
    for n in range(3):
        arrived = await center.do(ReportArrived("voice", from_=f"+1555000{n}"), actor=LINE)
        await center.do(Enqueue(arrived.contact, "support"), actor=LINE)
        people.append(arrived.recorded[0][1].subject)
    await center.pin()
    await center.do(SetHold(f"subject/{people[2]}", True, "court"), actor=ROOT)
    await center.do(Erase(SubjectId(people[0]), "asked"), actor=ROOT)
    await center.pin()


@pytest.fixture
def erased(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    run_center(day, CONFIG, log=path)
    return path


def test_an_erasure_changes_no_digest_and_is_told(erased: Path) -> None:
    found = audit_log(erased)
    assert (found["verdict"], found["anomalies"]) == ("holds", {})
    assert found["changes"]["subject.erased"]["count"] == 1
    assert found["changes"]["hold.changed"]["first"][0]["by"] == "admin/root"


def test_a_redacted_copy_is_not_proved_and_nothing_in_it_is_called_odd(
    erased: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    taken = redact_log(erased, copy)
    assert taken.events > 0
    found = audit_log(copy)
    assert found["redacted"] == taken.events
    assert found["anomalies"] == {}
    assert found["counts"]["wrong"] == 0
    assert found["verdict"] == "not provable"
    assert found["because"] == [
        "a pin could not be compared",
        "no checkpoint covers what was redacted",
    ]
    others = found["pins"]["others"]
    assert {one["status"] for one in others} == {"not compared"}
    assert {one["because"][0] for one in others} == {"redacted"}
    by_projection = found["pins"]["by_projection"]
    assert by_projection["log.facts"]["same"] == 2
    assert by_projection["contact.segments"]["not_compared"] == 2


def test_checkpoints_hold_for_the_redacted_copy(tmp_path: Path) -> None:
    path, copy, key = tmp_path / "a.db", tmp_path / "copy.db", tmp_path / "key"
    signer = Signer.generate("center", lambda n: bytes(range(n)))
    write_signers(key, (signer,), new=True)

    async def main() -> None:
        options = {"clock": VirtualClock(START), "entropy": SeededEntropy(1), "signer": key}
        async with open_center(CONFIG, log=path, **options) as center:
            await day(center)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    whole = audit_log(path, keys=(signer.vkey,))
    assert (whole["verdict"], whole["checkpoints"]["wrong"]) == ("holds", 0)
    assert whole["checkpoints"]["covered"] == whole["events"]
    redact_log(path, copy)
    found = audit_log(copy, keys=(signer.vkey,))
    assert found["checkpoints"]["wrong"] == 0
    assert found["checkpoints"]["covered"] == whole["events"]
    assert found["because"] == ["a pin could not be compared"]


def test_a_redacted_copy_takes_no_pin(erased: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    redact_log(erased, copy)
    before = audit_log(copy)["events"]
    with pytest.raises(Exception, match="redacted"):
        pin_log(copy)
    assert audit_log(copy)["events"] == before


def test_a_log_that_goes_on_from_a_copy_says_so_and_holds(tmp_path: Path) -> None:
    path, copy = tmp_path / "a.db", tmp_path / "copy.db"

    async def calls(center: Any) -> None:
        await center.do(ReportArrived("voice", from_="+15550001"), actor=LINE)
        await center.pin()

    run_center(calls, CONFIG, log=path)
    shutil.copy(path, copy)
    run_center(calls, CONFIG, log=path, seed=1)  # What the copy does not have.
    shutil.copy(copy, path)
    assert main(["restore", str(path), "--origin", "center-2"]) == 0
    found = audit_log(path)
    assert (found["verdict"], found["log"]["origin"]) == ("holds", "center-2")
    assert list(found["anomalies"]) == ["log.restored"]
    (restored,) = found["anomalies"]["log.restored"]["first"]
    assert restored["origin"] == "center"
