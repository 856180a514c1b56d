"""``CENTER.toml``: what it may say, and how a mistake is named."""

from pathlib import Path

import msgpack
import pytest
from trio.testing import trio_test

from cckit import AgentSettings, Config, ConfigError, QueueSettings, open_center
from cckit.core import facts as f

WHOLE = """
[center]
name = "demo"
zone = "Asia/Jerusalem"
plugins = ["permissions"]

[queues.support]
strategy = "best_skill"
need = "billing >= 3"
ring = "1m30s"
wrapup_us = 5000000

[agents.anna]
skills = { he = 5, billing = 4 }
channels = { voice = 100, chat = 20 }
budget = 120

[permissions]
first_admin = "root"
"""


def test_a_whole_file_is_read() -> None:
    assert Config.parse(WHOLE, "x.toml") == Config(
        name="demo",
        zone="Asia/Jerusalem",
        plugins=("permissions",),
        queues={
            "support": QueueSettings(
                strategy="best_skill",
                need="billing >= 3",
                ring_us=90_000_000,
                wrapup_us=5_000_000,
            )
        },
        agents={"anna": AgentSettings({"billing": 4, "he": 5}, {"chat": 20, "voice": 100}, 120)},
        settings={"permissions": {"first_admin": "root"}},
        file="x.toml",
    )


@pytest.mark.parametrize(
    ("text", "us"),
    [("7us", 7), ("250ms", 250_000), ("20s", 20_000_000), ("2h3m", 7_380_000_000)],
)
def test_lengths_of_time_have_units(text: str, us: int) -> None:
    config = Config.parse(f'[queues.q]\nmax_wait = "{text}"')
    assert config.queues["q"].max_wait_us == us


@pytest.mark.parametrize(
    ("text", "path", "allowed"),
    [
        ("[queues.q]\nring = 20", "queues.q.ring", '"20s"'),
        ('[queues.q]\nring = "20"', "queues.q.ring", '"20s"'),
        ('[queues.q]\nring = "-2s"', "queues.q.ring", '"20s"'),
        ('[queues.q]\nring = "2s"\nring_us = 5', "queues.q.ring_us", "once"),
        ('[queues.q]\nrang = "2s"', "queues.q.rang", "ring"),
        ('[queues.q]\nstrategy = "best"', "queues.q.strategy", "longest_idle"),
        ("[queues.q]\nrona_after = true", "queues.q.rona_after", "whole number"),
        ("[queues.q]\nagents = [1]", "queues.q.agents", "list of texts"),
        ('[queues.q]\nagents = ["nobody"]', "queues.q.agents", "or add [agents.nobody]"),
        ('[queues.q]\nagents = ["ana"]\n[agents.anna]', "queues.q.agents", "*, anna;"),
        ("queues = 5", "queues", "table"),
        ('[queues."a b"]', "queues", "without space"),
        ("[agents.a]\nskills = { he = 9 }", "agents.a.skills.he", "from 1 to 5"),
        ("[agents.a]\nskils = { he = 3 }", "agents.a.skils", "skills"),
        ("[agents.a]\nbudget = 1.5", "agents.a.budget", "whole number"),
        ('[center]\nzone = "Mars/Olympus"', "center.zone", "Europe/Berlin"),
        ('[center]\nplugins = ["a", "a"]', "center.plugins", "once"),
        ('[center]\ncolour = "red"', "center.colour", "name, zone, plugins"),
        ("[recording]\n", "recording", "center, queues, agents"),
        (
            '[center]\nplugins = ["x"]\n[x]\nat = 1979-05-27',
            "x.at",
            "use text, whole numbers",
        ),
    ],
)
def test_a_mistake_names_file_key_value_and_what_is_allowed(
    text: str, path: str, allowed: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.parse(text, "my.toml")
    assert caught.value.where == f"my.toml: {path}"
    assert allowed in caught.value.remedy


@pytest.mark.parametrize("agents", [[], ["*"], ["anna"], ["*", "anna"]])
def test_a_queue_may_be_for_nobody_for_all_and_for_who_is_employed(agents: list[str]) -> None:
    config = Config.parse(f"[queues.q]\nagents = {agents}\n[agents.anna]")
    assert config.queues["q"].agents == tuple(agents)


@trio_test
async def test_what_is_taken_out_of_the_file_stays_in_the_center(tmp_path: Path) -> None:
    whole = Config(queues={"q": QueueSettings()}, agents={"anna": AgentSettings()})
    for config in (whole, Config()):
        async with open_center(config, log=tmp_path / "center.db") as center:
            assert "q" in center.state.queues
            assert "anna" in center.state.agents


@pytest.mark.parametrize("content", [b"[queues", b"\xff\xfe", b"a = 1\na = 2"])
def test_what_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "CENTER.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"CENTER\.toml"):
        Config.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        Config.read(tmp_path / "nowhere.toml")


@trio_test
async def test_a_center_opens_from_its_file_and_stores_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "CENTER.toml"
    path.write_text(WHOLE)
    async with open_center(path, log=tmp_path / "demo.db") as center:
        found = [d async for b in center.read(types=[f.ConfigApplied]) for _, d in b]
        assert center.state.agents["anna"].skills == {"billing": 4, "he": 5}
        assert center.state.roles == {"root": ("admin",)}
    applied = {(one.kind, one.id): msgpack.unpackb(one.data) for one in found}
    assert applied["center", "demo"] == {
        "name": "demo",
        "plugins": ["permissions"],
        "zone": "Asia/Jerusalem",
    }
    assert applied["permissions", "permissions"] == {"first_admin": "root"}
    assert (
        QueueSettings.unpack(next(one.data for one in found if one.kind == "queue"))
        == Config.parse(WHOLE).queues["support"]
    )


@trio_test
async def test_a_plugin_that_is_not_installed_is_named() -> None:
    with pytest.raises(ConfigError, match="'nosuch' is no installed plugin"):
        async with open_center(Config(plugins=("nosuch",))):
            pass
