"""What a queue's settings may say of a wait: its steps, its weight, where it overflows to."""

from collections.abc import Iterable, Mapping

from cckit.core.errors import Refused
from cckit.core.ids import QueueId
from cckit.core.need import possible
from cckit.core.queue import Queue
from cckit.core.routing.estimate import ESTIMATORS
from cckit.core.settings import (
    ACCEPT,
    BLOCKED,
    CALLBACK_ONLY,
    DEFLECT,
    QueueSettings,
    overflow_of,
)
from cckit.core.step import LAST, read_steps

MAX_WEIGHT = 1000
MAX_CAPACITY = 1_000_000
RULES_OF_WHO_COMES = ("full", "too_long")
RULES_OF_NOBODY = ("join_empty", "leave_empty")


def wrong_waiting(settings: QueueSettings) -> str | None:
    """What is wrong with the settings, in words; None if nothing is."""
    for name in ("full", "too_long", "join_empty", "leave_empty", "estimator"):
        if type(getattr(settings, name)) is not str:
            return f"{name} is {getattr(settings, name)!r}, allowed is text"
    if settings.estimator not in ("", *ESTIMATORS):
        return f"estimator is {settings.estimator!r}, allowed are {', '.join(ESTIMATORS)} or none"
    if settings.expected_max_us and not settings.estimator:
        return "expected_max_us needs an estimator: say les or ql"
    return _wrong_rules(settings) or _wrong_steps(settings)


def _wrong_rules(settings: QueueSettings) -> str | None:
    for names, others in (
        (RULES_OF_WHO_COMES, (DEFLECT, BLOCKED, CALLBACK_ONLY)),
        (RULES_OF_NOBODY, (ACCEPT, DEFLECT, BLOCKED)),
    ):
        for name in names:
            rule = getattr(settings, name)
            if rule not in others and not overflow_of(rule):
                allowed = ", ".join(("overflow QUEUE", *others))
                return f"{name} is {rule!r}, allowed are {allowed}"
    return None


def _wrong_steps(settings: QueueSettings) -> str | None:
    texts = settings.steps
    if not all(type(text) is str for text in texts):
        return f"steps are {texts!r}, allowed is a list of texts"
    if not possible(settings.need):
        return f"need {settings.need!r} contradicts itself: no agent could have and lack the same"
    if not texts:
        return None
    if settings.need:
        return "it has both a need and steps: make the need the first step"
    try:
        steps = read_steps(texts)
    except ValueError as error:
        return str(error)
    for step in steps:
        if not possible(step.need):
            return f"step {step.text()!r} contradicts itself: change its need"
        if step.queue is not None:
            break  # From there on others serve.
        out = [one for one in step.agents if one != LAST and one not in settings.agents]
        if out and "*" not in settings.agents:
            return f"step {step.text()!r}: {', '.join(out)} not among the queue's agents"
    return None


def targets(settings: QueueSettings) -> Iterable[QueueId]:
    """The queues to which a queue may send who waits, or comes."""
    rules = (getattr(settings, name) for name in (*RULES_OF_WHO_COMES, *RULES_OF_NOBODY))
    found = [overflow_of(rule) for rule in rules]
    found += [step.queue for step in (read_steps(settings.steps) if settings.steps else ())]
    return dict.fromkeys(one for one in found if one is not None)


def leaves_first(queues: Mapping[str, QueueSettings]) -> list[str]:
    """Order queues by name, but each behind those that it sends to.

    Applied in that order, no queue meets old settings of another that would send back to it.
    """
    found: dict[str, None] = {}
    begun: set[str] = set()

    def behind(name: str) -> None:
        if name in queues and name not in begun:
            begun.add(name)
            for target in targets(queues[name]):
                behind(target)
            found[name] = None

    for name in sorted(queues):
        behind(name)
    return list(found)


def cycle(
    queue: QueueId, settings: QueueSettings, queues: Mapping[QueueId, Queue]
) -> Refused | None:
    """Refuse settings by which somebody could come back to where they overflowed from."""
    onward = {name: tuple(targets(one.settings)) for name, one in queues.items()}
    onward[queue] = tuple(targets(settings))
    way: list[QueueId] = []
    done: set[QueueId] = set()

    def back(here: QueueId) -> bool:
        """Walk on; tell whether the first queue was met again."""
        way.append(here)
        for there in onward.get(here, ()):
            if there == queue or (there not in done and back(there)):
                return True
        done.add(way.pop())
        return False

    if not back(queue):
        return None
    what = f"who overflows would come back: {' > '.join((*way, queue))}"
    remedy = "let one of these queues send to none of the others"
    return Refused("config.cyclic_overflow", f"config/queue/{queue}", what, remedy)
