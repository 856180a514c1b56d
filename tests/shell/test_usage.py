"""Who calls a center wrongly is told what to do instead."""

import asyncio
from typing import Any

import pytest
import trio
from trio.testing import trio_test

from cckit import Config, Refused, UsageError, open_center
from cckit.core.commands import ApplyConfig, SetProfile, SetReady
from cckit.core.ids import AgentId


class Louder(SetProfile):
    """A command that extends ours."""


@pytest.mark.parametrize("config", [None, 5, {}, b"CENTER.toml"])
def test_a_configuration_is_a_path_or_a_config(config: Any) -> None:
    with pytest.raises(UsageError, match=r"CENTER\.toml, or a Config"):
        open_center(config)


@pytest.mark.parametrize("log", [5, {}, b"center.db"])
def test_a_log_is_a_path_or_a_store(log: Any) -> None:
    with pytest.raises(UsageError, match=r"NAME\.db, a store, or None"):
        open_center(Config(), log=log)


def test_a_center_lives_in_trio() -> None:
    async def main() -> None:
        async with open_center(Config()):
            pass

    with pytest.raises(UsageError, match=r"trio\.run"):
        asyncio.run(main())
    trio.run(main)


def test_a_center_that_is_not_open_yet_says_how_to_open_it() -> None:
    opener: Any = open_center(Config())
    with pytest.raises(UsageError, match="async with"):
        opener.do(SetReady(AgentId("anna")))
    with pytest.raises(AttributeError):
        opener.nothing_of_ours()


@trio_test
async def test_commands_that_extend_ours_and_kinds_of_nobody_are_refused() -> None:
    async with open_center(Config()) as center:
        before = center.position
        refused = await center.do(Louder(AgentId("anna")), request="1")
        assert isinstance(refused, Refused)
        assert refused.reason == "command.unknown"
        refused = await center.do(ApplyConfig("nokind", "x", b"\x80"))
        assert isinstance(refused, Refused)
        assert refused.reason == "config.unknown_kind"
        assert "queue, center" in refused.remedy
        assert center.position == before
