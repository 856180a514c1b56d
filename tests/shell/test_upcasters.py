"""A log that a plugin's version 1 wrote is read by its version 2."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from trio.testing import trio_test

from cckit import Config, Draft, StoreError, open_center
from cckit.core import event
from cckit.core.ids import Stream
from cckit.core.projection import AnyProjection, Canonical
from cckit.core.registry import Upcaster
from cckit.hooks import RegisterHooks, hookimpl
from cckit.shell import plugins as plugins_module
from cckit.shell.logs.brought import brought_by
from cckit.shell.logs.folding import fold
from cckit.stores.sqlite import SqliteStore

SHOP = Stream("shop/1")


@event("shop.sold", version=1)
class Sold1:
    n: int


@event("shop.sold", version=2)
class Sold2:
    n: int
    what: str


def named(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**fields, "what": "unknown"}


@attrs.define
class Shelf:
    sold: list[Any] = attrs.field(factory=list)


class Sales:
    name = "shop.sales"
    version = 1
    types: tuple[type, ...] = (Sold2,)

    def initial(self) -> Shelf:
        return Shelf()

    def apply(self, state: Shelf, recorded: Any) -> None:
        state.sold.append((recorded[1].n, recorded[1].what))

    def dump(self, state: Shelf) -> Canonical:
        return [list(one) for one in state.sold]


class First(RegisterHooks):
    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return (Sold1,)


class Second(RegisterHooks):
    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return (Sold2,)

    @hookimpl
    def cckit_register_upcasters(self) -> Sequence[Upcaster]:
        return (Upcaster("shop.sold", 1, named),)

    @hookimpl
    def cckit_register_projections(self) -> Sequence[AnyProjection]:
        return (Sales(),)


class Forgetful(RegisterHooks):
    @hookimpl
    def cckit_register_events(self) -> Sequence[type]:
        return (Sold2,)


@trio_test
async def test_hook_cckit_register_upcasters(log, config: Config) -> None:
    """A log of version 1 is opened, read and written by version 2."""
    async with open_center(config, log=log.again(), plugins={"shop": First()}) as center:
        await center.record(Draft(SHOP, Sold1(3)))
    for n in (1, 2):  # Also where the log has both versions.
        async with open_center(config, log=log.again(), plugins={"shop": Second()}) as center:
            await center.record(Draft(SHOP, Sold2(n, "tea")))
            read = [r async for batch in center.read(stream=SHOP) for r in batch]
            follower = await center.follow(Sales())
            assert follower.state.sold == [(data.n, data.what) for _, data in read]
    assert [data for _, data in read] == [Sold2(3, "unknown"), Sold2(1, "tea"), Sold2(2, "tea")]
    assert [envelope.schema_version for envelope, _ in read] == [1, 2, 2]


@trio_test
async def test_without_an_upcaster_the_error_says_what_to_register(log, config: Config) -> None:
    async with open_center(config, log=log.again(), plugins={"shop": First()}) as center:
        await center.record(Draft(SHOP, Sold1(3)))
    with pytest.raises(StoreError) as caught:
        async with open_center(config, log=log.again(), plugins={"shop": Forgetful()}):
            pass
    assert caught.value.where == "shop.sold"
    assert caught.value.what == "no upcaster lifts version 1 to 2"
    assert caught.value.remedy == (
        "return Upcaster('shop.sold', 1, …) from "
        "cckit_register_upcasters of the plugin that brings the event"
    )


def test_a_replay_lifts_too(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    @trio_test
    async def written() -> None:
        async with open_center(config, log=tmp_path / "a.db", plugins={"shop": First()}) as center:
            await center.record(Draft(SHOP, Sold1(3)))

    class Point:
        def load(self) -> type:
            return Second

    written()
    monkeypatch.setattr(plugins_module, "available", lambda: {"shop": Point()})
    projections, kinds, upcasters = brought_by(["shop"])
    store = SqliteStore.open(str(tmp_path / "a.db"), read_only=True)
    folded = fold(store, projections, kinds=kinds, upcasters=upcasters)
    with pytest.raises(StoreError, match="no upcaster lifts"):
        fold(store, projections, kinds=kinds)
    store.close()
    assert folded.folding.states["shop.sales"].sold == [(3, "unknown")]
