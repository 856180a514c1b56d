"""What every policy owes, as a function that needs no pytest.

A policy is a pure function of what it is asked: the same answer to the same question,
whatever was asked before, from every instance; the right type; arguments left alone. Its
answers are stored, so a policy that is not pure would make a log that nobody can explain.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

from cckit.core.ask import Candidate, Ranking, Verdict, Waiting
from cckit.core.commands import COMMANDS
from cckit.core.events import Actor
from cckit.core.ids import AgentId, ContactId, QueueId
from cckit.core.instant import Instant, Span

Make: TypeAlias = Callable[[], object]
"""A new instance of a plugin."""
Question: TypeAlias = tuple[str, tuple[Any, ...]]
"""A hook and its arguments."""

ACTORS: Final = (
    Actor("agent", "anna"),
    Actor("agent", ""),
    Actor("supervisor", "dana"),
    Actor("admin", "root"),
    Actor("admin", "אנה"),
)
ROLES: Final = ((), ("agent",), ("supervisor",), ("admin", "agent"), ("no such role",))
TARGETS: Final = ("agent/anna", "agent/ben", "contact/c1", "center", "")


def check_policy(make: Make) -> tuple[str, ...]:
    """Put a plugin's policy hooks to the test; the names of the hooks that were asked.

    :raises AssertionError: it begins with the hook and says which rule it broke.

    .. versionadded:: 0.1
    """
    asked: list[str] = []
    for hook, questions in (
        ("cckit_authorize", list(_authorizations())),
        ("cckit_rank_agents", list(_rankings())),
    ):
        if getattr(type(make()), hook, None) is not None and _implements(make(), hook):
            _check_hook(hook, make, questions)
            asked.append(hook)
    return tuple(asked)


def _implements(plugin: object, hook: str) -> bool:
    return hasattr(getattr(plugin, hook), "cckit_impl")


def _check_hook(hook: str, make: Make, questions: Sequence[Question]) -> None:
    one, other = make(), make()
    first = [_ask(one, hook, arguments) for _, arguments in questions]
    again = [_ask(one, hook, arguments) for _, arguments in reversed(questions)][::-1]
    apart = [_ask(other, hook, arguments) for _, arguments in reversed(questions)][::-1]
    for (_, arguments), a, b, c in zip(questions, first, again, apart, strict=True):
        if a != b:
            raise AssertionError(f"{hook}: pure: answers {a!r}, then {b!r}, to {arguments!r}")
        if a != c:
            what = f"answers {a!r}, another instance {c!r}, to {arguments!r}"
            raise AssertionError(f"{hook}: same for every instance: {what}")


def _ask(plugin: object, hook: str, arguments: tuple[Any, ...]) -> Any:
    given = [list(value) if isinstance(value, list) else value for value in arguments]
    try:
        answer = getattr(plugin, hook)(*given)
    except Exception as error:
        raise AssertionError(f"{hook}: never raises: {error!r} for {arguments!r}") from error
    if list(arguments) != given:
        raise AssertionError(f"{hook}: leaves its arguments alone: {arguments!r}")
    if answer is None:
        return None
    if hook == "cckit_authorize":
        _check_verdict(answer)
    else:
        _check_ranking(answer, arguments[1])
        answer = answer._replace(agents=tuple(answer.agents))
    return answer


def _check_verdict(answer: object) -> None:
    if type(answer) is not Verdict or type(answer.allowed) is not bool:
        raise AssertionError(f"cckit_authorize: answers with a Verdict or None: {answer!r}")
    if not answer.allowed and not answer.reason:
        raise AssertionError("cckit_authorize: says why it denies: the reason is empty")


def _check_ranking(answer: object, candidates: Sequence[Candidate]) -> None:
    if type(answer) is not Ranking:
        raise AssertionError(f"cckit_rank_agents: answers with a Ranking or None: {answer!r}")
    agents, known = list(answer.agents), {candidate.agent for candidate in candidates}
    if not agents or len(set(agents)) < len(agents) or not known.issuperset(agents):
        what = f"{agents!r} of {sorted(known)!r}"
        raise AssertionError(f"cckit_rank_agents: names candidates, each once: {what}")
    if not answer.reason:
        raise AssertionError("cckit_rank_agents: says why: the reason is empty")


def _authorizations() -> Iterable[Question]:
    for actor in ACTORS:
        for roles in ROLES:
            for command in COMMANDS:
                for target in TARGETS:
                    yield "cckit_authorize", (actor, roles, command.__name__, target)


def _rankings() -> Iterable[Question]:
    for size in (1, 2, 7, 64):
        for step in (0, 1, 13):
            candidates = [
                Candidate(
                    AgentId(f"a{n:02}"),
                    Instant(1_000_000 * ((n * step) % 11)),
                    n,
                    (n * step) % 6,
                    Span(n * step),
                    n % 3,
                )
                for n in range(size)
            ]
            for priority in (0, 5):
                waiting = Waiting(
                    ContactId("c1"), QueueId("q"), "voice", priority, Instant(step), ""
                )
                yield "cckit_rank_agents", (waiting, candidates)
