"""Logs to move: a golden one with every type, one that a center wrote, small ones."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import apsw
import pytest
import trio

from cckit import Actor, Config, open_center
from cckit.core.commands import Enqueue, ReportArrived
from cckit.core.frame import Frame
from cckit.core.ids import ContactId, QueueId
from cckit.core.transfer import FramesFile, LogName
from cckit.shell.logs.moving import exported_frames
from cckit.stores.backup import write_log
from cckit.stores.memory import MemoryStore
from cckit.stores.sqlite import SqliteStore
from tests.command import Done as Done
from tests.command import Run as Run

GOLDEN = Path(__file__).parents[1] / "replay" / "golden" / "0.2"
NUMBERS = ("+972-54-1230001", "+972-54-1230002")


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of every type that the floor writes."""
    named = json.loads((GOLDEN / "log.json").read_text("utf-8"))
    name = LogName(named["origin"], bytes.fromhex(named["log_id"]))
    packed, frames, at = (GOLDEN / "log.frames").read_bytes(), [], 0
    while at < len(packed):
        size = int.from_bytes(packed[at : at + 4])
        frames.append(packed[at + 4 : at + 4 + size])
        at += 4 + size
    out = tmp_path_factory.mktemp("golden") / "golden.db"
    write_log(out, name, frames, "the golden log")
    return out


@pytest.fixture(scope="session")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that a center wrote, with sealed numbers, and its keys and views beside it."""
    out = tmp_path_factory.mktemp("lived") / "lived.db"

    async def live() -> None:
        phone = Actor("adapter", "phone")
        async with open_center(Config.parse("[queues.orders]"), log=out) as center:
            for number in NUMBERS:
                arrived: Any = await center.do(ReportArrived("voice", from_=number), actor=phone)
                stream = arrived.recorded[-1][0].stream
                contact = ContactId(stream.removeprefix("contact/"))
                await center.do(Enqueue(contact, QueueId("orders")), actor=phone)

    trio.run(live)
    return out


def small(frames: int = 5, origin: str = "small", log_id: bytes = bytes(16)) -> MemoryStore:
    """A log of a few frames whose bodies are no events: moving looks at none."""
    store = MemoryStore(origin, log_id)
    epoch = store.claim()
    for n in range(frames):
        head = store.head()
        first = 0 if head.position is None else head.position + 1
        store.append(Frame.make(head.chain, first, n + 1, n, epoch, b"\x01" * (n + 1)), head)
    return store


def file_of(store: Any) -> bytes:
    """The file of frames of a log."""
    return b"".join(exported_frames(store))


def pieces_of(store: Any) -> list[bytes]:
    """The same in its pieces: start, frames, end."""
    return list(exported_frames(store))


def stored_in(packed: bytes) -> list[bytes]:
    """The stored frames in a file of frames."""
    return list(FramesFile(BytesIO(packed).read, "a file").frames())


def rows(log: Path) -> Iterator[bytes]:
    """The stored frames of a log on disk."""
    store = SqliteStore.open(log, read_only=True)
    try:
        yield from (stored for _, stored in store.read_bytes())
    finally:
        store.close()


def broken(log: Path, folder: Path) -> Path:
    """A copy of a log with one bit of its first frame changed."""
    out = folder / "broken.db"
    out.write_bytes(log.read_bytes())
    changed = bytearray(next(rows(log)))
    changed[100] ^= 1
    connection = apsw.Connection(str(out))
    connection.execute("UPDATE frame SET bytes = ? WHERE position = 0", (bytes(changed),))
    connection.close()
    return out
