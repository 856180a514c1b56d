"""What a log says of one contact or one offer, read from its first event on."""

from collections.abc import Container, Iterable, Iterator
from typing import Any, NamedTuple

from cckit.core.codec import Codec
from cckit.core.engine import Engine
from cckit.core.errors import ConfigError
from cckit.core.events import Recorded
from cckit.core.explain import Explanation, WaitExplanation, explain, explain_wait
from cckit.core.facts import (
    FACTS,
    AgentWrapupEnded,
    AgentWrapupExtended,
    AgentWrapupStarted,
    ContactLinked,
    OfferMade,
)
from cckit.core.ids import EntryId, Stream, contact_stream
from cckit.core.registry import Registry
from cckit.core.upcasters import UPCASTERS
from cckit.hooks.store import Store

PREFIX = "contact/"
WRAPUPS = (AgentWrapupStarted, AgentWrapupExtended, AgentWrapupEnded)


class Story(NamedTuple):
    """A contact's events in log order; among them its wrap-up, and what links others to it."""

    contact: str
    events: tuple[Recorded[Any], ...]


class Moment(NamedTuple):
    """A routing decision as it stands in the log, and as it is decided again."""

    made: Recorded[OfferMade]
    explanation: Explanation


def story_of(store: Store, contact: str) -> Story:
    """All that befell a contact. Its id may be cut short where that names only one.

    :raises ConfigError: no contact begins so, or more than one.
    """
    wanted = contact_stream(contact.removeprefix(PREFIX))
    found: dict[Stream, list[Recorded[Any]]] = {}
    wrapups: list[Recorded[Any]] = []
    links: list[Recorded[Any]] = []
    for recorded in _events(store):
        envelope, data = recorded
        if envelope.stream.startswith(wanted):
            found.setdefault(envelope.stream, []).append(recorded)
        elif isinstance(data, WRAPUPS):
            wrapups.append(recorded)
        if isinstance(data, ContactLinked):
            links.append(recorded)
    stream = wanted if wanted in found else _only(found, wanted)
    name = stream.removeprefix(PREFIX)
    events = found[stream] + [one for one in wrapups if one[1].contact == name]
    events += [one for one in links if one[1].other == name]
    events.sort(key=lambda recorded: recorded[0].position)
    return Story(name, tuple(events))


def _only(found: dict[Stream, list[Recorded[Any]]], wanted: Stream) -> Stream:
    if len(found) == 1:
        return next(iter(found))
    what = f"no contact is {wanted.removeprefix(PREFIX)!r}"
    remedy = "look for it with: cckit log LOG --type contact.created"
    if found:
        what = f"{len(found)} contacts begin with {wanted.removeprefix(PREFIX)!r}"
        remedy = "give more of its id"
    raise ConfigError("--contact", what, remedy)


def moment_of(store: Store, offer: int) -> Moment:
    """The decision that made an offer, made again on the floor as it was before.

    :raises ConfigError: the log has no such offer.
    """
    for moment in moments(_events(store), frozenset({offer})):
        return moment
    remedy = "look for it with: cckit log LOG --type offer.made"
    raise ConfigError("--offer", f"no offer is {offer}", remedy)


def moments(
    events: Iterable[Recorded[Any]], offers: Container[int], engine: Engine | None = None
) -> Iterator[Moment]:
    """The decisions that made some offers, in one walk through a log.

    :param engine: what the events are folded into; while a moment is looked at, it stands
        before the offer.
    """
    engine = Engine() if engine is None else engine
    for recorded in events:
        if isinstance(recorded[1], OfferMade) and recorded[1].offer in offers:
            yield Moment(recorded, explain(engine.floor, recorded))
        engine.fold(recorded)


class Wait(NamedTuple):
    """What a contact was doing at an instant, and if it waited, why nobody had it."""

    contact: str
    at: int
    phase: str
    """new, queued, connecting, talking …; empty: it had not come yet, or had ended."""
    explanation: WaitExplanation | None


def wait_of(store: Store, contact: str, at: int) -> Wait:
    """Why nobody had a contact at an instant. Its id may be cut short where that names only one.

    :raises ConfigError: no contact begins so, or more than one.
    """
    wanted = story_of(store, contact).contact
    engine = Engine()
    for recorded in _events(store):
        if recorded[0].stamp.recorded_at > at:
            break
        engine.fold(recorded)
    floor = engine.floor
    found = floor.contacts.get(contact_stream(wanted))
    if found is None:
        return Wait(wanted, at, "", None)
    entry = floor.entries.get(EntryId(found.entry))
    explained = None if entry is None else explain_wait(floor, entry, at)
    return Wait(wanted, at, found.phase.name.lower(), explained)


def _events(store: Store) -> Iterator[Recorded[Any]]:
    codec = Codec(Registry(FACTS, UPCASTERS))
    for frame in store.read():
        yield from codec.events(frame.body, frame.first)
