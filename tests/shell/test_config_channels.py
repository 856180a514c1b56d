"""Channels, skills that need a certificate, and rates in ``CENTER.toml``."""

import pytest

from cckit.core import ChannelSettings, ConfigError, OfferSettings, SkillSettings
from cckit.core.instant import SECOND
from cckit.shell.config import Config

GOOD = """
[agents.anna]
channels = ["voice", "chat"]
[agents.ben]
[channels.chat]
calls = false
cost = 30
maximum = 3
[skills.care]
certificate = true
[offers]
backoff = "3s"
a_minute = 6
[queues.desk]
strategy = "ordered"
then = "fewest_contacts"
tiers = { anna = 1, ben = 2 }
rona_back = "90s"
"""


def test_what_is_written_is_what_holds() -> None:
    config = Config.parse(GOOD)
    assert config.agents["anna"].channels == {"chat": 0, "voice": 0}
    assert config.channels == {"chat": ChannelSettings(False, 30, 3)}
    assert config.skills == {"care": SkillSettings(True)}
    assert config.offers == OfferSettings(backoff_us=3 * SECOND, a_minute=6)
    desk = config.queues["desk"]
    assert (desk.tiers, desk.then) == ({"anna": 1, "ben": 2}, "fewest_contacts")
    assert desk.rona_back_us == 90 * SECOND


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[channels.chat]\ncalls = "no"', "channels.chat.calls"),
        ("[channels.chat]\nprice = 3", "channels.chat.price"),
        ('[channels.chat]\ncalls = false\ninterrupts = ["voice"]', "channels.chat"),
        ("[skills.care]\ncertificate = 1", "skills.care.certificate"),
        ('[offers]\nbackoff = "2m"', "offers"),
        ('[queues.desk]\nstrategy = "ordered"', "queues.desk.tiers"),
        ('[queues.desk]\nstrategy = "parallel"\nthen = "parallel"', "queues.desk.then"),
        ('[queues.desk]\nstrategy = "ordered"\ntiers = { eve = 1 }', "queues.desk.tiers"),
        ('[queues.desk]\nstrategy = "quickest"', "queues.desk.strategy"),
    ],
)
def test_what_cannot_be_is_named_with_its_place(text: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.parse(text)
    assert caught.value.where == f"CENTER.toml: {where}"
    assert caught.value.remedy
