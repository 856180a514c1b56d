"""What a command is about, for whoever judges it: the agent who has it, before all else."""

from typing import Any, Final

import pytest

from cckit.core import commands as c
from cckit.core.access import LISTED, listed, target_of
from cckit.core.commands import COMMANDS
from cckit.core.ids import AgentId, ContactId, OfferId, QueueId, SubjectId, contact_stream
from cckit_callback.machine import RequestCallback
from tests.stage import Stage

HELP: Final = QueueId("help")
ANNA, BEN = AgentId("anna"), AgentId("ben")
X, Y, Z = ContactId("x"), ContactId("y"), ContactId("z")
WHO: Final = SubjectId("ab" * 16)


@pytest.fixture(scope="module")
def floor() -> Any:
    """Anna talks with x; y waits; z just came."""
    stage = Stage().queue(HELP).agent(ANNA)
    stage.call(X)
    stage.talk(X)
    stage.call(Y)
    stage.arrive(Z)
    return stage.engine.floor


@pytest.mark.parametrize(
    ("command", "target"),
    [
        (c.Transfer(X, "queue", "help"), "agent/anna"),
        (c.Consult(X, "agent", "ben"), "agent/anna"),
        (c.CompleteTransfer(X), "agent/anna"),
        (c.Send(X, "hello"), "agent/anna"),
        (c.MoveChannel(X, "chat"), "agent/anna"),
        (c.Identify(X, WHO, "pin"), "agent/anna"),
        (c.Assign(X, BEN), "agent/anna"),
        (c.Pull(X), "agent/anna"),
        (RequestCallback(contact_stream(X)), "agent/anna"),
        (c.Assign(Y, BEN), "queue/help"),
        (c.Pull(Y, QueueId("other")), "queue/help"),
        (c.KeepPlace(Y), "contact/y"),
        (c.SetPriority(Y, 3), "contact/y"),
        (RequestCallback(contact_stream(Y)), "contact/y"),
        (c.Pull(Z), "contact/z"),
        (c.Dial(BEN, "+972541234567"), "agent/ben"),
        (c.SetMode("queue/help", "closed"), "queue/help"),
        (c.SetMode("center", "closed"), "center"),
        (c.Merge(WHO, SubjectId("cd" * 16)), f"subject/{WHO}"),
        (c.Recall(X, HELP), "queue/help"),
        (c.Recall(X, HELP, contact=ContactId("new")), "contact/new"),
        (c.AcceptOffer(OfferId(9)), "offer/9"),
    ],
)
def test_a_command_is_about_whoever_has_it(floor: Any, command: Any, target: str) -> None:
    assert target_of(command, floor) == target


def test_customers_and_adapters_may_report_and_nothing_else() -> None:
    assert {one.__name__ for one in COMMANDS if listed("customer", one.__name__)} == {
        "ReportArrived",
        "ReportMessage",
        "GiveConsent",
    }
    for one in COMMANDS:
        assert listed("adapter", one.__name__) is one.__name__.startswith("Report")
    assert set(LISTED) == {"customer", "adapter", "timer"}


def test_each_agent_of_a_conference_has_the_contact() -> None:
    stage = Stage().queue()
    for agent in ("anne", "bob", "cleo"):
        stage.agent(agent)
    stage.call("x")
    stage.talk("x")
    stage.facts(c.Consult(ContactId("x"), "agent", "bob", ContactId("y")))
    stage.talk("y")
    stage.facts(c.Conference(ContactId("x")))
    floor = stage.engine.floor
    hold = c.Hold(ContactId("x"))
    assert target_of(hold, floor, "bob") == "agent/bob"
    assert target_of(hold, floor, "cleo") == target_of(hold, floor) == "agent/anne"
