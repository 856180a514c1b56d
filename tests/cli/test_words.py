"""Contacts that are handed on, called back and written to, as somebody reads them."""

from pathlib import Path
from typing import Any

import pytest

from cckit import AgentSettings, Center, Config, QueueSettings, Stored
from cckit.cli.main import main
from cckit.cli.words import PLUGINS, SAY, say
from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import Sealed, kind_of
from cckit.core.facts import FACTS
from cckit.core.ids import AgentId, ContactId, QueueId, contact_stream
from cckit.core.schema import Unknown
from cckit.testing.center import run_center
from cckit_callback.events import CallbackRequested
from cckit_callback.machine import RequestCallback

ANNA, BEN = AgentId("anna"), AgentId("ben")
SECRET = "+972541112233"
BOTH = AgentSettings(channels={"voice": 60, "chat": 10})
CONFIG = Config(
    queues={"help": QueueSettings(), "sales": QueueSettings()},
    agents={"anna": BOTH, "ben": BOTH},
    plugins=("callback",),
)
APART = ("schema", "run", "clock", "recovery", "config", "plugin", "invariant", "fact", "ledger")
OF_THE_LOG = (*APART, "log", "projection", "gap", "adapter", "permission", "access", "data", "hold")
OF_OTHERS = ("agent", "subject", "certification")


async def good(center: Center, asked: Any) -> Any:
    reply = await center.do(asked)
    assert isinstance(reply, Stored), reply
    return reply


async def talks(center: Center, contact: ContactId, channel: str) -> None:
    await good(center, c.ReportArrived(channel, contact=contact, from_=SECRET))
    reply = await good(center, c.Enqueue(contact, QueueId("help")))
    await answers(center, reply)


async def answers(center: Center, reply: Any) -> None:
    offer = reply.offer
    await good(center, c.ReportAlerting(offer))
    await good(center, c.AcceptOffer(offer))
    await center.do(c.ReportBridged(offer))


async def day(center: Center) -> None:
    for agent in (ANNA, BEN):
        await good(center, c.LogIn(agent, ("voice", "chat")))
    await good(center, c.SetReady(ANNA))
    call, chat, waits = ContactId("call"), ContactId("chat"), ContactId("waits")
    await talks(center, call, "voice")
    caller = center.state.contacts[contact_stream(call)].subject
    assert caller is not None
    await good(center, c.Identify(call, caller, "pin", 2))
    await good(center, c.SetAttributes(call, {"order": SECRET}))
    await good(center, c.GiveConsent(call, "recording", True, "pressed 1"))
    await good(center, c.Consult(call, "external", SECRET))
    await good(center, c.CancelConsult(call))
    await good(center, c.SetReady(BEN))
    await answers(center, await good(center, c.Transfer(call, "agent", "ben")))
    await good(center, c.Transfer(call, "external", SECRET))
    await good(center, c.ReportCleared(center.state.contacts[contact_stream(call)].leg))
    for agent in (ANNA, BEN):
        await good(center, c.SetNotReady(agent, "lunch"))
    await good(center, c.ReportArrived("voice", contact=waits, from_=SECRET))
    await good(center, c.Enqueue(waits, QueueId("help")))
    await good(center, RequestCallback(contact_stream(waits), number=SECRET))
    await good(center, c.Cancel(waits))
    await good(center, c.EndWrapup(ANNA, call))
    await good(center, c.SetReady(ANNA))
    await talks(center, chat, "chat")
    await good(center, c.ReportMessage(chat, "m1", body=SECRET, files=(SECRET,)))
    await good(center, c.Send(chat, SECRET, template="hello"))
    await good(center, c.ReportStatus(chat, "m2", "read"))
    await good(center, c.LeaveContact(chat, ANNA))
    await good(center, c.SetMode("queue/help", "closed", why="a strike"))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("words") / "center.db"
    run_center(day, CONFIG, log=str(path))
    return path


def story(log: Path, contact: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["explain", str(log), "--contact", contact]) == 0
    out = capsys.readouterr().out
    assert SECRET not in out
    return [line[22:].rpartition("  [")[0].strip() for line in out.splitlines()[1:]]


def test_a_contact_that_is_handed_on_tells_to_whom(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = story(log, "call", capsys)
    for line in (
        "it is known who it is, by pin: verified",
        "something is noted about it",
        "agrees to recording, by pressed 1",
        "agent anna hands it on at once, to another agent",
        "enters queue help, as its number 2, for ben only, in 3 steps",
        "agent ben hands it on at once, to somebody outside",
        "ends: completed (connect), by customer",
    ):
        assert line in told
    [consult] = [line for line in told if line.endswith("is a consultation about contact call")]
    other = story(log, consult.split()[1], capsys)
    assert other[0] == "begins between agents by voice"
    assert any(line.startswith("somebody outside is being called (leg ") for line in other)


def test_a_promise_and_how_it_ended_are_told(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = story(log, "waits", capsys)
    assert told[2:4] == [
        "is promised a call at their turn, the agent first",
        "the place is kept: the agent is called first",
    ]
    # It was taken back while they were on the line, so they wait on.
    assert told[4].endswith("is on the line again, in the old place")


def test_a_conversation_is_told_and_not_what_was_said(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = story(log, "chat", capsys)
    at = told.index("the customer writes, with files")
    assert told[at + 1 : at + 3] == ["is written to, by template hello", "message m2 was read"]


def test_every_fact_of_a_contact_has_words() -> None:
    kinds = {kind_of(cls).name.partition(".")[0] for cls in FACTS}
    apart = {*OF_THE_LOG, *OF_OTHERS}
    missing = {
        kind_of(cls).name
        for cls in FACTS
        if cls not in SAY and kind_of(cls).name.partition(".")[0] not in apart
    }
    assert missing == set()
    assert {"contact", "leg", "message", "queue", "offer", "mode"} <= kinds


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (f.LegOrdered(7, "hold"), "leg 7 is to be put on hold"),
        (f.LegOrdered(7, "monitor", "supervisor/dana"), "supervisor dana begins to listen (leg 7)"),
        (f.QueueEntered(1, "help", 3, 0, 0, 2, ("he >= 2 for_us=5", "anyone")),
         "enters queue help, as its number 3, in lane 2, and needs he >= 2, in 2 steps"),
        (f.QueueEntered(1, "help", 3, 0, 0, 0, ("made elsewhere??",)),
         "enters queue help, as its number 3, and needs made elsewhere??"),
        (f.QueueLeft(1, "callback_failed", 61_000_000),
         "leaves the queue, nobody could be called back, after 1:01"),
        (f.ContactIdentified("s", "agent", 9), "it is known who it is, by agent: level 9"),
        (f.ModeChanged("queue/help", "closed", None, "a strike"),
         "queue/help works in mode closed: a strike"),
        (f.QueueEstimateGiven(1, 60_000_000, 120_000_000, 2, "les"),
         "hears that it will be 1:00 to 2:00, as number 2 in line"),
        (f.MessageSent(None), "is written to"),
    ],
)  # fmt: skip
def test_what_a_fact_says(data: Any, words: str) -> None:
    assert say(data, "x.y") == words


def test_what_nobody_here_knows_shows_its_fields_and_no_sealed_value() -> None:
    sealed = Sealed(bytes(16), 1, bytes(12), b"...", bytes(32))
    unknown = Unknown("thing.seen", 1, {"who": sealed, "what": ("a", "b"), "n": 2, "no": None})
    assert say(unknown, "thing.seen") == "thing.seen: who sealed, what a b, n 2"
    asked = {"mode": "scheduled", "first": "customer", "subject": None, "number": sealed}
    said = "is promised a call at an agreed time, the customer first"
    assert say(Unknown("callback.requested", 1, asked), "callback.requested") == said
    loaded = CallbackRequested(None, sealed, "scheduled", "customer")
    assert say(loaded, "callback.requested") == said
    assert set(PLUGINS) >= {"callback.closed", "supervision.mode_set"}
