"""What becomes of who can't be kept: full, slow and empty queues, and needs nobody meets."""

from typing import Any

import pytest

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.ids import AgentId, ContactId, QueueId, SubjectId
from cckit.core.instant import MINUTE, SECOND
from cckit.core.routing.estimate import place_of
from cckit.core.settings import QueueSettings
from cckit.core.step import steps_of
from tests.stage import LINE, Stage

X, Y = ContactId("x"), ContactId("y")
HELP, SECOND_LINE = QueueId("help"), QueueId("second")


def comes(stage: Stage, contact: str, **more: Any) -> list[Any]:
    stage.arrive(contact)
    return stage.facts(c.Enqueue(ContactId(contact), HELP, **more))


def names(facts: list[Any]) -> list[str]:
    """Facts in short: what they are, and their queue or reason."""
    found = []
    for fact in facts:
        word = getattr(fact, "queue", None) or getattr(fact, "reason", "")
        found.append(f"{type(fact).__name__} {word}".strip())
    return found


# --- full -------------------------------------------------------------------------------


def test_a_full_queue_overflows_in_one_decision_and_the_wait_counts_on() -> None:
    stage = Stage().queue("second").queue(capacity=1, full="overflow second")
    comes(stage, "x")
    stage.wait(SECOND)
    facts = comes(stage, "y", since=stage.now - SECOND)
    assert names(facts) == ["QueueEntered help", "QueueLeft overflowed", "QueueEntered second"]
    assert facts[0].since == facts[2].since == stage.now - SECOND
    assert facts[1].wait_us == SECOND


def test_a_full_chain_of_queues_is_walked_to_its_end() -> None:
    stage = Stage().queue("third").queue("second", capacity=1, full="overflow third")
    stage.queue(capacity=1, full="overflow second")
    for name in ("x", "y"):
        comes(stage, name)
    facts = comes(stage, "z")
    assert [fact.queue for fact in facts if isinstance(fact, f.QueueEntered)] == [
        "help", "second", "third",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "closed"), [("blocked", ("blocked", "full")), ("deflect", ("deflected", "queue"))]
)
def test_a_full_queue_sends_away(rule: str, closed: tuple[str, str]) -> None:
    stage = Stage().queue(capacity=1, full=rule)
    comes(stage, "x")
    facts = comes(stage, "y")
    assert names(facts[:2]) == ["QueueEntered help", "QueueLeft blocked"]
    assert (facts[2].reason, facts[2].phase) == closed
    assert not stage.engine.floor.contacts.get("contact/y")


def test_a_full_queue_that_takes_only_callbacks_says_so() -> None:
    stage = Stage().queue(capacity=1, full="callback_only")
    comes(stage, "x")
    stage.arrive("y")
    assert stage.refused(c.Enqueue(Y, HELP)) == "queue.callback_only"


def test_the_emergency_lane_is_open_in_a_full_queue() -> None:
    stage = Stage().queue(capacity=1, full="blocked")
    comes(stage, "x")
    assert names(comes(stage, "y", lane=2)) == ["QueueEntered help"]


def test_a_queue_that_is_not_there_loses_nobody() -> None:
    stage = Stage().queue(capacity=1, full="overflow moon")
    comes(stage, "x")
    assert names(comes(stage, "y")) == ["QueueEntered help"]


# --- nobody signed in -----------------------------------------------------------------------


def test_who_comes_while_nobody_could_serve_goes_where_somebody_does() -> None:
    stage = (
        Stage()
        .queue("second", agents=("bob",))
        .queue(agents=("anne",), join_empty="overflow second")
    )
    stage.agent("anne", ready=False).agent("bob")
    assert names(comes(stage, "x")) == ["QueueEntered help"]
    stage.facts(c.LogOut(AgentId("anne")))
    facts = comes(stage, "y")
    assert names(facts)[:3] == ["QueueEntered help", "QueueLeft overflowed", "QueueEntered second"]
    assert stage.rings("y") == "bob"


def test_a_step_that_somebody_could_serve_later_is_reason_to_stay() -> None:
    stage = Stage().queue(join_empty="blocked").agent("anne", ready=False)
    stage.agent("bob", {"he": 3}, ready=False)
    stage.facts(c.LogOut(AgentId("bob")))
    steps = ("he >= 3 for_us=5000000", "anyone")
    assert names(comes(stage, "x", steps=steps)) == ["QueueEntered help"]
    assert names(comes(stage, "y", need="he >= 3"))[1:] == [
        "QueueLeft blocked",
        "ContactClosed blocked",
    ]


@pytest.mark.parametrize("rule", ["overflow second", "deflect", "blocked"])
def test_who_waits_is_let_go_when_the_last_one_who_could_serve_leaves(rule: str) -> None:
    stage = Stage().queue("second").queue(leave_empty=rule, agents=("anne",))
    stage.agent("anne", ready=False)
    for contact in ("x", "y"):
        comes(stage, contact)
    at = len(stage.log)
    stage.facts(c.LogOut(AgentId("anne")))
    left = [data for _, data in stage.log[at:] if isinstance(data, f.QueueLeft)]
    assert len(left) == 2
    waiting = {entry.group.queue.id for entry in stage.engine.floor.entries.values()}
    assert waiting == ({"second"} if rule.startswith("overflow") else set())


def test_who_waits_for_a_step_that_somebody_could_serve_stays() -> None:
    stage = Stage().queue(leave_empty="blocked").agent("anne", ready=False)
    stage.agent("bob", {"he": 3}, ready=False)
    comes(stage, "x", steps=("he >= 3 for_us=5000000", "anyone"))
    stage.facts(c.LogOut(AgentId("bob")))
    assert stage.contact("x").entry
    stage.facts(c.LogOut(AgentId("anne")))
    assert not stage.engine.floor.contacts


# --- by hand --------------------------------------------------------------------------------


def test_a_supervisor_moves_who_waits_and_the_needs_of_the_old_queue_stay_behind() -> None:
    stage = Stage().queue("second", need="he").queue(steps=("en for_us=9000000", "en >= 1"))
    stage.agent("anne", {"he": 2}, ready=False).agent("bob", {"en": 2}, ready=False)
    comes(stage, "x")
    comes(stage, "y", need="not he")
    for contact, steps in (("x", ("he >= 1",)), ("y", ("not he >= 1",))):
        facts = stage.facts(c.Overflow(ContactId(contact), SECOND_LINE))
        assert names(facts) == ["QueueLeft overflowed", "QueueEntered second"]
        assert facts[1].steps == steps


def test_what_rings_is_taken_back_when_it_is_moved() -> None:
    stage = Stage().queue("second", agents=("bob",)).queue().agent("anne").agent("bob", ready=False)
    comes(stage, "x")
    facts = stage.facts(c.Overflow(X, SECOND_LINE))
    assert names(facts)[:3] == [
        "OfferRescinded overflowed", "QueueLeft overflowed", "QueueEntered second",
    ]  # fmt: skip
    assert stage.refused(c.Overflow(X, SECOND_LINE)) == "queue.same_queue"
    assert stage.refused(c.Overflow(X, QueueId("moon"))) == "queue.unknown"


# --- refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        {"need": "he >= 3 and not he"},
        {"steps": ("he >= 3 and not he >= 2 for_us=1", "anyone")},
        {"steps": ("agents=moon for_us=1", "anyone")},
        {"steps": ("agents=bob for_us=1", "anyone")},
        {"prefer": (AgentId("bob"),)},
        {"need": "he >= 5"},
    ],
    ids=str,
)
def test_what_nobody_could_ever_meet_is_refused(asked: dict[str, Any]) -> None:
    stage = Stage().queue(agents=("anne",)).agent("anne", {"he": 4}).agent("bob", {"he": 5})
    stage.arrive("x")
    assert stage.refused(c.Enqueue(X, HELP, **asked)) == "queue.impossible_need"


def test_while_nobody_has_a_profile_any_need_may_wait() -> None:
    stage = Stage().queue()
    assert names(comes(stage, "x", need="he >= 5")) == ["QueueEntered help"]


@pytest.mark.parametrize(
    "steps",
    [
        (),
        ("he",) * 17,
        ("he", "anyone"),
        ("he for_us=1",),
        ("he for_us=0", "anyone"),
        ("he for_us=1", ""),
        ("he for_us=1 for_us=2", "anyone"),
        ("he for_us=1", "anyone skip=unstaffed"),
        ("he for_us=1", "anyone skip=never"),
        ("he for_us=1", "moon=1"),
        ("he for_us=1", "anyone priority=x"),
        ("he queue=second for_us=1", "anyone"),
        ("he for_us=1", "agents=anne,anne"),
        ("he for_us=1", "agents=LAST"),
        ("he >= for_us=1", "anyone"),
    ],
    ids=str,
)
def test_steps_that_are_no_steps_are_refused(steps: tuple[str, ...]) -> None:
    stage = Stage().queue().agent("anne")
    stage.arrive("x")
    asked = c.Enqueue(X, HELP, steps=steps)
    if steps:
        assert stage.refused(asked) == "queue.bad_steps"
    else:
        assert names(stage.facts(asked))[0] == "QueueEntered help"  # No steps need nothing.


def test_a_need_and_steps_together_are_refused() -> None:
    stage = Stage().queue()
    stage.arrive("x")
    assert stage.refused(c.Enqueue(X, HELP, need="he", steps=("anyone",))) == "queue.bad_steps"


def test_overflow_that_comes_back_is_refused_whichever_way_it_goes() -> None:
    stage = Stage().queue("third", leave_empty="overflow help")
    stage.queue("second", steps=("he for_us=1", "anyone queue=third"))
    for settings in (
        QueueSettings(full="overflow second"),
        QueueSettings(join_empty="overflow third"),
        QueueSettings(too_long="overflow help"),
        QueueSettings(steps=("he for_us=1", "anyone queue=second")),
    ):
        asked = c.ApplyConfig("queue", "help", settings.pack())
        assert stage.refused(asked) == "config.cyclic_overflow"
    stage.queue("third").queue(full="overflow second")


@pytest.mark.parametrize(
    "settings",
    [
        {"weight": 0},
        {"weight": 1.5},
        {"weight": 1001},
        {"capacity": -1},
        {"full": "accept"},
        {"full": "overflow "},
        {"full": 7},
        {"too_long": "moon"},
        {"join_empty": "callback_only"},
        {"leave_empty": ""},
        {"estimator": "moon"},
        {"expected_max_us": 1},
        {"prefer_us": 0},
        {"need": "he and not he"},
        {"need": "he", "steps": ("anyone",)},
        {"steps": ("he", "anyone")},
        {"steps": (7,)},
        {"agents": ("anne",), "steps": ("agents=bob for_us=1", "anyone")},
    ],
    ids=str,
)
def test_settings_of_a_wait_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    asked = c.ApplyConfig("queue", "help", QueueSettings(**settings).pack())
    assert Stage().refused(asked) == "config.bad_queue"


# --- preferred agents -------------------------------------------------------------------------


def test_a_customer_waits_first_for_whom_they_talked_to_last() -> None:
    stage = Stage().queue(sticky_us=10 * SECOND, wrapup_us=0).agent("anne").agent("bob")
    person = SubjectId("dana")

    def call(contact: str) -> None:
        stage.facts(c.ReportArrived("voice", contact=ContactId(contact), subject=person), LINE)
        stage.facts(c.Enqueue(ContactId(contact), HELP))

    call("x")
    assert stage.rings("x") == "anne"
    stage.talk("x")
    call("y")
    assert stage.rings("y") == ""
    stage.facts(c.Close(X))
    assert stage.rings("y") == "anne"
    stage.talk("y")
    call("z")
    stage.wait(10 * SECOND)
    assert stage.rings("z") == "bob"


def test_a_preferred_agent_who_is_not_there_is_not_waited_for() -> None:
    stage = Stage().queue().agent("anne").agent("bob", ready=False)
    comes(stage, "x", prefer=(AgentId("bob"),))
    assert stage.rings("x") == ""
    stage.facts(c.LogOut(AgentId("bob")))
    facts = comes(stage, "y", prefer=(AgentId("bob"),))
    assert names(facts) == ["QueueEntered help", "QueueRequirementRelaxed", "OfferMade"]


def test_the_word_last_stands_for_whom_the_customer_talked_to() -> None:
    stage = Stage().queue(wrapup_us=0, steps=("agents=LAST for_us=9000000", "anyone"))
    stage.agent("anne").agent("bob")
    facts = comes(stage, "x")
    assert facts[0].steps == ()
    stage.facts(c.ReportCleared(stage.contact("x").leg))
    stage.engine.floor.talked(SubjectId("dana"), AgentId("bob"))
    stage.facts(c.ReportArrived("voice", contact=Y, subject=SubjectId("dana")), LINE)
    facts = stage.facts(c.Enqueue(Y, HELP))
    assert facts[0].steps == ("for_us=9000000 agents=bob", "anyone")
    assert stage.rings("y") == "bob"


# --- how long it will be --------------------------------------------------------------------


def serve(stage: Stage, n: int, gap_us: int) -> None:
    """Serve callers one after the other, so that the last ones waited long."""
    for m in range(n):
        comes(stage, f"served{m}")
    for m in range(n):
        stage.talk(f"served{m}")
        stage.wait(gap_us)
        stage.facts(c.Close(ContactId(f"served{m}")))


def busy(estimator: str, **settings: Any) -> Stage:
    """One agent, who takes a call every 90 seconds; ten were served, anne talks on."""
    stage = Stage().queue("second")
    stage.queue(estimator=estimator, wrapup_us=0, ring_us=MINUTE, **settings).agent("anne")
    serve(stage, 10, 90 * SECOND)
    comes(stage, "talks")
    stage.talk("talks")
    return stage


@pytest.mark.parametrize(
    ("estimator", "low", "high"),
    [
        ("ql", 0, 6),  # (1 + 1) * 90 s, and 90 s * sqrt(2) to each side.
        ("les", 0, 1),  # The last to be served was there at once.
    ],
)
def test_the_wait_is_announced_as_a_range_of_whole_minutes(
    estimator: str, low: int, high: int
) -> None:
    stage = busy(estimator)
    for contact in ("x", "y"):
        comes(stage, contact)
    told = stage.facts(c.Estimate(Y))[0]
    assert (told.n, told.estimator) == (2, estimator)
    assert (told.low_us, told.high_us) == (low * MINUTE, high * MINUTE)
    assert place_of(stage.engine.floor, stage.engine.floor.entries[told.entry]) == 2


def test_the_last_to_be_served_is_no_guide_once_the_head_has_waited_longer() -> None:
    stage = busy("les")
    comes(stage, "x")
    stage.wait(10 * MINUTE)
    comes(stage, "y")
    told = stage.facts(c.Estimate(Y))[0]
    spread = 2 * 600 * 90  # Variance, in seconds squared: 5 min 28 s.
    assert (told.low_us, told.high_us) == (4 * MINUTE, 16 * MINUTE)
    assert 4 * 60 <= 600 - spread**0.5 < 5 * 60


def test_nothing_is_said_where_nothing_is_known() -> None:
    stage = Stage().queue("second").queue(estimator="ql")
    comes(stage, "x")
    assert stage.refused(c.Estimate(X)) == "queue.estimate_unknown"
    stage.facts(c.Overflow(X, SECOND_LINE))
    assert stage.refused(c.Estimate(X)) == "queue.no_estimator"
    stage.facts(c.Dequeue(X))
    assert stage.refused(c.Estimate(X)) == "queue.wrong_state"
    assert stage.refused(c.Estimate(ContactId("moon"))) == "contact.unknown"


def test_who_was_wrong_more_often_than_right_is_silent_until_it_is_right_again() -> None:
    stage = busy("ql")
    queue = stage.engine.floor.queues[HELP]
    comes(stage, "x")
    assert stage.kinds(c.Estimate(X)) == [f.QueueEstimateGiven]
    queue.hits[:] = [0] * 60 + [1] * 40
    assert stage.refused(c.Estimate(X)) == "queue.estimate_unreliable"
    stage.wait(60 * SECOND)
    stage.facts(c.Close(ContactId("talks")))
    stage.talk("x")
    assert len(queue.hits) == 100
    assert queue.hits[-1] == 1  # It was measured though nobody was told.


def test_an_expected_wait_that_is_too_long_overflows() -> None:
    stage = busy("ql", expected_max_us=4 * MINUTE, too_long="overflow second")
    for contact in ("a", "b"):
        assert names(comes(stage, contact)) == ["QueueEntered help"]
    assert names(comes(stage, "c"))[1:] == ["QueueLeft overflowed", "QueueEntered second"]


# --- tables ------------------------------------------------------------------------------------


def test_steps_are_written_as_texts_or_as_tables() -> None:
    given = [
        {"need": "billing>=3", "for_s": 30, "priority": 1},
        "billing >= 1 for_us=500000",
        {"need": "anyone", "queue": "second line", "agents": ["b,ob"]},
    ]
    assert steps_of(given) == (
        "billing >= 3 for_us=30000000 priority=1",
        "billing >= 1 for_us=500000",
        "queue=second%20line agents=b%2Cob",
    )


@pytest.mark.parametrize(
    "given",
    [
        "he",
        [7],
        [{"moon": 1}],
        [{"need": 7}],
        [{"need": "he", "for_s": True}, "anyone"],
        [{"need": "he", "for_s": -1}, "anyone"],
        [{"need": " "}],
        [{"agents": [7]}],
        [{"need": "he", "skip_unstaffed": 1, "for_s": 1}, "anyone"],
        [{"need": "he"}, "anyone"],
    ],
    ids=str,
)
def test_tables_that_are_no_steps_name_the_step_and_the_key(given: Any) -> None:
    with pytest.raises(ValueError, match="step"):
        steps_of(given)


def test_who_waits_in_a_step_that_names_its_own_queue_moves_to_another() -> None:
    stage = Stage().queue("c").queue("d")
    stage.arrive("x")
    steps = ("anyone for_us=1000000", "anyone queue=c")
    stage.facts(c.Enqueue(ContactId("x"), QueueId("c"), steps=steps))
    stage.wait(SECOND)
    left, entered = stage.facts(c.Overflow(ContactId("x"), QueueId("d")))
    assert left.reason == "overflowed"
    assert (entered.queue, entered.steps) == ("d", ())
