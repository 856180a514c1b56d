"""Bad input gets its own reason and never reaches decide."""

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core import commands as c
from cckit.core.edges import EXACT_MAX, check, check_sender
from cckit.core.errors import Refused
from cckit.core.events import SYSTEM, Actor
from cckit.core.ids import AgentId, ContactId, EntryId, LegId, OfferId, QueueId
from cckit.core.instant import Instant, Span
from cckit.core.shapes import fits, shape_of
from cckit.testing.strategies import values

HERE, QUEUE, ANNA = ContactId("c1"), QueueId("support"), AgentId("anna")

GOOD = [
    c.ReportArrived("voice", from_="+972 3 000"),
    c.ReportArrived("וידאו-2.b_c", contact=ContactId("a b@c.d:5"), direction="out"),
    c.Enqueue(HERE, QUEUE, priority=-5, lane=2, since=Instant(0)),
    c.Enqueue(ContactId("שיחה"), QUEUE),
    c.LogIn(ANNA, ("voice", "chat"), device=""),
    c.SetProfile(ANNA, {"billing": 5}, name=None),
    c.SetProfile(ANNA, {f"{n:0128}": 1 for n in range(128)}),
    c.ApplyConfig("queue", "support", bytes(32 * 1024)),
    c.ExtendWrapup(ANNA, HERE, Span(0)),
    c.TimerDue("ring", "offer/1", 0),
    c.Route(),
]


@pytest.mark.parametrize("command", GOOD)
def test_a_command_that_fits_passes(command: c.Command) -> None:
    assert check(command) is None


TOO_LONG = ("command.too_long", "SetProfile.skills")

NO_NAME = "command.bad_name"


class Louder(c.SetProfile):
    """A command of somebody who thinks that ours may be extended."""


BAD: list[tuple[Any, str, str]] = [
    (5, "command.unknown", "int"),
    (c.Dial(AgentId("a"), None), "command.wrong_type", "Dial.to"),  # type: ignore[arg-type]
    (c.Dial(AgentId("a"), "1", channel="a b"), "command.bad_name", "Dial.channel"),
    (c.Send(ContactId("x"), "x" * 16_385), "command.too_long", "Send.body"),
    (c.ReportMessage(ContactId("x"), "1", files=("x" * 4097,)), "command.too_long",
     "ReportMessage.files"),
    (c.SetAttributes(ContactId("x"), {"": "y"}), "command.out_of_range", "SetAttributes.values"),
    (c.SetMode("", "closed"), "command.out_of_range", "SetMode.scope"),
    (c.ReportSessions("", Instant(0)), "command.out_of_range", "ReportSessions.adapter"),
    (c.AcceptOffer(OfferId(-1)), "command.out_of_range", "AcceptOffer.offer"),
    (c.AcceptOffer(OfferId(2**63)), "command.out_of_range", "AcceptOffer.offer"),
    (c.AcceptOffer(OfferId(True)), "command.wrong_type", "AcceptOffer.offer"),
    (c.AcceptOffer(1.0), "command.wrong_type", "AcceptOffer.offer"),  # type: ignore[arg-type]
    (c.AcceptOffer(None), "command.wrong_type", "AcceptOffer.offer"),  # type: ignore[arg-type]
    (c.ReportArrived("voice", from_=5), "command.wrong_type", "ReportArrived.from"),  # type: ignore[arg-type]
    (c.Enqueue(ContactId(""), QUEUE), "command.out_of_range", "Enqueue.contact"),
    (c.Enqueue(ContactId("x" * 129), QUEUE), "command.too_long", "Enqueue.contact"),
    (c.Enqueue(ContactId("\ud800"), QUEUE), "command.not_text", "Enqueue.contact"),
    (c.Enqueue(HERE, QUEUE, priority=10**30), "command.out_of_range", "Enqueue.priority"),
    (c.Enqueue(HERE, QUEUE, lane=3), "command.out_of_range", "Enqueue.lane"),
    (c.Enqueue(HERE, QUEUE, need="x" * 4_097), "command.too_long", "Enqueue.need"),
    (c.Enqueue(HERE, QUEUE, need="é" * 2_049), "command.too_long", "Enqueue.need"),
    (c.Enqueue(HERE, QUEUE, since=Instant(-1)), "command.out_of_range", "Enqueue.since"),
    (c.Enqueue(HERE, QUEUE, since=Instant(2**53)), "command.out_of_range", "Enqueue.since"),
    (c.ExtendWrapup(ANNA, HERE, Span(-1)), "command.out_of_range", "ExtendWrapup.by_us"),
    (c.LogIn(ANNA, ["voice"]), "command.wrong_type", "LogIn.channels"),  # type: ignore[arg-type]
    (c.LogIn(ANNA, ("voice",) * 257), "command.too_long", "LogIn.channels"),
    (c.LogIn(ANNA, ("x" * 129,)), "command.too_long", "LogIn.channels"),
    (c.SetProfile(ANNA, {"billing": 6}), "command.out_of_range", "SetProfile.skills"),
    (c.SetProfile(ANNA, {"": 1}), "command.out_of_range", "SetProfile.skills"),
    (c.SetProfile(ANNA, {f"{n:0128}": 1 for n in range(129)}), *TOO_LONG),
    (c.SetProfile(ANNA, {f"{n}" + "漢" * 120: 1 for n in range(46)}), *TOO_LONG),
    (c.SetProfile(ANNA, {1: 1}), "command.wrong_type", "SetProfile.skills"),  # type: ignore[dict-item]
    (c.SetProfile(ANNA, {}, budget=-1), "command.out_of_range", "SetProfile.budget"),
    (c.SetPermission("a", "b", given=1), "command.wrong_type", "SetPermission.given"),  # type: ignore[arg-type]
    (c.ApplyConfig("q", "s", bytes(32 * 1024 + 1)), "command.too_long", "ApplyConfig.data"),
    (c.ApplyConfig("q", "s", bytearray(1)), "command.wrong_type", "ApplyConfig.data"),  # type: ignore[arg-type]
    (c.ReportArrived(""), "command.out_of_range", "ReportArrived.channel"),
    (c.ReportArrived("voice mail"), NO_NAME, "ReportArrived.channel"),
    (c.ReportArrived("voice", direction="sideways"), NO_NAME, "ReportArrived.direction"),
    (c.ReportArrived("voice", contact=ContactId("a/b")), NO_NAME, "ReportArrived.contact"),
    (c.ReportArrived("voice", contact=ContactId("a\n")), NO_NAME, "ReportArrived.contact"),
    (c.ReportArrived("voice", contact=ContactId("\x1b[31m")), NO_NAME, "ReportArrived.contact"),
    (c.SetReady(AgentId("שרה\x85")), NO_NAME, "SetReady.agent"),
    (c.LogIn(ANNA, ("voice\x00",)), NO_NAME, "LogIn.channels"),
    (c.SetPermission("agent/anna", "admin"), NO_NAME, "SetPermission.who"),
    (c.ApplyConfig("queue", "", b""), "command.out_of_range", "ApplyConfig.id"),
    (Louder(ANNA), "command.unknown", "Louder"),
    (c.TimerDue("ring", "x", -1), "command.out_of_range", "TimerDue.set_position"),
]


@pytest.mark.parametrize(
    "command",
    [
        c.Send(ContactId("x"), "x" * 16_384),
        c.ReportMessage(ContactId("x"), "1", files=("https://example.org/" + "x" * 400,)),
        c.SetAttributes(ContactId("x"), {"note": "two lines\nof it", "none": ""}),
        c.ReportSessions("line", Instant(0), tuple(LegId(n) for n in range(20_000))),
    ],
)
def test_what_people_write_and_what_is_on_the_lines_may_be_long(command: Any) -> None:
    assert check(command) is None


@pytest.mark.parametrize(("command", "reason", "where"), BAD)
def test_a_command_that_does_not_fit_is_refused_by_its_reason(
    command: Any, reason: str, where: str
) -> None:
    refused = check(command)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.where) == (reason, where)
    assert refused.what
    assert refused.remedy


def test_no_refusal_repeats_what_may_be_personal() -> None:
    refused = check(c.ReportArrived("voice", from_="+97230000000\ud800"))
    assert refused is not None
    assert "+972" not in str(refused)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
)


@pytest.mark.parametrize("cls", c.COMMANDS, ids=lambda cls: str(cls.__name__))
def test_what_passes_fits_its_fields_whatever_was_sent(cls: type) -> None:
    fields = attrs.fields(cls)
    shapes = [shape_of(a.type) for a in fields]

    @settings(max_examples=30)
    @given(st.tuples(*(values(shape) | ANYTHING for shape in shapes)))
    def holds(drawn: tuple[Any, ...]) -> None:
        if check(cls(*drawn)) is None:
            assert all(fits(s)(v) for s, v in zip(shapes, drawn, strict=True))

    holds()


def test_an_attrs_class_of_a_plugin_is_checked_like_ours() -> None:
    @attrs.frozen
    class RequestCallback:
        entry: EntryId
        number: str | None

    assert check(RequestCallback(EntryId(1), None)) is None
    refused = check(RequestCallback(EntryId(-1), None))
    assert refused is not None
    assert refused.where == "RequestCallback.entry"


# --- who sends it, under which id, and since when -------------------------------------------


@pytest.mark.parametrize("occurred_at", [None, Instant(0), Instant(EXACT_MAX)])
@pytest.mark.parametrize("request_id", [None, "1", "é" * 2_048])
def test_a_sender_that_fits_passes(request_id: str | None, occurred_at: Instant | None) -> None:
    assert check_sender(Actor("agent", "שרה"), request_id, occurred_at) is None


SENT: list[tuple[Any, Any, Any, str, str]] = [
    (None, None, None, "command.wrong_type", "actor"),
    (("agent", "anna"), None, None, "command.wrong_type", "actor"),
    (Actor("agent", 5), None, None, "command.wrong_type", "actor.id"),  # type: ignore[arg-type]
    (Actor("", "anna"), None, None, "command.out_of_range", "actor.kind"),
    (Actor("martian", "x"), None, None, NO_NAME, "actor.kind"),
    (Actor("agent", ""), None, None, "command.out_of_range", "actor.id"),
    (Actor("agent", "a\n"), None, None, NO_NAME, "actor.id"),
    (Actor("agent", "\udc80"), None, None, "command.not_text", "actor.id"),
    (Actor("agent", "x" * 129), None, None, "command.too_long", "actor.id"),
    (SYSTEM, 5, None, "command.wrong_type", "request"),
    (SYSTEM, b"x", None, "command.wrong_type", "request"),
    (SYSTEM, "", None, "command.out_of_range", "request"),
    (SYSTEM, "\udc80", None, "command.not_text", "request"),
    (SYSTEM, "é" * 2_049, None, "command.too_long", "request"),
    (SYSTEM, None, "today", "command.wrong_type", "occurred_at"),
    (SYSTEM, None, True, "command.wrong_type", "occurred_at"),
    (SYSTEM, None, -1, "command.out_of_range", "occurred_at"),
    (SYSTEM, None, 2**53, "command.out_of_range", "occurred_at"),
]


@pytest.mark.parametrize(("actor", "request_id", "occurred_at", "reason", "where"), SENT)
def test_a_sender_that_does_not_fit_is_refused_by_its_reason(
    actor: Any, request_id: Any, occurred_at: Any, reason: str, where: str
) -> None:
    refused = check_sender(actor, request_id, occurred_at)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.where) == (reason, where)
    assert refused.what
    assert refused.remedy
