"""A day of transfers, consultations, conferences and messages comes out as recorded."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from cckit.core import commands as c
from cckit.core import contact as ct
from cckit.core.channel import DEFAULTS
from cckit.core.events import Actor
from cckit.core.facts import FACTS
from cckit.core.ids import AgentId, ContactId, QueueId, SubjectId
from cckit.core.instant import SECOND, Instant
from cckit.core.leg import AGENT, EXTERNAL
from cckit.core.registry import Registry
from cckit.core.settings import QueueSettings
from cckit.shell.people import personal_fields
from cckit.testing import what_if
from cckit.testing.what_if.leads import NEUTRAL, NOT_MODELLED
from cckit.testing.what_if.run import read_day, rerun_day
from cckit.testing.what_if.scenario import Scenario
from cckit.testing.world import LINE, START

from .days import decisions
from .test_commands import ADMIN, KINDS, LEAD, Busybody
from .test_reproduction import again

CHAT = attrs.evolve(DEFAULTS["chat"], idle_us=60 * SECOND)
CHANNELS = ("voice", "chat")


PERSONAL = personal_fields(Registry(FACTS))


def unsaid(position: int, stream: str, data: Any) -> Any:
    """Leave out what is said of people: nobody keeps keys in a simulated world."""
    said = PERSONAL.get(type(data))
    return data if said is None else attrs.evolve(data, **dict.fromkeys(said))


class Handing(Busybody):
    """One who also hands on, asks others, calls out and writes."""

    def __init__(self, seed: int, settings: QueueSettings) -> None:
        super().__init__(seed, settings)
        self.world.engine.seal = unsaid
        self.n = 0
        self.acts += [
            self.transfer, self.consult, self.complete, self.cancel, self.conference, self.pull,
            self.assign, self.dial, self.identify, self.merge, self.chat, self.write, self.reply,
            self.move, self.link, self.mode, self.others, self.certify,
            *(self.consult, self.complete, self.conference, self.cancel, self.others) * 2,
        ]  # fmt: skip

    def name(self) -> ContactId:
        self.n += 1
        return ContactId(f"begun-{self.n}")

    def talking(self) -> Any:
        """Somebody who talks with an agent; others may talk with somebody outside."""
        return self.pick(lambda one: one.phase is ct.TALKING and one.agent)

    def served(self) -> Any:
        """Somebody who talks with an agent, and is no consultation."""
        return self.pick(lambda one: one.phase is ct.TALKING and one.agent and not one.consult_of)

    def target(self) -> tuple[str, str]:
        kind = self.random.choice((AGENT, "queue", EXTERNAL))
        to = {AGENT: self.agent().id, "queue": "other", EXTERNAL: "+4930123"}[kind]
        return kind, to

    def transfer(self) -> bool:
        one = self.served()
        if one is None:
            return False
        kind, to = self.target()
        need = self.random.choice((None, "he >= 1"))
        command = c.Transfer(ContactId(one.id), kind, to, need)
        return self.does(command, Actor("agent", one.agent))

    def consult(self) -> bool:
        one = self.served()
        if one is None:
            return False
        kind, to = self.target()
        command = c.Consult(ContactId(one.id), kind, to, self.name())
        return self.does(command, Actor("agent", one.agent))

    def asks(self, command: Callable[[ContactId], Any]) -> bool:
        one = self.pick(lambda one: one.consult and one.agent)
        return one is not None and self.does(command(ContactId(one.id)), Actor("agent", one.agent))

    def complete(self) -> bool:
        return self.asks(c.CompleteTransfer)

    def cancel(self) -> bool:
        return self.asks(c.CancelConsult)

    def conference(self) -> bool:
        return self.asks(c.Conference)

    def others(self) -> bool:
        """One who joined hangs up, or is put on hold."""
        one = self.pick(lambda one: one.phase is ct.TALKING and one.others)
        if one is None:
            return False
        leg = self.random.choice(list(one.others))
        report = self.random.choice((c.ReportCleared, c.ReportHeld, c.ReportRetrieved))
        return self.does(report(leg), LINE)

    def pull(self) -> bool:
        one = self.pick(lambda one: one.phase is ct.TALKING or (one.phase is ct.QUEUED and one.leg))
        if one is None or one.consult_of:
            return False
        keep = self.random.random() < 0.5
        return self.does(c.Pull(ContactId(one.id), QueueId("other"), keep))

    def assign(self) -> bool:
        one = self.waiting()
        return one is not None and self.does(c.Assign(ContactId(one.id), self.agent().id))

    def dial(self) -> bool:
        agent = self.agent().id
        command = c.Dial(agent, "+4930123", contact=self.name())
        return self.does(command, Actor("agent", agent))

    def identify(self) -> bool:
        one = self.pick(lambda one: one.phase is not ct.CLOSED)
        who = SubjectId(f"s{self.random.randrange(5)}")
        return one is not None and self.does(c.Identify(ContactId(one.id), who, "pin", 2))

    def merge(self) -> bool:
        one, other = (SubjectId(f"s{self.random.randrange(5)}") for _ in range(2))
        return self.does(c.Merge(one, other), ADMIN)

    def chat(self) -> bool:
        contact = self.name()
        if not self.does(c.ReportArrived("chat", contact=contact), LINE):
            return False
        return self.does(c.Enqueue(contact, QueueId("service")), Actor("process", "bot"))

    def chatting(self) -> Any:
        return self.pick(lambda one: one.channel == "chat" and one.phase is not ct.CLOSED)

    def write(self) -> bool:
        one = self.chatting()
        if one is None:
            return False
        self.n += 1
        return self.does(c.ReportMessage(ContactId(one.id), f"m{self.n}", body="hello"), LINE)

    def reply(self) -> bool:
        one = self.chatting()
        if one is None or one.agent is None:
            return False
        self.does(c.Send(ContactId(one.id), "hello"), Actor("agent", one.agent))
        command = c.LeaveContact(ContactId(one.id), AgentId(one.agent))
        return self.does(command, Actor("agent", one.agent))

    def move(self) -> bool:
        one = self.pick(lambda one: one.phase is ct.TALKING and one.queue and not one.consult_of)
        if one is None:
            return False
        channel = "voice" if one.channel == "chat" else "chat"
        command = c.MoveChannel(ContactId(one.id), channel, None, "there", self.name())
        return self.does(command)

    def link(self) -> bool:
        agent = self.agent()
        up = self.random.random() < 0.5
        return self.does(c.ReportAgentLink(agent.id, "desk", up), LINE)

    def mode(self) -> bool:
        mode = self.random.choice(("emergency", "normal"))
        return self.does(c.SetMode("queue/other", mode), LEAD)

    def certify(self) -> bool:
        now = self.world.now
        until = type(now)(now + 600 * SECOND)
        return self.does(c.SetCertification(self.agent().id, "he", now, until), ADMIN)


def handing(seed: int, settings: QueueSettings) -> Handing:
    """Agents who serve two channels; what is not answered for long ends."""
    made = Handing(seed, settings)
    made.does(c.ApplyConfig("channel", "chat", CHAT.pack()), ADMIN)
    return made


@pytest.mark.parametrize("kind", ["plain", "parallel"])
def test_a_day_of_handing_on_comes_out_as_recorded(kind: str) -> None:
    someone = handing(11, KINDS[kind])
    recorded = someone.run()
    read = read_day(recorded.store, "day")
    made, refused = again(read)
    assert made == decisions(recorded)
    assert refused == {}
    assert read.day.unmodelled == {}
    assert len(someone.done) > 20, someone.done


def test_many_days_of_handing_on_come_out_as_recorded(
    tier: Callable[[int, int, int], int], publish: Callable[[str], None]
) -> None:
    days, compared = tier(3, 60, 3_000), 0
    for seed in range(1, days + 1):
        recorded = handing(seed, list(KINDS.values())[seed % len(KINDS)]).run()
        found = rerun_day(read_day(recorded.store, "day"), Scenario())
        assert (found.changed, found.otherwise) == ((), 0), f"seed {seed}"
        compared += found.offers
    publish(f"what-if of days of handing on: {days} days, {compared:,} decisions, 0 changed")


def test_each_command_is_made_again_or_named_as_left_out() -> None:
    """A command is made again where the code that reads a log, or runs it, names it."""
    sources = [path.read_text("utf-8") for path in Path(str(what_if.__file__)).parent.glob("*.py")]
    leads = next(source for source in sources if "NEUTRAL: Final" in source)
    named = {
        node.attr
        for source in sources
        if source is not leads
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "c"
    }
    made = {one for one in c.COMMANDS if one.__name__ in named}
    assert not made & (NEUTRAL | NOT_MODELLED)
    assert made | NEUTRAL | NOT_MODELLED == set(c.COMMANDS)


def test_what_a_list_of_sessions_led_to_is_named_as_not_modelled() -> None:
    someone = handing(3, KINDS["plain"])
    someone.world.run(Instant(START + 1800 * SECOND))
    legs = [one for one in someone.floor.contacts.values() if one.leg and one.adapter == LINE.id]
    assert legs
    assert someone.does(c.ReportSessions(LINE.id, someone.world.now), LINE)
    someone.world.run()
    found = rerun_day(read_day(someone.world.store, "day"), Scenario())
    assert set(found.unmodelled) == {"leg.lost"}
    assert found.changed  # They are served instead of lost, and the line is longer.
