"""Stories: who reads what, what a command bears, how deep a cascade may go. No shell."""

from collections.abc import Sequence
from typing import Any

import pytest

from cckit.core import facts as f
from cckit.core.commands import SetPermission
from cckit.core.errors import UsageError
from cckit.core.events import SYSTEM, Envelope, Recorded, Stamp, kind_of
from cckit.core.ids import CENTER
from cckit.core.process import CASCADE_MAX, Running, Sent, Stories, check_command

GIVEN = SetPermission("x", "y")
CHANGED = f.PermissionChanged("x", "y", True)


class Answers:
    """Sends what it is told to, to each change of a role."""

    types: tuple[type, ...] = (f.PermissionChanged,)

    def __init__(self, name: str, answer: Any = (GIVEN,)) -> None:
        self.name = name
        self.answer = answer

    def initial(self) -> list[int]:
        return []

    def apply(self, state: list[int], recorded: Recorded[Any]) -> Sequence[Any]:
        state.append(recorded[0].position)
        if isinstance(self.answer, Exception):
            raise self.answer
        answer: Sequence[Any] = self.answer
        return answer


def changed(position: int, data: Any = CHANGED) -> Recorded[Any]:
    return Envelope(Stamp(0, SYSTEM), position, CENTER, position, kind_of(type(data))), data


def stories(*processes: Answers) -> tuple[Stories, list[f.PluginFailed], list[Running]]:
    failed: list[f.PluginFailed] = []
    running = [Running("plugin", process) for process in processes]
    return Stories(running, failed.append), failed, running


def named(sent: Sent) -> tuple[str, int, int]:
    return sent.request, sent.cause, sent.depth


def test_each_command_bears_its_process_its_cause_and_its_place() -> None:
    told, failed, _ = stories(Answers("one", (GIVEN, GIVEN)), Answers("two"))
    assert [named(sent) for sent in told.tell(changed(7))] == [
        ("one:7:0", 7, 1),
        ("one:7:1", 7, 1),
        ("two:7:0", 7, 1),
    ]
    assert failed == []


def test_an_event_of_another_class_is_not_heard() -> None:
    told, _, [one] = stories(Answers("one"))
    assert list(told.tell(changed(7, f.AgentReady()))) == []
    assert one.state == []


def test_what_a_command_led_to_is_deeper_and_the_bound_suspends() -> None:
    told, failed, [one] = stories(Answers("one"))
    depths = []
    for position in range(CASCADE_MAX + 1):
        for sent in told.tell(changed(position)):
            depths.append(sent.depth)
            told.led_to(sent, [position + 1])
    assert depths == list(range(1, CASCADE_MAX + 1))
    assert [one.error for one in failed] == [f"a cascade deeper than {CASCADE_MAX}"]
    assert one.suspended and list(told.tell(changed(99))) == []


@pytest.mark.parametrize("answer", [None, 7, RuntimeError("planted")], ids=str)
def test_who_answers_nonsense_or_raises_is_suspended_and_the_others_are_not(answer: Any) -> None:
    told, failed, running = stories(Answers("bad", answer), Answers("good"))
    for position in range(2):
        assert [named(sent)[0] for sent in told.tell(changed(position))] == [f"good:{position}:0"]
    assert [one.hook for one in failed] == ["process bad"]
    assert [one.suspended for one in running] == [True, False]


def test_who_fails_between_two_commands_sends_no_more() -> None:
    told, failed, [one] = stories(Answers("one", (GIVEN, GIVEN)))
    sent = told.tell(changed(0))
    assert named(next(sent))[0] == "one:0:0"
    told.fail(one, "told so")
    assert list(sent) == [] and [one.error for one in failed] == ["told so"]


def test_the_past_is_folded_and_asks_for_nothing() -> None:
    told, _, [one] = stories(Answers("one"))
    told.remember([changed(n) for n in range(6)], {"process one": 2}, 4)
    assert one.state == [2, 3]


@pytest.mark.parametrize("command", ["no command", SetPermission("", "y"), SetPermission])
def test_what_no_process_may_send_is_named(command: Any) -> None:
    with pytest.raises(UsageError):
        check_command(command)
    check_command(GIVEN)
