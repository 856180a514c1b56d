"""Who may do what, by role, team and action."""

import pytest

from cckit.core import Actor
from cckit.core.commands import COMMANDS
from cckit_permissions.policy import Role, Rules, decide

RULES = Rules(leads={"dana": frozenset({"anna", "ben"})})


@pytest.mark.parametrize(
    ("who", "roles", "action", "target", "allowed"),
    [
        ("anna", ("agent",), "SetReady", "agent/anna", True),
        ("anna", ("agent",), "SetReady", "agent/ben", False),
        ("anna", ("agent",), "AcceptOffer", "offer/7", True),
        ("anna", ("agent",), "AcceptOffer", "agent/anna", True),
        ("anna", ("agent",), "AcceptOffer", "agent/ben", False),
        ("anna", ("agent",), "Close", "agent/ben", False),
        ("anna", ("agent",), "Close", "contact/c", True),
        ("anna", ("agent",), "Enqueue", "contact/c", True),
        ("anna", ("agent",), "Record", "agent/anna", False),
        ("anna", ("agent",), "SetPriority", "contact/c", False),
        ("anna", ("agent",), "SetPermission", "who/anna", False),
        ("anna", (), "SetReady", "agent/anna", False),
        ("dana", ("supervisor",), "SetNotReady", "agent/ben", True),
        ("dana", ("supervisor",), "SetNotReady", "agent/carl", False),
        ("dana", ("supervisor",), "Close", "agent/ben", True),
        ("dana", ("supervisor",), "Close", "agent/carl", False),
        ("dana", ("supervisor",), "SetPriority", "contact/c", True),
        ("dana", ("supervisor",), "ApplyConfig", "center", False),
        ("emil", ("supervisor",), "SetNotReady", "agent/ben", False),
        ("root", ("admin",), "ApplyConfig", "center", True),
        ("root", ("nobody knows",), "ApplyConfig", "center", False),
        ("anna", ("agent", "admin"), "SetPermission", "who/ben", True),
        ("anna", ("agent",), "Transfer", "agent/anna", True),
        ("anna", ("agent",), "Transfer", "agent/ben", False),
        ("anna", ("agent",), "Dial", "agent/ben", False),
        ("anna", ("agent",), "Pull", "queue/help", False),
        ("anna", ("agent",), "SetMode", "center", False),
        ("anna", ("agent",), "Merge", "subject/s", False),
        ("dana", ("supervisor",), "Transfer", "agent/ben", True),
        ("dana", ("supervisor",), "Pull", "agent/ben", True),
        ("dana", ("supervisor",), "Pull", "agent/carl", False),
        ("dana", ("supervisor",), "Pull", "queue/help", True),
        ("dana", ("supervisor",), "Assign", "queue/help", True),
        ("dana", ("supervisor",), "SetMode", "queue/help", True),
        ("dana", ("supervisor",), "Overflow", "contact/c", True),
        ("dana", ("supervisor",), "SetProfile", "agent/ben", False),
        ("dana", ("supervisor",), "SetCertification", "agent/ben", False),
        ("dana", ("supervisor",), "Merge", "subject/s", False),
        ("root", ("admin",), "Merge", "subject/s", True),
    ],
)
def test_a_role_allows_what_it_names_and_nothing_else(
    who: str, roles: tuple[str, ...], action: str, target: str, allowed: bool
) -> None:
    verdict = decide(RULES, Actor("agent", who), roles, action, target)
    assert verdict.allowed is allowed
    assert verdict.reason


def test_what_no_role_allows_is_denied_for_every_command() -> None:
    rules = Rules(roles={"empty": Role()})
    for command in COMMANDS:
        for roles in ((), ("empty",), ("agent",)):
            actor = Actor("admin", "root")
            assert not decide(rules, actor, roles, command.__name__, "agent/root").allowed


def test_all_of_ones_own_is_not_all_that_is_nobodys() -> None:
    rules = Rules(roles={"mine": Role(own=frozenset("*"))})
    for target in ("who/anna", "center", "queue/help", "agent/ben"):
        assert not decide(rules, Actor("agent", "anna"), ("mine",), "X", target).allowed
    assert decide(rules, Actor("agent", "anna"), ("mine",), "X", "agent/anna").allowed


def test_the_actors_kind_gives_nothing() -> None:
    assert not decide(RULES, Actor("admin", "root"), (), "SetReady", "agent/root").allowed
