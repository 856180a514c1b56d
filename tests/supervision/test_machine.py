"""Listen, whisper, barge in, take over, on a floor whose invariants are checked at each step."""

from typing import Any

import pytest

from cckit.core import (
    AccessGranted,
    Actor,
    AgentId,
    ContactAgentLeft,
    ContactId,
    Decision,
    Engine,
    Instant,
    LegId,
    LegOrdered,
    Refused,
    Stream,
)
from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.agent import BUSY, WRAPUP
from cckit.core.invariants import check_all
from cckit.core.settings import QueueSettings
from cckit.testing.plugins import check_plugin
from cckit_supervision.events import SupervisionModeSet
from cckit_supervision.machine import ANSWER_US, NEXT, Monitor, StopMonitor, TakeOver
from cckit_supervision.plugin import Plugin
from cckit_supervision.policy import MODES, Phase

NOW = 1_000_000_000
RINA = Actor("supervisor", "rina")
LINE = Actor("adapter", "line")
CONTACT = ContactId("x")
STREAM = Stream("contact/x")


class Scene:
    """Anna talks to a customer; Rina supervises."""

    def __init__(self, *, logged_in: bool = True, profile: bool = True) -> None:
        self.engine = Engine(machines=Plugin().cckit_register_machines())
        self.now = NOW
        queue = QueueSettings(wrapup_us=30_000_000, agents=(AgentId("anna"),))
        self.do(c.ApplyConfig("queue", "help", queue.pack()))
        self.employ("anna")
        if profile:
            self.do(c.SetProfile(AgentId("rina")))
            if logged_in:
                self.do(c.LogIn(AgentId("rina")))
        self.customer = self.do(c.ReportArrived("voice", contact=CONTACT))[0].leg
        made = self.do(c.Enqueue(CONTACT, "help"))[-1]  # type: ignore[arg-type]
        self.do(c.AcceptOffer(made.offer))
        self.do(c.ReportBridged(made.offer))

    def employ(self, agent: str) -> None:
        self.do(c.SetProfile(AgentId(agent)))
        self.do(c.LogIn(AgentId(agent)))
        self.do(c.SetReady(AgentId(agent)))

    def act(self, command: Any, actor: Actor = RINA) -> Decision | Refused:
        self.now += 1_000_000
        decided = self.engine.act(command, actor, self.now)
        check_all(self.engine.floor)
        return decided

    def do(self, command: Any, actor: Actor = RINA) -> list[Any]:
        decided = self.act(command, actor)
        assert isinstance(decided, Decision), decided
        return [data for _, data in decided.recorded]

    def refused(self, command: Any) -> str:
        decided = self.act(command)
        assert isinstance(decided, Refused), decided
        assert decided.what
        assert decided.remedy
        return decided.reason

    def listen(self, mode: str = "listen") -> LegId:
        facts = self.do(Monitor(CONTACT, "rina", mode))
        leg = facts[1].leg
        self.do(c.ReportEstablished(leg), LINE)
        return LegId(leg)


def test_the_plugin_is_sound() -> None:
    check_plugin(Plugin)


@pytest.mark.parametrize("mode", MODES)
def test_a_supervisor_hears_a_contact_and_the_log_has_it(mode: str) -> None:
    scene = Scene()
    facts = scene.do(Monitor(CONTACT, "rina", mode))
    leg = facts[1].leg
    assert facts == [
        SupervisionModeSet("rina", mode),
        LegOrdered(leg, "monitor", "supervisor/rina", None, Instant(scene.now + ANSWER_US)),
        AccessGranted("rina", "Listen", "supervision", "contact", STREAM, "supervision"),
    ]
    assert scene.do(Monitor(CONTACT, "rina", mode)) == []


def test_the_way_of_listening_changes_without_another_leg() -> None:
    scene = Scene()
    scene.listen()
    for mode in ("whisper", "barge", "listen", "barge", "whisper"):
        assert scene.do(Monitor(CONTACT, "rina", mode)) == [SupervisionModeSet("rina", mode)]


def test_who_stops_is_let_go_and_may_begin_again() -> None:
    scene = Scene()
    leg = scene.listen()
    assert scene.do(StopMonitor(CONTACT, "rina")) == [
        SupervisionModeSet("rina", "none"),
        LegOrdered(leg, "clear"),
    ]
    scene.do(c.ReportCleared(leg), LINE)
    assert scene.refused(StopMonitor(CONTACT, "rina")) == "supervision.not_there"
    assert scene.listen() != leg


def test_it_ends_when_the_leg_clears_and_the_conversation_goes_on() -> None:
    scene = Scene()
    leg = scene.listen("barge")
    scene.do(c.ReportCleared(leg), LINE)
    assert scene.engine.floor.contacts[STREAM].agent == "anna"
    assert scene.refused(StopMonitor(CONTACT, "rina")) == "supervision.not_there"


def test_it_ends_when_the_supervisor_does_not_answer() -> None:
    scene = Scene()
    scene.do(Monitor(CONTACT, "rina"))
    scene.now += ANSWER_US
    fired = scene.engine.fire(scene.now)
    assert isinstance(fired, Decision)
    assert [type(data) for _, data in fired.recorded] == [f.LegCleared]
    assert scene.refused(StopMonitor(CONTACT, "rina")) == "supervision.not_there"


def test_it_ends_when_the_contact_ends() -> None:
    scene = Scene()
    scene.listen()
    scene.do(c.ReportCleared(scene.customer), LINE)
    assert scene.refused(Monitor(CONTACT, "rina")) == "contact.unknown"
    [state] = scene.engine.machines.states.values()
    assert state.contacts == {}


@pytest.mark.parametrize("mode", MODES)
def test_who_takes_over_is_the_agent_and_the_agent_before_wraps_up(mode: str) -> None:
    scene = Scene()
    leg = scene.listen(mode)
    facts = scene.do(TakeOver(CONTACT, "rina"))
    assert facts[0] == SupervisionModeSet("rina", "take_over")
    assert [type(one) for one in facts[1:]] == [
        LegOrdered,
        f.ContactConnected,
        f.AgentWrapupStarted,
        ContactAgentLeft,
    ]
    contact = scene.engine.floor.contacts[STREAM]
    assert (contact.agent, contact.agent_leg) == ("rina", leg)
    agents = scene.engine.floor.agents
    assert agents["rina"].slots["x"].phase is BUSY
    assert agents["anna"].slots["x"].phase is WRAPUP
    assert scene.do(TakeOver(CONTACT, "rina")) == []
    assert scene.refused(Monitor(CONTACT, "rina")) == "supervision.has_it"


def test_who_took_over_ends_the_contact_as_its_agent() -> None:
    scene = Scene()
    leg = scene.listen()
    scene.do(TakeOver(CONTACT, "rina"))
    facts = scene.do(c.ReportCleared(leg), LINE)
    assert type(facts[-1]) is f.ContactClosed
    assert facts[-1].reason == "completed"
    assert scene.engine.floor.agents["rina"].slots["x"].phase is WRAPUP


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"profile": False}, "supervision.no_agent"),
        ({"logged_in": False}, "supervision.logged_out"),
    ],
)
def test_who_can_be_no_agent_takes_nothing_over_and_is_told_what_to_do(
    how: dict[str, bool], reason: str
) -> None:
    scene = Scene(**how)
    scene.listen()
    assert scene.refused(TakeOver(CONTACT, "rina")) == reason


def test_nobody_takes_over_before_being_on_the_line() -> None:
    scene = Scene()
    assert scene.refused(TakeOver(CONTACT, "rina")) == "supervision.not_there"
    scene.do(Monitor(CONTACT, "rina"))
    assert scene.refused(TakeOver(CONTACT, "rina")) == "supervision.not_there"


def test_two_supervisors_may_listen_and_one_take_over() -> None:
    scene = Scene()
    scene.listen()
    dana = Actor("supervisor", "dana")
    other = scene.do(Monitor(CONTACT, "dana"), dana)[1].leg
    scene.do(c.ReportEstablished(other), LINE)
    scene.do(TakeOver(CONTACT, "rina"))
    whispers = scene.do(Monitor(CONTACT, "dana", "whisper"), dana)
    assert whispers == [SupervisionModeSet("dana", "whisper")]
    scene.do(c.ReportCleared(other), LINE)
    assert scene.engine.floor.contacts[STREAM].agent == "rina"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (Monitor(ContactId("nobody"), "rina"), "contact.unknown"),
        (Monitor(CONTACT, "rina", "spy"), "supervision.bad_mode"),
        (Monitor(CONTACT, ""), "supervision.no_supervisor"),
        (TakeOver(ContactId("nobody"), "rina"), "contact.unknown"),
    ],
)
def test_what_can_not_be_is_refused(command: Any, reason: str) -> None:
    assert Scene().refused(command) == reason


def test_nobody_listens_to_who_waits() -> None:
    scene = Scene()
    scene.do(c.ReportArrived("voice", contact=ContactId("y")))
    scene.do(c.Enqueue(ContactId("y"), "help"))  # type: ignore[arg-type]
    assert scene.refused(Monitor(ContactId("y"), "rina")) == "contact.wrong_state"


def test_every_mode_can_be_left_and_taking_over_is_the_last() -> None:
    assert set(NEXT) == set(Phase)
    assert all(after for mode, after in NEXT.items() if mode is not Phase.TAKE_OVER)


def test_an_agent_does_not_listen_to_themselves() -> None:
    refused = Scene().act(Monitor(CONTACT, "anna"), Actor("agent", "anna"))
    assert isinstance(refused, Refused)
    assert refused.reason == "supervision.has_it"


def test_nobody_listens_in_the_name_of_another() -> None:
    scene = Scene()
    for command in (Monitor(CONTACT, "eva"), StopMonitor(CONTACT, "eva"), TakeOver(CONTACT, "eva")):
        assert scene.refused(command) == "supervision.not_you"
