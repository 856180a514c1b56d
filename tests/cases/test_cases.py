"""Cases: one matter over several contacts and channels, and what was promised about it."""

from typing import Any

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.codec import digest
from cckit.core.engine import Engine
from cckit.core.errors import ConfigError, Refused
from cckit.core.events import Actor, Decision
from cckit.core.ids import AgentId, ContactId, QueueId, Stream, SubjectId
from cckit.core.instant import HOUR, MINUTE, Instant
from cckit.core.snapshot import dump, load
from cckit.testing.plugins import check_plugin
from cckit.testing.world import World
from cckit_cases import events as e
from cckit_cases.machine import ChangeCase, OpenCase, SetCase, machine
from cckit_cases.plugin import Plugin
from cckit_cases.policy import DAY, Kind, Rules
from cckit_cases.reports import CasesKept
from cckit_cases.settings import read

LINE = Actor("adapter", "line")
ANNE = Actor("agent", "anne")
CASE = Stream("case/x")
SETTINGS: dict[str, Any] = {
    "open_for": ["email"],
    "merge": ["chat"],
    "kinds": {"general": {"response_m": 60, "resolution_h": 48, "reopen_days": 7}},
}


class Desk:
    """One queue and one agent, who serves calls, chats and mails."""

    def __init__(self, **settings: Any) -> None:
        self.world = World(plugins={"cases": Plugin()}, settings={"cases": SETTINGS | settings})
        self.world.queue("help")
        channels = {"voice": 100, "chat": 20, "email": 25}
        self.do(c.SetProfile(AgentId("anne"), {}, channels))
        self.do(c.LogIn(AgentId("anne"), ("chat", "email", "voice")), ANNE)

    def do(self, command: Any, actor: Actor = LINE) -> Decision:
        answer = self.world.do(command, actor)
        assert isinstance(answer, Decision), answer
        return answer

    def refused(self, command: Any) -> str:
        answer = self.world.do(command, LINE)
        assert isinstance(answer, Refused) and answer.what and answer.remedy
        return answer.reason

    def comes(
        self, contact: str, channel: str = "email", who: str = "s1", at: str = "shop"
    ) -> None:
        subject, name = SubjectId(who), ContactId(contact)
        self.do(c.ReportArrived(channel, at, contact=name, subject=subject))

    def waits(self, contact: str) -> None:
        self.do(c.Enqueue(ContactId(contact), QueueId("help")))

    def wait(self, us: int) -> None:
        self.world.run(Instant(self.world.now + us))

    def all(self, kind: type) -> list[Any]:
        return [data for _, data in self.world.events((kind,))]

    def clocks(self) -> list[tuple[str, str]]:
        return [(one.clock, one.state) for one in self.all(e.CaseClockSet)]


def test_a_mail_opens_a_case_with_the_clocks_of_its_kind() -> None:
    desk = Desk()
    desk.comes("x")
    [opened] = desk.all(e.CaseOpened)
    assert (opened.matter, opened.kind) == ("x", "general")
    assert [(one.clock, one.left_us) for one in desk.all(e.CaseClockSet)] == [
        ("response", HOUR),
        ("resolution", 48 * HOUR),
    ]


def test_nobody_who_is_unknown_opens_one() -> None:
    desk = Desk()
    desk.do(c.ReportArrived("email", "shop", contact=ContactId("x")))
    assert desk.all(e.CaseOpened) == []
    desk.do(c.Identify(ContactId("x"), SubjectId("s1"), "pin", 2))
    assert len(desk.all(e.CaseOpened)) == 1


def test_the_first_answer_keeps_what_was_promised() -> None:
    desk = Desk()
    desk.comes("x")
    desk.waits("x")
    desk.do(c.SetReady(AgentId("anne")), ANNE)
    [made] = desk.all(f.OfferMade)
    desk.do(c.AcceptOffer(made.offer), ANNE)
    assert desk.clocks()[-1] == ("response", "met")
    desk.wait(2 * HOUR)
    assert ("response", "breached") not in desk.clocks()


def test_a_promise_breaks_at_its_instant_and_once() -> None:
    desk = Desk()
    desk.comes("x")
    start = desk.world.now
    desk.wait(HOUR - 1)
    assert ("response", "breached") not in desk.clocks()
    desk.wait(50 * HOUR)
    breached = [
        (data.clock, envelope.recorded_at - start)
        for envelope, data in desk.world.events((e.CaseClockSet,))
        if data.state == "breached"
    ]
    assert breached == [("response", HOUR), ("resolution", 48 * HOUR)]


def test_the_clocks_stand_while_it_waits_for_the_customer() -> None:
    desk = Desk()
    desk.comes("x")
    desk.wait(20 * MINUTE)
    desk.do(SetCase(CASE, "customer", "asked for a photo"))
    desk.wait(10 * HOUR)
    desk.do(SetCase(CASE, "open", "it came"))
    left = [one.left_us for one in desk.all(e.CaseClockSet)][-2:]
    assert left == [40 * MINUTE, 48 * HOUR - 20 * MINUTE]
    desk.wait(40 * MINUTE)
    assert desk.clocks()[-1] == ("response", "breached")


def test_who_comes_again_belongs_to_the_open_case_on_whatever_channel() -> None:
    desk = Desk()
    desk.comes("x")
    desk.wait(3 * DAY)
    desk.comes("y", "voice", at="main line")
    desk.comes("z", "chat")
    assert [(one.other, one.kind, one.matter) for one in desk.all(f.ContactLinked)] == [
        ("x", "same_matter", "x"),
        ("y", "same_matter", "x"),
    ]
    assert len(desk.all(e.CaseOpened)) == 1


def test_a_resolved_case_is_opened_again_for_a_week_and_then_closed_for_good() -> None:
    desk = Desk()
    desk.comes("x")
    desk.do(SetCase(CASE, "resolved", "sent"))
    desk.wait(6 * DAY)
    desk.comes("y")
    assert [one.kind for one in desk.all(f.ContactLinked)] == ["reopened"]
    assert [(one.state, one.basis) for one in desk.all(e.CaseStateSet)][-1] == ("open", "reopened")
    assert desk.clocks()[-1] == ("resolution", "running")
    desk.do(SetCase(CASE, "resolved", "sent again"))
    desk.wait(7 * DAY)
    assert [(one.state, one.basis) for one in desk.all(e.CaseStateSet)][-1] == ("closed", "timer")
    desk.comes("z")
    assert len(desk.all(e.CaseOpened)) == 2


def test_without_a_case_contacts_near_each_other_through_one_door_are_one_matter() -> None:
    desk = Desk()
    desk.comes("a", "voice")
    desk.wait(23 * HOUR)
    desk.comes("b", "chat")
    desk.wait(25 * HOUR)
    desk.comes("d", "chat")
    desk.comes("g", "voice", at="other")
    assert [(one.other, one.matter) for one in desk.all(f.ContactLinked)] == [("a", "a")]


def test_who_is_served_on_one_channel_waits_no_longer_on_another() -> None:
    desk = Desk()
    for name, channel in (("a", "voice"), ("b", "chat"), ("d", "email")):
        desk.comes(name, channel)
        desk.waits(name)
    desk.do(c.SetReady(AgentId("anne")), ANNE)
    desk.do(c.AcceptOffer(desk.all(f.OfferMade)[0].offer), ANNE)
    desk.do(c.ReportBridged(desk.all(f.OfferMade)[0].offer))
    closed = {envelope.stream: data for envelope, data in desk.world.events((f.ContactClosed,))}
    assert {stream: one.reason for stream, one in closed.items()} == {"contact/b": "merged"}


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (OpenCase(CASE, ContactId("x")), "case.exists"),
        (OpenCase(Stream("x"), ContactId("x")), "case.bad_id"),
        (OpenCase(Stream("case/2"), ContactId("x"), "wonder"), "case.unknown_kind"),
        (SetCase(CASE, "lost"), "case.unknown_state"),
        (SetCase(Stream("case/2"), "resolved"), "case.unknown"),
        (ChangeCase(Stream("case/2"), note="?"), "case.unknown"),
        (ChangeCase(CASE, note="?"), "case.no_subject"),
        (ChangeCase(CASE, fields={"order": "7"}), "case.no_subject"),
    ],
)
def test_what_can_not_be_is_refused(command: Any, reason: str) -> None:
    desk = Desk()
    desk.comes("x")
    assert desk.refused(command) == reason


def test_a_log_gives_the_same_cases_whatever_their_kind_promises_today() -> None:
    desk = Desk()
    desk.comes("x")
    desk.do(SetCase(CASE, "resolved", "sent"))
    today = Engine(machines=(machine(Rules(kinds={"general": Kind(reopen_us=HOUR)})),))
    for recorded in desk.world.events():
        today.fold(recorded)
    assert today.states == desk.world.engine.states


def test_a_closed_case_stays_closed() -> None:
    desk = Desk()
    desk.comes("x")
    desk.do(SetCase(CASE, "closed", "a prank"))
    assert [state for _, state in desk.clocks()][-2:] == ["cancelled", "cancelled"]
    assert desk.refused(SetCase(CASE, "open")) == "case.wrong_state"
    assert desk.refused(ChangeCase(CASE, note="x")) == "case.wrong_state"


@pytest.mark.parametrize(
    "table",
    [
        {"windows": 1},
        {"window_h": -1},
        {"window_h": "day"},
        {"open_for": "email"},
        {"kinds": {"a": {"response": 1}}},
        {"kinds": {"a": {}}, "kind": "b"},
    ],
)
def test_a_table_that_can_not_be_names_key_and_remedy(table: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        read(table)
    assert str(caught.value).startswith("cases.")


def test_it_is_a_sound_plugin() -> None:
    assert len(check_plugin("cases")) >= 8


def test_a_snapshot_and_the_log_give_the_same_cases() -> None:
    desk = Desk()
    desk.comes("x")
    desk.do(SetCase(CASE, "customer"))
    engine = desk.world.engine
    stored = dump(engine)
    assert stored is not None
    again = Desk().world.engine
    load(again, stored)
    assert again.states == engine.states


def test_the_report_counts_contacts_reopenings_and_promises() -> None:
    desk = Desk()
    desk.comes("x")
    desk.comes("y")
    desk.do(SetCase(CASE, "resolved"))
    desk.comes("z")
    projection = CasesKept()
    state = projection.initial()
    for recorded in desk.world.events(projection.types):
        projection.apply(state, recorded)
    row = state.rows[CASE]
    assert (row.contacts, row.reopened, row.state) == (3, 1, "open")
    assert row.clocks == {"response": "met", "resolution": "running"}
    assert digest(projection.dump(state))
