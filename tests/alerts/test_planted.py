"""Bugs that are planted in alerts, each caught by the rule that it breaks."""

from collections.abc import Callable
from typing import Any

import pytest

import cckit_alerts.policy as policy
from tests.alerts import test_machine as rules

PLANTED: list[tuple[str, Callable[[], None], str, Any]] = [
    (
        "one limit for both ways",
        rules.test_a_level_has_two_limits_and_does_not_flap_between_them,
        "calm",
        lambda rule, value: value < rule.limit,
    ),
    (
        "over only above the limit",
        rules.test_a_level_has_two_limits_and_does_not_flap_between_them,
        "over",
        lambda rule, value: value > rule.limit,
    ),
    (
        "who waits too long is not counted",
        rules.test_a_service_level_is_at_risk_by_who_waits_too_long_already,
        "late_enough",
        lambda rule, good, ended: 10_000,
    ),
    (
        "a few calls are a service level",
        rules.test_few_calls_say_nothing_of_the_service_level,
        "late_enough",
        lambda rule, good, ended: 0,
    ),
]


@pytest.mark.parametrize(("bug", "check", "name", "wrong"), PLANTED)
def test_a_planted_bug_is_caught(
    monkeypatch: pytest.MonkeyPatch, bug: str, check: Callable[[], None], name: str, wrong: Any
) -> None:
    check()
    monkeypatch.setattr(policy, name, wrong)
    with pytest.raises(AssertionError):
        check()
