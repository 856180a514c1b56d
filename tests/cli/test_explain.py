"""``cckit explain``: a decision and a contact in words."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from .conftest import Run


@pytest.fixture
def offers(run: Run, simulated: Path) -> list[dict[str, object]]:
    lines = run("log", simulated, "--type", "offer.made", "--json").out.splitlines()
    return [json.loads(line) for line in lines]


def test_an_offer_is_told_with_its_rule_and_its_rivals(
    run: Run, simulated: Path, offers: list[dict[str, object]]
) -> None:
    for event in offers:
        data = event["data"]
        assert isinstance(data, dict)
        done = run("explain", simulated, data["offer"])
        assert done == run("explain", simulated, "--offer", data["offer"])
        assert done.code == 0
        assert f"Offer {data['offer']}: contact {data['contact']} was offered" in done.out
        assert f"to agent {data['agent']} on 2026-03-02" in done.out
        assert "longest_idle, whoever has been idle longest" in done.out
        assert "decided again: the same, field by field" in done.out
        assert f"1.  {data['agent']}" in done.out
        if data["runner_up"] is not None and data["tie"] is None:
            assert f"Why: {data['agent']} has waited longest: idle" in done.out
            assert f"the next, {data['runner_up']}, " in done.out


def test_who_waits_beside_busy_agents_is_told_what_they_do(run: Run, simulated: Path) -> None:
    left = [
        json.loads(line)
        for line in run("log", simulated, "--type", "queue.left", "--json").out.splitlines()
    ]
    longest = max(left, key=lambda event: event["data"]["wait_us"])
    contact = longest["stream"].removeprefix("contact/")
    end = datetime.fromtimestamp(longest["recorded_at"] / 1e6, UTC) - timedelta(seconds=1)
    done = run("explain", simulated, contact, "--at", end.isoformat())
    assert done.code == 0
    assert f"Contact {contact} was waiting in queue service at" in done.out
    assert "Why nobody: it is number 1 of" in done.out
    assert "busy" in done.out
    found = run("explain", simulated, contact, "--at", end.isoformat(), "--json").json
    assert found["wait"]["queue"] == "service"
    assert found["wait"]["staffed"] is True
    assert {one["verdict"] for one in found["wait"]["agents"]} == {"excluded"}


def test_who_does_not_wait_is_told_where_it_was(run: Run, simulated: Path) -> None:
    line = run("log", simulated, "--type", "contact.created", "--json").out.splitlines()[0]
    contact = json.loads(line)["stream"].removeprefix("contact/")
    done = run("explain", simulated, contact, "--at", "2026-03-05", "--json").json
    assert (done["phase"], done["wait"]) == ("", None)
    assert "was not waiting" in run("explain", simulated, contact, "--at", "2026-03-05").out


def test_an_offer_is_told_as_json(
    run: Run, simulated: Path, offers: list[dict[str, object]]
) -> None:
    data = offers[0]["data"]
    assert isinstance(data, dict)
    found = run("explain", simulated, "--offer", data["offer"], "--json").json
    assert found["record"] == found["again"] == data
    assert found["reproduced"] is True
    assert found["agents"][0]["verdict"] == "chosen"
    assert found["agents"][0]["agent"] == data["agent"]
    assert found["position"] == offers[0]["position"]
    assert found["text"]


def test_a_contact_is_told_from_its_first_event_to_its_wrap_up(
    run: Run, simulated: Path, offers: list[dict[str, object]]
) -> None:
    data = offers[0]["data"]
    assert isinstance(data, dict)
    contact = str(data["contact"])
    for name in (contact, contact[:12], f"contact/{contact}"):
        done = run("explain", simulated, "--contact", name)
        assert done.code == 0
        assert f"Contact {contact}" in done.out
        assert "is offered to agent" in done.out
        assert "its wrap-up ends" in done.out
    found = run("explain", simulated, "--contact", contact, "--json").json
    assert found["contact"] == contact
    types = [step["type"] for step in found["steps"]]
    assert (types[0], types[-1]) == ("contact.created", "agent.wrapup_ended")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "one of --contact ID and --offer ID is needed"),
        (("--contact", "a", "--offer", "1"), "are two questions"),
        (("--offer", "1"), "no offer is 1"),
        (("--offer", "x"), "is not a whole number"),
        (("--contact", "nobody"), "no contact is 'nobody'"),
        (("nobody",), "no contact is 'nobody'"),
        (("nobody", "--offer", "1"), "two questions"),
        (("--offer", "1", "--at", "2026-03-02"), "an offer has its own instant"),
        (("nobody", "--at", "noon"), "no contact is 'nobody'|'noon' is no time"),
        (("--contact", ""), "one of its arguments is empty"),
    ],
)
def test_what_is_not_there_is_bad_input(
    run: Run, simulated: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = run("explain", simulated, *arguments)
    assert done.code == 2
    assert any(one in done.err for one in said.split("|"))
    assert done.out == ""
