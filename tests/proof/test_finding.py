"""Frames by what stands in them: with an index or without one, none that is wanted is missed."""

from collections.abc import Iterable
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit import Config, QueueSettings, Stored, open_center
from cckit.core.bundle import Wanted, head_of
from cckit.core.codec import Codec
from cckit.core.commands import Deflect, ReportArrived
from cckit.core.frame import Frame
from cckit.core.registry import Registry
from cckit.shell.logs.finding import MANY, frames_of
from cckit.stores.sqlite import SqliteStore
from cckit.stores.views import Views

CALLS = 12


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log that its center has closed, with its views."""
    log = tmp_path_factory.mktemp("finding") / "day.db"

    async def calls() -> None:
        async with open_center(Config(queues={"help": QueueSettings()}), log=log) as center:
            for n in range(CALLS):
                arrived = await center.do(ReportArrived("voice", from_=str(n)))
                assert isinstance(arrived, Stored)
                await center.do(Deflect(arrived.contact))

    trio.run(calls)
    return log


@pytest.fixture(scope="module")
def store(day: Path) -> SqliteStore:
    return SqliteStore.open(day, read_only=True)


def heads(frames: Iterable[Frame]) -> list[tuple[int, str, str]]:
    """Position, stream and type of the events of some frames."""
    codec = Codec(Registry(()))
    found = [head_of(leaf) for frame in frames for leaf in codec.leaves(frame.body, frame.first)]
    return [(head.position, head.stream, head.type) for head in found]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_all_that_is_wanted_is_found_in_order(day: Path, data: st.DataObject) -> None:
    store = SqliteStore.open(day, read_only=True)
    views = Views.look(day.with_suffix(".views"), store)
    assert views is not None
    try:
        everything = heads(store.read())
        streams = sorted({stream for _, stream, _ in everything} | {"contact/nobody"})
        types = sorted({type_ for *_, type_ in everything})
        first = data.draw(st.integers(0, len(everything) - 1))
        wanted = Wanted(
            data.draw(st.frozensets(st.sampled_from(streams), max_size=3)),
            data.draw(st.frozensets(st.sampled_from(types), max_size=2)),
            range(first, data.draw(st.integers(first, len(everything)))),
        )
        fits = [
            (at, stream, type_)
            for at, stream, type_ in everything
            if stream in wanted.streams or type_ in wanted.types or at in wanted.positions
        ]
        for index in (None, views):
            found = heads(frames_of(store, index, wanted))
            assert [one for one in found if one in set(fits)] == fits
            assert found == sorted(set(found)), "no frame twice"
    finally:
        views.close()
        store.close()


def test_what_is_not_wanted_is_not_read(day: Path, store: SqliteStore) -> None:
    views = Views.look(day.with_suffix(".views"), store)
    assert views is not None
    everything = heads(store.read())
    contact = next(stream for _, stream, _ in everything if stream.startswith("contact/"))
    wanted = Wanted(frozenset({contact}))
    for index in (None, views):
        assert 0 < len(heads(frames_of(store, index, wanted))) < len(everything) / 2
    views.close()
    many = Wanted(frozenset(f"contact/{n}" for n in range(MANY + 1)))
    assert heads(frames_of(store, None, many)) == everything


def test_views_are_looked_at_and_left_as_they_are(
    day: Path, store: SqliteStore, tmp_path: Path
) -> None:
    place = day.with_suffix(".views")
    before, names = place.read_bytes(), sorted(path.name for path in day.parent.iterdir())
    views = Views.look(place, store)
    assert views is not None
    views.close()
    assert place.read_bytes() == before
    assert sorted(path.name for path in day.parent.iterdir()) == names
    assert Views.look(tmp_path / "none.views", store) is None
    for spoilt in (b"", b"text", before[:5000], day.read_bytes()):
        other = tmp_path / "other.views"
        other.write_bytes(spoilt)
        assert Views.look(other, store) is None
        assert other.read_bytes() == spoilt


def test_views_of_another_log_are_not_used(day: Path, tmp_path: Path) -> None:
    place = tmp_path / "other.views"
    place.write_bytes(day.with_suffix(".views").read_bytes())
    other = SqliteStore.open(
        tmp_path / "other.db", create=True, origin="other", log_id=bytes(range(16))
    )
    assert Views.look(place, other) is None
    other.close()
