"""Whole centers through drawn storms: nothing lost, nothing twice, everybody gets an end."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cckit.core import commands as c
from cckit.core import engine
from cckit.core import facts as f
from cckit.core.evolve import EVOLVE
from cckit.core.rules import RULES, offers
from tests.faults.aftermath import faults
from tests.faults.storm import HOURS, Storm

ROOT = Path(__file__).parents[2]
DIGEST = """
import logging, sys
from pathlib import Path
from tests.faults.aftermath import digest_of
from tests.faults.storm import Storm
logging.disable()
storm = Storm(int(sys.argv[1]), Path(sys.argv[2]))
storm.play()
print(digest_of(storm.path))
"""
BY_A_SET = """
from cckit.core.routing import choosing
from cckit.core.lines import places
choose = choosing._choose
def by_a_set(floor, entry, mask, now, ask):
    agents = {floor.index.at[place].id for place in places(mask)}
    return choose(floor, entry, 1 << floor.agents[next(iter(agents))].place, now, ask)
choosing._choose = by_a_set
"""


def play(seed: int, folder: Path) -> list[str]:
    storm = Storm(seed, folder)
    storm.play()
    found = faults(storm)
    storm.path.unlink()
    return found


def test_after_a_storm_everybody_was_served_or_has_gone(
    folder: Path, tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    seeds = tier(4, 334, 33_334)
    acks = 0
    for seed in range(seeds):
        storm = Storm(seed, folder)
        storm.play()
        assert faults(storm) == [], f"seed {seed}"
        acks += len(storm.acks)
        for file in folder.glob(f"{seed}.*"):
            file.unlink()
    publish(f"storms: {seeds:,} seeds, {seeds * HOURS:,} virtual hours, {acks:,} replies, 0 faults")


def digests(seed: int, folder: Path, before: str = "") -> set[str]:
    """What a storm leaves, played by processes whose sets have another order each."""
    found = set()
    for hash_seed in "012":
        place = folder / hash_seed
        place.mkdir()
        command = [sys.executable, "-c", before + DIGEST, str(seed), str(place)]
        path = os.pathsep.join([str(ROOT), str(ROOT / "plugins")])
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        found.add(done.stdout)
    return found


def test_a_storm_leaves_the_same_bytes_under_any_hash_seed(folder: Path) -> None:
    assert len(digests(5, folder)) == 1


# --- planted: the engine's own invariants are off, so that the storm has to find them -------


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(engine, "check", lambda floor: floor.touched.clear())
    return monkeypatch


@pytest.mark.planted("D agent offered twice")
def test_an_agent_who_is_offered_two_contacts_at_once_is_found(
    folder: Path, unchecked: pytest.MonkeyPatch
) -> None:
    made = EVOLVE[f.OfferMade]

    def reserve_nobody(floor: Any, envelope: Any, data: Any) -> None:
        made(floor, envelope, data)
        agent = floor.agents[data.agent]
        slot = agent.slots[data.contact]
        agent.used -= slot.cost
        slot.channel = ""  # Else it would count as one of those that an agent has at once.
        floor.index.place(agent)

    unchecked.setitem(EVOLVE, f.OfferMade, reserve_nobody)
    assert any("was offered" in fault and "beside" in fault for fault in play(0, folder))


@pytest.mark.planted("D stale fence")
def test_an_offer_that_is_accepted_after_its_end_is_found(
    folder: Path, unchecked: pytest.MonkeyPatch
) -> None:
    def accept(floor: Any, command: Any, now: int, ask: Any, actor: Any) -> Any:
        if command.offer in floor.offers or command.offer not in floor.ended:
            return offers.accept(floor, command, now, ask, actor)
        return [(floor.ended[command.offer][1], f.OfferAccepted(command.offer))]

    accepted = EVOLVE[f.OfferAccepted]

    def evolve(floor: Any, envelope: Any, data: Any) -> None:
        if data.offer in floor.offers:
            accepted(floor, envelope, data)

    unchecked.setitem(RULES, c.AcceptOffer, accept)
    unchecked.setitem(EVOLVE, f.OfferAccepted, evolve)
    assert any("accepted after its end" in fault for fault in play(0, folder))


@pytest.mark.planted("D transfer resets a timer")
def test_a_wait_that_begins_anew_when_a_contact_is_handed_on_is_found(
    folder: Path, unchecked: pytest.MonkeyPatch
) -> None:
    expired = EVOLVE[f.OfferExpired]

    def begin_anew(floor: Any, envelope: Any, data: Any) -> None:
        entry = floor.entries[floor.offers[data.offer].entry]
        expired(floor, envelope, data)
        entry.since = envelope.recorded_at

    unchecked.setitem(EVOLVE, f.OfferExpired, begin_anew)
    assert any("a wait of" in fault for fault in play(0, folder))


@pytest.mark.planted("D set order breaks a tie")
def test_a_tie_that_the_order_of_a_set_breaks_is_found(folder: Path) -> None:
    assert len(digests(5, folder, BY_A_SET)) > 1
