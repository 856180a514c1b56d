"""How long what is known about people is kept: rules, and who is due by them.

A rule fits a kind of data, of some channel and queue or of any. Of the *wishes* that fit,
the one of the highest precedence holds; the longest *law* that fits lengthens it, never
shortens it. What no wish fits is kept for ever. A person's keys open everything about
them, so a person is due when the last thing about them is, and is not while a contact of
theirs goes on. A legal hold beats all rules: who is held is due, and waits.

Days are 24 hours from the end of a contact, or from an agent's last logout.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import attrs

from . import facts as f
from .events import Recorded, Sealed
from .ids import CENTER, Stream, subject_stream
from .instant import HOUR, Instant
from .projection import Canonical
from .same_person import part, same, unite

DAY: Final = 24 * HOUR
CONTACT: Final = "contact"
AGENT: Final = "agent"
KINDS: Final = (CONTACT, AGENT)
"""What a rule can be about: who called or was called, who works here."""


@attrs.frozen(slots=True)
class Rule:
    """One rule of retention.

    .. versionadded:: 0.2
    """

    name: str
    """Stands in the ground of each erasure, ``rule:NAME``."""
    days: int
    least: bool = False
    """A law: nothing that it fits is deleted before ``days``. Else a wish to delete then."""
    kind: str = CONTACT
    channel: str | None = None
    """None: any."""
    queue: str | None = None
    """One that the contact has been in; None: any, or none."""
    precedence: int = 0
    """Of wishes: the highest that fits holds; of equal ones the longest."""

    def fits(self, sort: "Sort") -> bool:
        """Whether it is about such data."""
        return (
            self.kind == sort.kind
            and self.channel in (None, sort.channel)
            and (self.queue is None or self.queue in sort.queues)
        )

    def dump(self) -> Canonical:
        """What ``config.applied`` of kind ``retention`` holds of it."""
        fields: dict[str, Canonical] = attrs.asdict(self)
        return fields


class Sort(NamedTuple):
    """What rules tell apart."""

    kind: str
    channel: str = ""
    queues: tuple[str, ...] = ()
    """Sorted."""


class Due(NamedTuple):
    """Somebody whose data no rule keeps any longer."""

    subject: str
    rule: str
    """The wish that ends the last of it."""
    at: Instant
    """Since when."""


class Verdict(NamedTuple):
    """Who is to be erased, and who would be but for a hold; both by (at, subject)."""

    due: tuple[Due, ...]
    held: tuple[Due, ...]


def rule_of(rules: Iterable[Rule], sort: Sort) -> tuple[Rule, int] | None:
    """The wish that holds for such data, and its days by law; None keeps it for ever."""
    fitting = [rule for rule in rules if rule.fits(sort)]
    wishes = [rule for rule in fitting if not rule.least]
    if not wishes:
        return None
    wish = max(wishes, key=lambda rule: (rule.precedence, rule.days, rule.name))
    return wish, max(wish.days, *(rule.days for rule in fitting if rule.least), 0)


def due(rules: Sequence[Rule], people: "People", now: int, holds: Container[str] = ()) -> Verdict:
    """Who is due at an instant.

    ``holds``: the scopes under legal hold, ``subject/ID`` or ``center``.
    """
    ruled: dict[Sort, tuple[Rule, int] | None] = {}
    busy = people.busy()
    found: list[Due] = []
    for subject, ends in people.ended.items():
        if subject not in people.keyed or subject in busy:
            continue
        last = (0, "")
        for sort, at in ends.items():
            if sort not in ruled:
                ruled[sort] = rule_of(rules, sort)
            rule = ruled[sort]
            if rule is None:
                break
            last = max(last, (at + rule[1] * DAY, rule[0].name))
        else:
            if last[0] <= now:
                found.append(Due(subject, last[1], Instant(last[0])))
    found = _whole(people, found)
    found.sort(key=lambda one: (one.at, one.subject))
    everybody = CENTER in holds
    held = tuple(
        one
        for one in found
        if everybody
        or any(subject_stream(each) in holds for each in same(people.merged, one.subject))
    )
    waiting = set(held)
    return Verdict(tuple(one for one in found if one not in waiting), held)


def _whole(people: "People", found: list[Due]) -> list[Due]:
    """Those of whom nothing must be kept under another id: an erasure reaches all of them."""
    if not people.merged:
        return found
    due_now = {one.subject for one in found}
    return [
        one
        for one in found
        if all(
            each in due_now or each not in people.keyed
            for each in same(people.merged, one.subject)
        )
    ]


# --- what the rules are about ---------------------------------------------------------------


@attrs.define(slots=True)
class Open:
    """A contact that goes on, or an agent who is logged in."""

    subjects: set[str]
    """All for whom it was taken, from the first to the last."""
    channel: str = ""
    queues: set[str] = attrs.field(factory=set)


@attrs.define(slots=True)
class People:
    """Everybody the log knows, and when the last of each sort of their data ended."""

    ended: dict[str, dict[Sort, int]] = attrs.field(factory=dict)
    keyed: set[str] = attrs.field(factory=set)
    """Who has keys that can be destroyed."""
    open: dict[Stream, Open] = attrs.field(factory=dict)
    agents: dict[Stream, str] = attrs.field(factory=dict)
    """Stream of an agent to who that is."""
    merged: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    """Subjects that are one person."""

    def busy(self) -> frozenset[str]:
        """Whose contact goes on, or who is logged in."""
        return frozenset(who for one in self.open.values() for who in one.subjects)

    def end(self, subject: str, sort: Sort, at: int) -> None:
        ends = self.ended.setdefault(subject, {})
        ends[sort] = max(at, ends.get(sort, at))


Apply = Callable[[People, Recorded[Any]], None]


def _key_made(state: People, recorded: Recorded[f.SubjectKeyMade]) -> None:
    state.keyed.add(recorded[0].stream.partition("/")[2])


def _erased(state: People, recorded: Recorded[f.SubjectErased]) -> None:
    subject = recorded[0].stream.partition("/")[2]
    state.keyed.discard(subject)
    state.ended.pop(subject, None)
    part(state.merged, subject)


def _merged(state: People, recorded: Recorded[f.SubjectMerged]) -> None:
    envelope, data = recorded
    unite(state.merged, envelope.stream.partition("/")[2], data.into)


def _created(state: People, recorded: Recorded[f.ContactCreated]) -> None:
    envelope, data = recorded
    subjects = set() if data.subject is None else {str(data.subject)}
    state.open[envelope.stream] = Open(subjects, data.channel)


def _identified(state: People, recorded: Recorded[f.ContactIdentified]) -> None:
    envelope, data = recorded
    contact = state.open.get(envelope.stream)
    if contact is not None:
        contact.subjects.add(data.subject)


def _entered(state: People, recorded: Recorded[f.QueueEntered]) -> None:
    envelope, data = recorded
    contact = state.open.get(envelope.stream)
    if contact is not None:
        contact.queues.add(data.queue)


def _closed(state: People, recorded: Recorded[f.ContactClosed]) -> None:
    envelope = recorded[0]
    contact = state.open.pop(envelope.stream, None)
    if contact is not None:
        sort = Sort(CONTACT, contact.channel, tuple(sorted(contact.queues)))
        for subject in contact.subjects:
            state.end(subject, sort, envelope.recorded_at)


def _profile(state: People, recorded: Recorded[f.AgentProfileSet]) -> None:
    envelope, data = recorded
    _met(state, envelope.stream, data.name, envelope.recorded_at)


def _logged_in(state: People, recorded: Recorded[f.AgentLoggedIn]) -> None:
    envelope, data = recorded
    _met(state, envelope.stream, data.device, envelope.recorded_at)
    subject = state.agents.get(envelope.stream)
    if subject is not None:
        state.open[envelope.stream] = Open({subject})


def _logged_out(state: People, recorded: Recorded[f.AgentLoggedOut]) -> None:
    envelope = recorded[0]
    agent = state.open.pop(envelope.stream, None)
    if agent is not None:
        for subject in agent.subjects:
            state.end(subject, Sort(AGENT), envelope.recorded_at)


def _met(state: People, stream: Stream, value: object, at: int) -> None:
    if type(value) is Sealed:
        subject = state.agents[stream] = value.subject.hex()
        state.end(subject, Sort(AGENT), at)


APPLY: Final[Mapping[type, Apply]] = {
    f.SubjectKeyMade: _key_made,
    f.SubjectErased: _erased,
    f.SubjectMerged: _merged,
    f.ContactCreated: _created,
    f.ContactIdentified: _identified,
    f.QueueEntered: _entered,
    f.ContactClosed: _closed,
    f.AgentProfileSet: _profile,
    f.AgentLoggedIn: _logged_in,
    f.AgentLoggedOut: _logged_out,
}


class PeopleKept:
    """What ``due`` is asked about, as a projection.

    .. versionadded:: 0.2
    """

    name = "retention.people"
    version = 2
    types: tuple[type, ...] = tuple(APPLY)

    def initial(self) -> People:
        return People()

    def apply(self, state: People, recorded: Recorded[Any]) -> None:
        APPLY[type(recorded[1])](state, recorded)

    def dump(self, state: People) -> Canonical:
        return {
            "ended": {
                subject: [[*sort, at] for sort, at in sorted(ends.items())]
                for subject, ends in state.ended.items()
            },
            "keyed": sorted(state.keyed),
            "open": {
                stream: [sorted(one.subjects), one.channel, sorted(one.queues)]
                for stream, one in state.open.items()
            },
            "agents": {str(stream): who for stream, who in state.agents.items()},
            "merged": {who: list(group) for who, group in state.merged.items()},
        }
