"""A log has one writer and one set of keys, whichever way it is named."""

import os
from pathlib import Path

import pytest
from trio.testing import trio_test

from cckit import Config, StoreError, open_center
from cckit.core.commands import ReportArrived
from cckit.core.facts import ContactCreated
from cckit.stores.sqlite import SqliteStore


@trio_test
async def test_a_link_to_a_log_is_the_same_log(tmp_path: Path) -> None:
    log, link = tmp_path / "a.db", tmp_path / "other" / "b.db"
    link.parent.mkdir()
    link.symlink_to(log)
    subjects = set()
    for name in (log, link):
        async with open_center(Config(), log=name) as center:
            reply = await center.do(ReportArrived("voice", from_="1"))
            subjects |= {d.subject for _, d in reply.recorded if type(d) is ContactCreated}
            for second in (log, link):
                with pytest.raises(StoreError, match="writes this log already"):
                    async with open_center(Config(), log=second):
                        pass
    assert len(subjects) == 1
    assert [path.name for path in link.parent.iterdir()] == ["b.db"]


def test_a_log_with_two_names_of_its_own_is_not_written(tmp_path: Path) -> None:
    log, second = tmp_path / "a.db", tmp_path / "b.db"
    SqliteStore.open(log, create=True, origin="o", log_id=bytes(16)).close()
    os.link(log, second)
    for name in (log, second):
        with pytest.raises(StoreError, match="has 2 names"):
            SqliteStore.open(name)
    SqliteStore.open(second, read_only=True).close()
    second.unlink()
    SqliteStore.open(log).close()
