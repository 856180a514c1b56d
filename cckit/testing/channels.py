"""What every channel owes, as a function that needs no pytest.

A whole center runs in virtual time around the adapter, and a simulated switch behind it. A
day is played clean, then with each fault between the two; the promises by their numbers are
in ``cckit.hooks.channel``.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import permutations
from typing import Any, Final, TypeAlias

import trio
from trio.testing import MockClock

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.contact import TALKING
from cckit.core.errors import Refused
from cckit.core.events import Recorded
from cckit.core.ids import AgentId, ContactId, LegId, OfferId, QueueId
from cckit.core.instant import Instant
from cckit.core.invariants import check_all
from cckit.core.settings import QueueSettings
from cckit.hooks import Bounded, Port, Reconciling, RegisterHooks, Sessions, hookimpl
from cckit.hooks.channel import Result
from cckit.shell.center import Center
from cckit.shell.clock import VirtualClock
from cckit.shell.config import AgentSettings, Config
from cckit.shell.entropy import SeededEntropy
from cckit.shell.open_center import open_center
from cckit.stores.memory import MemoryStore

from .center import START, deterministic
from .loop import Outside
from .switch import Fact, Session, Switch

Make: TypeAlias = Callable[[Outside], Any]
"""An adapter with the given switch on its other side."""
Digest: TypeAlias = tuple[tuple[str, ...], ...]

HEALED_S: Final = 150
"""How long after the last fault everything must have ended."""
RESULT_S: Final = 10
LINK_S: Final = 5
KEPT_MAX: Final = 1024
"""Facts that an adapter may keep while the center is slow."""
CALLS: Final = 4
FLOOD: Final = 3_000
QUEUE: Final = QueueId("help")
AGENTS: Final = tuple(AgentId(f"agent{n}") for n in range(CALLS))


def check_channel(make: Make) -> tuple[str, ...]:
    """Put an adapter to the test; the names of the scenes that held, in order.

    :raises AssertionError: it begins with the number of the promise that is broken.

    .. versionadded:: 0.3
    """
    clean = _Scene(make).play()
    for act in SCENES.values():
        _Scene(make, act=act).play()
    _Scene(make, late_s=20).play()
    for n in range(0, 20, 3):
        _Scene(make, dropped=n).play()
    same = [("doubled", _Scene(make, doubled=True))]
    same += [(f"reordered {order}", _Scene(make, order=order)) for order in permutations(range(4))]
    for name, scene in same:
        digest = scene.play()
        if digest != clean:
            raise AssertionError(f"1: {name}: {digest} instead of {clean}")
    return ("clean", *SCENES, "late", "dropped", "doubled", "reordered")


class _Between(RegisterHooks):
    """Stands between an adapter and the center: where facts are lost, and counted."""

    def __init__(self, scene: "_Scene", channel: Any) -> None:
        self._scene = scene
        self._channel = channel
        self.name = channel.name
        self.orders = channel.orders
        if isinstance(channel, Bounded):
            self.abilities = channel.abilities

    @hookimpl
    def cckit_register_channels(self) -> Sequence[Any]:
        return (self,)

    async def run(self, port: Port) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._channel.run, _Port(self._scene, port, nursery))

    async def order(self, batch: Sequence[Recorded[Any]]) -> Sequence[Result] | None:
        began = trio.current_time()
        try:
            results: Sequence[Result] | None = await self._channel.order(batch)
        finally:
            if trio.current_time() - began >= RESULT_S:
                self._scene.breach(4, "an order had no result within 10 seconds")
        if results is not None and {r.position for r in results} != {
            envelope.position for envelope, _ in batch
        }:
            self._scene.breach(4, f"{len(batch)} orders have {len(results)} results")
        self._scene.killed_by(batch)
        return results

    async def sessions(self) -> Sessions | None:
        if not isinstance(self._channel, Reconciling):
            self._scene.breach(5, "it can't say who is on the line")
            return None
        outside = self._scene.outside
        up, before = outside.up, outside.switch.sessions()
        began = trio.current_time()
        try:
            found: Sessions | None = await self._channel.sessions()
        finally:
            if trio.current_time() - began >= RESULT_S:
                self._scene.breach(5, "it did not say within 10 seconds who is on the line")
        if up and found is None:
            self._scene.breach(5, "it does not say who is on the line")
        if found is not None and (tuple(found.legs), tuple(found.strangers)) != before:
            self._scene.breach(5, f"it lists {found}, on the line are {before}")
        return found


class Broken(AssertionError):
    """A promise does not hold; it begins with its number."""

    def __init__(self, promise: int, what: str) -> None:
        super().__init__(f"{promise}: {what}")


class _Port:
    """The center as the adapter sees it, over a bad network."""

    def __init__(self, scene: "_Scene", port: Port, nursery: trio.Nursery) -> None:
        self._scene = scene
        self._port = port
        self._nursery = nursery
        self._held: list[Callable[[], Awaitable[Any]]] = []

    async def report(
        self, command: Any, *, ref: str, number: int, occurred_at: Instant | None = None
    ) -> Any:
        scene = self._scene
        if type(command) is c.ReportLink:
            scene.links.append((trio.current_time(), command.up))
            return await self._pass(command, ref, number, occurred_at)
        scene.seen.append((ref, number))
        held = len(scene.outside.heard) - len(scene.seen)
        scene.most_held = max(scene.most_held, held)
        await trio.sleep(scene.slow_s)
        if len(scene.seen) - 1 == scene.dropped:
            return None
        if scene.late_s:
            self._nursery.start_soon(self._later, command, ref, number, occurred_at)
            return None
        if scene.order is not None:
            self._held.append(lambda: self._pass(command, ref, number, occurred_at))
            if len(self._held) == 1:
                self._nursery.start_soon(self._release, scene.order)
            return None
        reply = await self._pass(command, ref, number, occurred_at)
        return await self._pass(command, ref, number, occurred_at) if scene.doubled else reply

    async def _later(self, command: Any, ref: str, number: int, at: Instant | None) -> None:
        await trio.sleep(self._scene.late_s)
        await self._pass(command, ref, number, at)

    async def _release(self, order: Sequence[int]) -> None:
        """Let what came within half a second go on in another order, four at a time."""
        await trio.sleep(0.5)
        held, self._held = self._held, []
        for at in range(0, len(held), 4):
            four = held[at : at + 4]
            for n in order:
                if n < len(four):
                    await four[n]()

    async def _pass(self, command: Any, ref: str, number: int, at: Instant | None) -> Any:
        reply = await self._port.report(command, ref=ref, number=number, occurred_at=at)
        if isinstance(reply, Refused) and reply.reason == "request.id_reused":
            self._scene.breach(1, f"two facts of {ref} bear number {number}")
        return reply

    async def lost(self, from_at: Instant, until: Instant, counts: Mapping[str, int]) -> None:
        self._scene.lost += sum(counts.values())
        await self._port.lost(from_at, until, counts)


class _Scene:
    """One day of four calls, with at most one kind of fault."""

    def __init__(
        self,
        make: Make,
        *,
        doubled: bool = False,
        late_s: float = 0,
        dropped: int = -1,
        order: Sequence[int] | None = None,
        act: "Act | None" = None,
    ) -> None:
        self.make = make
        self.doubled = doubled
        self.late_s = late_s
        self.slow_s = 0.0
        self.dropped = dropped
        self.order = order
        self.act = act
        self.outside = Outside(Switch(1, quick=True), lambda: self.clock.now())
        self.clock = VirtualClock(START)
        self.store = MemoryStore("center", bytes(16))
        self.links: list[tuple[float, bool]] = []
        self.seen: list[tuple[str, int]] = []
        self.most_held = 0
        self.lost = 0
        self.broken: list[Broken] = []
        self.kill_at: type | None = None
        self.killed = trio.CancelScope()
        self.center: Center

    def play(self) -> Digest:
        with deterministic(1):
            return trio.run(self._play, clock=MockClock(autojump_threshold=0))

    async def _play(self) -> Digest:
        self.clock = VirtualClock(START)
        with trio.CancelScope() as self.killed:
            await self._run(0, self._day)
        if self.killed.cancelled_caught:
            await self._run(1, self._end)
        return self._judge()

    async def _run(self, n: int, live: Callable[[], Awaitable[None]]) -> None:
        config = Config(
            queues={QUEUE: QueueSettings(wrapup_us=0)},
            agents={agent: AgentSettings() for agent in AGENTS},
        )
        between = _Between(self, self.make(self.outside))
        log = self.store if n == 0 else self.store.reopen()
        async with open_center(
            config,
            log=log,
            plugins={"channel": between},
            clock=VirtualClock(Instant(self.clock.now())) if n else self.clock,
            entropy=SeededEntropy(n),
        ) as self.center:
            await live()

    # --- the day ----------------------------------------------------------------------

    async def _day(self) -> None:
        for agent in AGENTS:
            await self.center.do(c.LogIn(agent))
            await self.center.do(c.SetReady(agent))
        await trio.sleep(2)
        for n in range(CALLS):
            self.outside.switch.call_in(self.outside.now(), f"r{n}")
        await self._flow(40 if self.late_s else 3)
        await trio.sleep(5 * self.late_s + 10)
        if self.act is not None:
            await self.act(self)
        else:
            await self._hold()
        await self._end()

    async def _flow(self, wait_s: float) -> None:
        await trio.sleep(wait_s)
        for stream in list(self.center.state.contacts):
            await self.center.do(c.Enqueue(ContactId(stream[8:]), QUEUE))

    async def _hold(self) -> None:
        """What an adapter says that it can do, it does; what not, is refused."""
        talking = [one for one in self.center.state.contacts.values() if one.phase is TALKING]
        for contact in talking[:1]:
            name, can = ContactId(contact.id), self._abilities()
            reply = await self.center.do(c.Hold(name))
            if can is not None and "hold" not in can:
                if not isinstance(reply, Refused) or reply.reason != "adapter.unable":
                    raise Broken(9, "it can't hold, and was ordered to")
                return
            await trio.sleep(5 * self.late_s + 10)
            if self.dropped < 0 and not contact.held:
                raise Broken(9, "it says that it can hold, and does not")
            await self.center.do(c.Retrieve(name))
            await trio.sleep(5)

    def _abilities(self) -> frozenset[str] | None:
        channel = self.make(self.outside)
        return channel.abilities if isinstance(channel, Bounded) else None

    async def _end(self) -> None:
        await trio.sleep(2)
        switch = self.outside.switch
        for ref in [ref for ref in switch.live if ref.startswith("r")]:
            switch.hang_up(self.outside.now(), ref)
        await trio.sleep(HEALED_S + 10 * self.late_s)
        await self._flow(0)  # Whose arrival was lost until now.
        await trio.sleep(HEALED_S)

    # --- what must hold ---------------------------------------------------------------

    def breach(self, promise: int, what: str) -> None:
        """Note what would be swallowed where it happens: a center survives its channels."""
        self.broken.append(Broken(promise, what))

    def _judge(self) -> Digest:
        if self.broken:
            raise self.broken[0]
        failed = [d for _, d in self._facts() if type(d) is f.PluginFailed]
        if failed:
            raise Broken(7, f"it raised {failed[0].error}")
        twice = len(self.outside.carried) - len(set(self.outside.carried))
        if twice:
            raise Broken(3, f"{twice} orders were carried out twice")
        told = self.outside.heard
        if self.lost + len(self.seen) < len(told):
            missing = [one for one in told if one not in self.seen]
            raise Broken(2, f"facts were neither passed on nor counted as lost: {missing[:3]}")
        if self.most_held - self.lost > KEPT_MAX:
            raise Broken(8, f"it kept {self.most_held} facts")
        rest = set(self.seen)
        if self.seen != [one for one in told if one in rest]:
            raise Broken(1, "facts were passed on in another order, or under another number")
        state = self.center.state
        check_all(state)
        if state.contacts:
            raise Broken(5, f"{len(state.contacts)} contacts never ended")
        return self._digest()

    def _facts(self) -> list[Recorded[Any]]:
        codec = self.center._parts.codec
        frames = self.store.reopen().read(0, 1 << 30)
        return [one for x in frames for one in codec.events(x.body, x.first, None)]

    def _digest(self) -> Digest:
        """How each contact went, whatever the order in which they came."""
        story: dict[str, list[str]] = {}
        for envelope, data in self._facts():
            kind = type(data)
            if kind in (f.ContactConnected, f.LegHeld, f.LegRetrieved):
                story[envelope.stream].append(envelope.type)
            elif kind is f.ContactCreated:
                story[envelope.stream] = [envelope.type]
            elif kind is f.ContactClosed:
                story[envelope.stream].append(f"{data.reason} {data.phase}")
        return tuple(sorted(map(tuple, story.values())))

    def killed_by(self, batch: Sequence[Recorded[Any]]) -> None:
        if self.kill_at is not None and any(type(d) is self.kill_at for _, d in batch):
            self.kill_at = None
            self.killed.cancel()


Act: TypeAlias = Callable[[_Scene], Awaitable[None]]


async def _stale(scene: _Scene) -> None:
    """Facts of offers that ended long ago change nothing."""
    made = [data.offer for _, data in scene._facts() if type(data) is f.OfferMade]
    session = Session("old")
    for n, offer in enumerate(made):
        command = c.ReportAlerting(OfferId(offer))
        scene.outside.noise.append(Fact(scene.outside.now(), session.ref, n + 1, command))
        scene.outside.heard.append((session.ref, n + 1))
    await trio.sleep(10)


async def _kill(scene: _Scene) -> None:
    """The process dies when an order was carried out and nobody knows it yet."""
    scene.kill_at = f.LegOrdered
    for contact in list(scene.center.state.contacts.values()):
        if contact.phase is TALKING:
            await scene.center.do(c.Hold(ContactId(contact.id)))
            await trio.sleep(20)


async def _cut(scene: _Scene) -> None:
    """The line is cut: that is told soon, and nobody is hung up."""
    live, at = len(scene.outside.switch.live), trio.current_time()
    scene.outside.up = False
    await trio.sleep(20)
    if not any(not up and when - at <= LINK_S for when, up in scene.links):
        raise Broken(6, "a lost connection was not told within 5 seconds")
    if len(scene.outside.switch.live) != live:
        raise Broken(6, "a lost connection hung somebody up")
    scene.outside.up = True
    await trio.sleep(10)
    if not scene.links[-1][1]:
        raise Broken(6, "that the connection is back was not told")


async def _missing(scene: _Scene) -> None:
    """The switch loses a session and tells nobody."""
    scene.outside.switch.live.pop("r0", None)
    await trio.sleep(HEALED_S)


async def _extra(scene: _Scene) -> None:
    """The switch has a session that nobody knows."""
    scene.outside.switch.live["stranger"] = Session("stranger")
    await trio.sleep(HEALED_S)
    if "stranger" in scene.outside.switch.live:
        raise Broken(5, "a session that nobody knows was never cleared")


async def _noise(scene: _Scene) -> None:
    """The line brings bytes that are no facts."""
    for raw in (b"", b"\xff\xfe\x00", b"{" * 1000, b"null"):
        scene.outside.noise.append(Fact(scene.outside.now(), "noise", 0, raw))
        await trio.sleep(3)


async def _flood(scene: _Scene) -> None:
    """Far more comes than a slow center takes."""
    switch, now = scene.outside.switch, scene.outside.now()
    scene.slow_s = 0.01
    for session in [one for one in switch.live.values() if one.leg][:1]:
        for _ in range(FLOOD):
            switch._tell(now, session, c.ReportRetrieved(LegId(session.leg)))
    await trio.sleep(120)
    scene.slow_s = 0


SCENES: Final[dict[str, Act]] = {
    "stale fences": _stale,
    "kill between order and result": _kill,
    "lost link": _cut,
    "sessions missing": _missing,
    "sessions extra": _extra,
    "bytes that are no facts": _noise,
    "flood": _flood,
}
