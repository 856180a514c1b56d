"""A redacted log is moved as any other: hashes stand where events were taken out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from cckit import Config, open_center
from cckit.core.commands import Deflect, Erase, ReportArrived
from cckit.core.facts import ContactCreated
from cckit.core.frame import Frame
from cckit.shell.logs.redacting import redact_log

from .conftest import rows

if TYPE_CHECKING:
    from .conftest import Run


async def live(log: Path, key: Path) -> None:
    async with open_center(Config.parse("[queues.orders]"), log=log, signer=key) as center:
        arrived = await center.do(ReportArrived("voice", from_="+972540000000"))
        await center.do(Deflect(arrived.contact))
        who = arrived.fact(ContactCreated).subject
        await center.do(Erase(who, "their wish"))
        assert await center.erased(who) is not None


def test_a_redacted_log_is_copied_exported_and_taken_in(run: "Run", tmp_path: Path) -> None:
    log, redacted = tmp_path / "center.db", tmp_path / "redacted.db"
    assert run("keys", "new", "center", "-o", tmp_path / "key").code == 0
    trio.run(live, log, tmp_path / "key")
    redact_log(log, redacted)
    frames = list(rows(redacted))
    assert any(Frame.parse(stored).flags for stored in frames)

    assert run("backup", redacted, tmp_path / "copy.db").code == 0
    assert list(rows(tmp_path / "copy.db")) == frames
    packed, moved = tmp_path / "redacted.frames", tmp_path / "moved.db"
    assert run("export", redacted, "--format", "frames", "-o", packed).code == 0
    assert run("import", "frames", packed, "--log", moved, "--events").code == 0
    assert list(rows(moved)) == frames

    whole = [json.loads(line) for line in run("export", log).out.splitlines()]
    left = [json.loads(line) for line in run("export", moved).out.splitlines()]
    assert left == [line for line in whole if line in left]
    assert 0 < len(whole) - len(left) < 5
