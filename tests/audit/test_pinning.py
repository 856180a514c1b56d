"""A center pins by itself after each civil day, and at once when it is asked to."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio

from cckit import AgentSettings, Config, ConfigError, QueueSettings, Stored, StoreError, UsageError
from cckit.core.commands import Enqueue, LogIn, ReportArrived, SetReady
from cckit.core.events import event
from cckit.core.facts import AgentReady, LedgerCounted, ProjectionPinned
from cckit.core.instant import HOUR, MINUTE, Instant
from cckit.core.projection import AnyProjection
from cckit.core.reports import PROJECTIONS
from cckit.hooks import RegisterHooks, hookimpl
from cckit.shell.proof.auditing import audit_log
from cckit.shell.proof.pinning import pin_log
from cckit.stores.memory import MemoryStore
from cckit.stores.sqlite import SqliteStore
from cckit.testing.center import run_center

from .logs import ANNA, LINE, Log
from .projections import Breaks, Entries

CONFIG = Config(
    queues={"support": QueueSettings(agents=())}, agents={"anna": AgentSettings()}, zone="UTC"
)
START = Instant(1_700_000_000_000_000)
MIDNIGHT = 1_700_006_400_000_000
"""The first one in UTC after ``START``."""


class Brings(RegisterHooks):
    def __init__(self, *projections: AnyProjection) -> None:
        self._projections = projections

    @hookimpl
    def cckit_register_projections(self) -> Sequence[AnyProjection]:
        return self._projections


async def call(center: Any, n: int = 1) -> None:
    for _ in range(n):
        arrived = await center.do(ReportArrived("voice"), actor=LINE)
        await center.do(Enqueue(arrived.contact, "support"), actor=LINE)


async def pins(center: Any) -> list[tuple[int, str]]:
    """When, and of which projection."""
    return [
        (envelope.recorded_at, data.projection)
        async for batch in center.read(types=(ProjectionPinned,))
        for envelope, data in batch
    ]


CORE = [projection.name for projection in PROJECTIONS]


def test_a_pin_says_what_everything_has_come_to(tmp_path: Path) -> None:
    async def main(center: Any) -> Any:
        await call(center, 3)
        return await center.pin()

    path = tmp_path / "a.db"
    reply = run_center(main, CONFIG, log=path)
    assert isinstance(reply, Stored)
    facts = [data for _, data in reply.recorded]
    assert [f.kind for f in facts if isinstance(f, LedgerCounted)] == ["queue", "stream", "type"]
    assert [f.projection for f in facts if isinstance(f, ProjectionPinned)] == CORE
    assert facts[0].counters == {"support": 3}
    found = audit_log(path)
    assert (found["verdict"], found["anomalies"]) == ("holds", {})
    assert found["pins"]["compared"] == len(CORE)


def test_each_civil_day_is_pinned_when_it_has_ended() -> None:
    async def main(center: Any) -> Any:
        await call(center)
        await trio.sleep(3 * 24 * 3600)
        return await pins(center)

    found = run_center(main, CONFIG, start=START)
    day = 24 * HOUR
    assert found == [(MIDNIGHT + n * day, name) for n in range(3) for name in CORE]


def test_a_day_ends_in_the_zone_of_the_center() -> None:
    async def main(center: Any) -> Any:
        await trio.sleep(24 * 3600)
        return {at for at, _ in await pins(center)}

    config = Config(zone="Asia/Jerusalem")  # Two hours ahead.
    assert run_center(main, config, start=START) == {MIDNIGHT - 2 * HOUR + 24 * HOUR}


def test_a_day_that_ended_while_nobody_ran_is_pinned_after_the_opening() -> None:
    store = MemoryStore("center", bytes(16))

    async def first(center: Any) -> None:
        await call(center)

    async def second(center: Any) -> Any:
        await trio.sleep(3600)
        return {at for at, _ in await pins(center)}

    run_center(first, CONFIG, start=START, log=store)
    later = Instant(START + 30 * HOUR)
    assert run_center(second, CONFIG, start=later, log=store.reopen(), seed=1) == {
        later + 10 * MINUTE
    }


def test_nothing_is_pinned_at_close(tmp_path: Path) -> None:
    async def main(center: Any) -> None:
        await call(center)

    run_center(main, CONFIG, log=tmp_path / "a.db")
    assert audit_log(tmp_path / "a.db")["because"] == ["nothing is pinned"]


def test_counts_hold_while_others_write(tmp_path: Path) -> None:
    """What is decided while the log is folded is counted, durable or not."""

    async def main(center: Any) -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(call, center, 10)
                nursery.start_soon(center.pin)

    for seed in range(5):
        path = tmp_path / f"{seed}.db"
        run_center(main, CONFIG, seed=seed, log=path)
        found = audit_log(path)
        assert found["counts"]["wrong"] == 0, seed
        assert (found["verdict"], found["counts"]["checked"]) == ("holds", 15), seed


@pytest.mark.parametrize("in_memory", [True, False])
def test_what_is_stored_during_a_pin_is_counted(
    in_memory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From memory, or, where it has left that, from the log."""
    asked = []

    async def main(center: Any) -> None:
        await call(center, 4)
        aside, held = center._archive.aside, center._feed.held

        async def meanwhile(job: Any) -> Any:
            await call(center)
            return await aside(job)

        def remember(position: int) -> Any:
            asked.append(position)
            return held(position) if in_memory or len(asked) > 1 else None

        monkeypatch.setattr(center._archive, "aside", meanwhile)
        monkeypatch.setattr(center._feed, "held", remember)
        await center.pin()

    run_center(main, CONFIG, log=tmp_path / "a.db")
    assert asked
    found = audit_log(tmp_path / "a.db")
    assert found["verdict"] == "holds"
    assert found["pins"]["covered"] < found["counts"]["covered"] - 3


def test_what_plugins_fold_is_pinned_too(tmp_path: Path) -> None:
    async def main(center: Any) -> Any:
        await call(center)
        return await center.pin()

    path = tmp_path / "a.db"
    reply = run_center(main, CONFIG, log=path, plugins={"tests": Brings(Entries())})
    names = [data.projection for _, data in reply.recorded if isinstance(data, ProjectionPinned)]
    assert names == [*CORE, "test.entries"]
    found = audit_log(path)
    assert found["verdict"] == "not provable"
    assert [one["projection"] for one in found["pins"]["others"]] == ["test.entries"]


def test_a_projection_that_raises_is_said_and_the_others_are_pinned(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def main(center: Any) -> Any:
        await call(center, 2)
        return await center.pin()

    reply = run_center(main, CONFIG, plugins={"tests": Brings(Breaks())})
    names = [data.projection for _, data in reply.recorded if isinstance(data, ProjectionPinned)]
    assert names == CORE
    assert "test.entries is not pinned: it raised ZeroDivisionError" in caplog.text


class NeverBegins(Entries):
    name = "test.never"

    def initial(self) -> dict[str, int]:
        raise ZeroDivisionError


@event("test.unheard", version=1)
class Unheard:
    """Registered by nobody."""


class ReadsNothing(Entries):
    name = "test.nothing"
    types = (Unheard,)


def test_no_projection_of_a_plugin_ends_the_center() -> None:
    async def main(center: Any) -> Any:
        await trio.sleep(24 * 3600)
        await call(center)
        return await pins(center)

    plugin = Brings(NeverBegins(), ReadsNothing(), Breaks())
    found = run_center(main, CONFIG, plugins={"tests": plugin}, start=START)
    assert [name for _, name in found] == [*CORE, "test.nothing", "test.entries"]


def test_a_closed_center_pins_nothing() -> None:
    async def main(center: Any) -> Any:
        return center

    center = run_center(main, CONFIG)

    async def late() -> None:
        await center.pin()

    with pytest.raises(UsageError, match="is closed"):
        trio.run(late)


def test_a_pin_names_the_source_of_the_module(tmp_path: Path) -> None:
    from hashlib import sha256

    async def main(center: Any) -> Any:
        return await center.pin()

    reply = run_center(main, CONFIG, plugins={"tests": Brings(Entries())})
    source = Path(__file__).with_name("projections.py").read_bytes()
    assert reply.recorded[-1][1].code == sha256(source).digest()


# --- a log that no center has open ----------------------------------------------------------


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    async def main(center: Any) -> None:
        await center.do(LogIn("anna"), actor=ANNA)
        await center.do(SetReady("anna"), actor=ANNA)
        await call(center, 3)

    path = tmp_path / "closed.db"
    run_center(main, CONFIG, log=path)
    return path


def test_a_closed_log_is_pinned_in_one_frame_of_a_writer_of_its_own(closed: Path) -> None:
    before = audit_log(closed)
    found = pin_log(closed)
    after = audit_log(closed)
    assert found.position == before["position"]
    assert found.head == after["position"]
    assert [one.projection for one in found.pinned] == CORE
    assert (after["verdict"], after["anomalies"]) == ("holds", {})
    assert after["frames"] == before["frames"] + 1
    assert after["log"]["closed"] is True


def test_a_center_goes_on_after_it(closed: Path) -> None:
    pin_log(closed)

    async def main(center: Any) -> None:
        await call(center)
        await center.pin()

    run_center(main, CONFIG, log=closed, seed=1, start=Instant(START + 400 * 24 * HOUR))
    found = audit_log(closed)
    assert found["verdict"] == "holds"
    assert found["pins"]["compared"] == 2 * len(CORE)


def test_types_that_an_old_log_lacks_are_declared_first(tmp_path: Path) -> None:
    log = Log()
    older = [e for e in log.events if getattr(e[1], "declared", "") not in
             ("ledger.counted", "projection.pinned")]  # fmt: skip
    old = Log.__new__(Log)
    old.__dict__.update(log.__dict__, frames=[], events=[], _versions={})
    old.add(*(data for _, data in older))
    path = old.save(tmp_path / "old.db")
    found = pin_log(path)
    assert found.head - found.position == 2 + 3 + len(CORE)
    assert audit_log(path)["verdict"] == "holds"


def test_a_log_that_somebody_writes_is_not_pinned(closed: Path) -> None:
    store = SqliteStore.open(closed)
    try:
        with pytest.raises(StoreError):
            pin_log(closed)
    finally:
        store.close()


def test_a_log_that_is_not_whole_gets_no_pin(tmp_path: Path) -> None:
    log = Log()
    path = log.save(tmp_path / "a.db")
    import apsw

    connection = apsw.Connection(str(path))
    connection.execute("UPDATE frame SET bytes = CAST(zeroblob(200) AS BLOB) WHERE position > 0")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="is not whole"):
        pin_log(path)
    assert path.read_bytes() == before


def test_a_closed_log_is_read_in_one_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log()
    for n in range(1_000):
        log.add(AgentReady(), stream=f"agent/{n}", actor=ANNA)
    path = log.save(tmp_path / "a.db")
    read, began = SqliteStore.read_bytes, []

    def counted(self: SqliteStore, first: int = 0, limit: int | None = None) -> Any:
        began.append(first)
        return read(self, first, limit)

    monkeypatch.setattr(SqliteStore, "read_bytes", counted)
    pin_log(path)
    assert len(began) < 6, "each step would read ahead anew"
