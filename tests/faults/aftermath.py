"""What a storm leaves: the log is read from its events alone, without the floor's code."""

from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from cckit.core import facts as f
from cckit.core.events import Recorded
from cckit.shell.logs.folding import fold
from cckit.shell.proof.checking import verify_log
from cckit.stores.sqlite import SqliteStore

from .storm import Storm


def events_of(path: Path) -> list[Recorded[Any]]:
    """All events of a closed log."""
    seen = Everything()
    store = SqliteStore.open(path, read_only=True)
    try:
        return fold(store, [seen]).folding.states[seen.name]  # type: ignore[no-any-return]
    finally:
        store.close()


class Everything:
    """The log itself, as a projection."""

    name = "test.everything"
    version = 1
    types: tuple[type, ...] = f.FACTS

    def initial(self) -> list[Recorded[Any]]:
        return []

    def apply(self, state: list[Recorded[Any]], recorded: Recorded[Any]) -> None:
        state.append(recorded)

    def dump(self, state: list[Recorded[Any]]) -> int:
        return len(state)


def digest_of(path: Path) -> str:
    """SHA-256 of the bytes of all frames."""
    store = SqliteStore.open(path, read_only=True)
    try:
        return sha256(b"".join(raw for _, raw in store.read_bytes())).hexdigest()
    finally:
        store.close()


def faults(storm: Storm) -> list[str]:
    """What is wrong with the log that a storm left; nothing if all is well."""
    verdict = verify_log(storm.path, events=True)
    if not verdict.ok:
        return [f"verify: {verdict.error}"]
    events = events_of(storm.path)
    checks: tuple[Callable[[Sequence[Recorded[Any]]], list[str]], ...] = (
        _endings, _offers, _requests, _times, _breaches,
    )  # fmt: skip
    found = [fault for check in checks for fault in check(events)]
    for recorded in storm.acks:
        for envelope, data in recorded:
            stored = events[envelope.position] if envelope.position < len(events) else None
            if stored is None or stored[1] != data or stored[0].stream != envelope.stream:
                found.append(f"acknowledged and lost: {data} at {envelope.position}")
    return found


def _endings(events: Sequence[Recorded[Any]]) -> list[str]:
    created = [e.stream for e, data in events if type(data) is f.ContactCreated]
    closed = Counter(e.stream for e, data in events if type(data) is f.ContactClosed)
    found = [f"{stream} was created twice" for stream, n in Counter(created).items() if n > 1]
    wrong = [stream for stream in created if closed[stream] != 1]
    found += [f"{stream} closed {closed[stream]} times" for stream in wrong]
    entered = Counter(data.entry for _, data in events if type(data) is f.QueueEntered)
    left = Counter(data.entry for _, data in events if type(data) is f.QueueLeft)
    return found + [f"entry {n} was left {left[n]} times" for n in entered if left[n] != 1]


def _offers(events: Sequence[Recorded[Any]]) -> list[str]:
    """One ending each, and no agent with two contacts at once: told from the events alone."""
    ends = (f.OfferRejected, f.OfferExpired, f.OfferRescinded, f.OfferFailed)
    ringing: dict[int, f.OfferMade] = {}
    accepted: dict[int, f.OfferMade] = {}
    busy: dict[str, str] = {}
    found = []
    for envelope, data in events:
        kind = type(data)
        if kind is f.OfferMade:
            if data.agent in busy:
                beside = busy[data.agent]
                found.append(f"{data.agent} was offered {envelope.stream} beside {beside}")
            if any(other.contact == data.contact for other in ringing.values()):
                found.append(f"{envelope.stream} was offered twice at once")
            ringing[data.offer], busy[data.agent] = data, envelope.stream
        elif kind is f.OfferAccepted:
            if data.offer not in ringing:
                found.append(f"offer {data.offer} was accepted after its end")
            else:
                accepted[data.offer] = ringing.pop(data.offer)
        elif kind in ends:
            offer = ringing.pop(data.offer, None)
            if offer is None:
                found.append(f"offer {data.offer} ended twice")
            else:
                busy.pop(offer.agent, None)
        elif kind is f.ContactConnected:
            if data.offer is not None and data.offer not in accepted:
                found.append(f"{envelope.stream} was connected by a stale offer")
        elif kind is f.ContactConnectFailed and data.offer in accepted:
            busy.pop(accepted[data.offer].agent, None)
        elif kind in (f.AgentWrapupEnded, f.ContactAgentLeft):
            busy.pop(data.agent if kind is f.ContactAgentLeft else envelope.stream[6:], None)
        elif kind is f.ContactClosed:
            for agent in [agent for agent, stream in busy.items() if stream == envelope.stream]:
                del busy[agent]
    return found + [f"offer {n} never ended" for n in ringing]


def _requests(events: Sequence[Recorded[Any]]) -> list[str]:
    stamps = {id(e.stamp): (e.request, e.position) for e, _ in events if e.request is not None}
    by_key = Counter(request[:16] for request, _ in stamps.values() if request is not None)
    return [f"request {key.hex()} was stored {n} times" for key, n in by_key.items() if n > 1]


def _times(events: Sequence[Recorded[Any]]) -> list[str]:
    """Within a run time never goes back, and a wait is what passed since it began."""
    found, last = [], 0
    since: dict[int, int] = {}
    for envelope, data in events:
        at = envelope.recorded_at
        if type(data) is f.RunStarted:
            last, since = 0, {}
        if at < last:
            found.append(f"time goes back at {envelope.position}")
        last = at
        if type(data) is f.QueueEntered:
            since[data.entry] = data.since
        elif type(data) is f.QueueLeft:
            passed = at - since.get(data.entry, at - data.wait_us)
            if not 0 <= data.wait_us == passed:
                found.append(f"a wait of {data.wait_us} at {envelope.position}")
    return found


def _breaches(events: Sequence[Recorded[Any]]) -> list[str]:
    return [f"{data.rule} was broken" for _, data in events if type(data) is f.InvariantBroken]
