"""Callbacks in a living center: a number is sealed, and a promise outlives a restart."""

from pathlib import Path

import trio
import trio.lowlevel
from trio.testing import trio_test

from cckit import Actor, Config, Stored, open_center
from cckit.core import (
    HOUR,
    ContactId,
    Enqueue,
    Instant,
    QueueId,
    ReportArrived,
    Sealed,
    contact_stream,
)
from cckit.shell.clock import VirtualClock
from cckit_callback import events as e
from cckit_callback.machine import RequestCallback

LINE = Actor("adapter", "line")
CONFIG = '[center]\nplugins = ["callback"]\n[queues.help]\n'
X = ContactId("x")
START = Instant(1_700_000_000_000_000)


@trio_test
async def test_the_number_is_sealed_and_the_promise_outlives_a_restart(tmp_path: Path) -> None:
    files = {"log": tmp_path / "center.db", "keys": tmp_path / "center.keys"}
    config, here = Config.parse(CONFIG), contact_stream(X)
    async with open_center(config, clock=VirtualClock(START), **files) as center:
        await center.do(ReportArrived("voice", from_="+49301", contact=X), actor=LINE)
        await center.do(Enqueue(X, QueueId("help")), actor=LINE)
        due = Instant(START + HOUR)
        asked = RequestCallback(here, "scheduled", due=due, number="+49302")
        assert isinstance(await center.do(asked, actor=LINE), Stored)
        found = [one async for batch in center.read(types=(e.CallbackRequested,)) for one in batch]
        [(_, requested)] = found
        assert isinstance(requested.number, Sealed)
        assert b"+4930" not in (tmp_path / "center.db").read_bytes()
    later = VirtualClock(Instant(START + HOUR))
    async with open_center(config, clock=later, **files) as center:
        for _ in range(100):  # The timer's task comes at its turn.
            if center.state.contacts:
                break
            await trio.lowlevel.checkpoint()
        [contact] = center.state.contacts.values()
        assert contact.stream != here and contact.subject == requested.subject
        assert center.state.promised == {requested.subject: contact.stream}
