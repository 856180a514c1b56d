"""The one writer: decides in memory, stores in groups, and lets nobody see more.

A command is decided at once, against everything decided before it, durable or not. What
gathers while a frame is on its way to disk is the next frame: group commit, no timer.
Replies, also refusals, wait until all they rest on is durable; so a caller never hears of
something that a crash can take back.

An error of the store ends the center: what was in flight is ``Unknown``, and every later
call raises. A caller that is cancelled leaves its command in the queue: it may be stored,
and the same request again gets the first reply.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import outcome
import trio
from trio.lowlevel import current_task, wait_task_rescheduled

from cckit.core.access import Asked, denial_of
from cckit.core.codec import Codec
from cckit.core.commands import Dial, Recall, ReportArrived, Route, TimerDue
from cckit.core.engine import Engine, InvariantBroken, MachineFailed
from cckit.core.errors import CckitError, Refused, StoreError, UsageError
from cckit.core.events import SYSTEM, TIMER, Actor, Decision, Draft
from cckit.core.facts import AccessRefused, FactSuperseded, PluginFailed
from cckit.core.facts import InvariantBroken as InvariantBrokenFact
from cckit.core.frame import Frame
from cckit.core.ids import CENTER
from cckit.core.instant import Instant
from cckit.hooks.store import Conflict, Head, Store
from cckit.stores.keyfile import NOTHING, Mark

from .clock import Clock
from .feed import Batch, Feed
from .group import LARGE, Group, Waiter, check_size
from .owner import Owner
from .parking import Parking
from .people import People
from .replies import Reply, Stored, Superseded, Unknown
from .requests import Known, Requests

BACKLOG: Final = 65_536
"""Events that may wait for the disk; beyond it requests are refused."""

ROOM: Final = 256 * 1024 * 1024
"""Free bytes on disk below which nobody new is taken in; who is there is served to the end."""

Listener = Callable[[Batch], None]
"""Told of each durable batch before anybody else is; it may decide more."""


class Writer:
    """Decides, gathers, stores, publishes."""

    def __init__(
        self,
        engine: Engine,
        codec: Codec,
        store: Store,
        head: Head,
        owner: Owner,
        clock: Clock,
        feed: Feed,
        requests: Requests,
        people: People,
        rebuild: Callable[[], Engine],
        say: Callable[[str], None],
        failures: list[PluginFailed],
        machine_failed: Callable[[MachineFailed, bool], None],
        *,
        backlog: int = BACKLOG,
    ) -> None:
        self.engine = engine
        self.requests = requests
        self.failure: CckitError | None = None
        self.closing = False
        self.fenced = False
        """Another writer took the log over: it is not ours to open again."""
        self.listeners: list[Listener] = []
        self.launching: Callable[[int], None] = _nothing
        """Told of each frame before which position it ends, if it holds all that is decided."""
        self._codec = codec
        self._store = store
        self.head = head
        """The end of what is durable."""
        self._owner = owner
        self._clock = clock
        self._feed = feed
        self._people = people
        self._rebuild = rebuild
        self.say = say
        self.failures = failures
        """Plugins that failed while something was decided; they are recorded after it."""
        self._machine_failed = machine_failed
        self._backlog = backlog
        self._room = ROOM
        self._room_of: Callable[[], int] = getattr(store, "room", lambda: ROOM)
        self._gathering = Group()
        self._flight: Group | None = None
        self._bell = Parking()
        self._crash: Exception | None = None
        self._alone = True
        """The last frame had one caller at most."""
        self._woken = False

    # --- deciding -------------------------------------------------------------------------

    def check_open(self) -> None:
        """:raises StoreError: the store failed. :raises UsageError: the center is closed."""
        failure = self.failure
        if failure is not None:
            raise StoreError(failure.where, failure.what, failure.remedy) from failure
        if self.closing:
            raise UsageError("center", "is closed", "open it again")

    def accepts(self) -> bool:
        """Whether something may still be decided."""
        return self.failure is None and not self.closing

    def overloaded(self) -> Refused | None:
        """A refusal if more events wait for the disk than the bound allows."""
        if self._gathering.events < self._backlog:
            return None
        what = f"{self._gathering.events} events wait for the disk"
        return Refused("center.overloaded", "center", what, "try again later, more slowly")

    def turned_away(self, command: Any) -> Refused | None:
        """A refusal of whoever is new while the disk is almost full: endings need the rest."""
        if self._room >= ROOM or type(command) not in (ReportArrived, Dial, Recall):
            return None
        what = f"{self._room >> 20} MiB are left on the disk of the log"
        return Refused("center.disk_low", "center", what, "make room; who is here is served on")

    def act(
        self,
        command: Any,
        actor: Actor,
        *,
        request: bytes | None = None,
        occurred_at: Instant | None = None,
        cause: int | None = None,
        before: Sequence[Draft] = (),
        also: Sequence[Draft] = (),
    ) -> Reply:
        """Decide a command now; its reply must not be shown before ``durable``.

        ``before`` and ``also`` are stored with what it leads to, if that is anything.

        :raises UsageError: a value that does not fit its event; nothing was kept of it.
        """
        now = self._clock.now()
        try:
            decided = self.engine.act(
                command,
                actor,
                now,
                request=request,
                occurred_at=occurred_at,
                cause=cause,
                before=before,
                also=also,
            )
            reply = decided if isinstance(decided, Refused) else self._gather(decided)
        except (InvariantBroken, MachineFailed) as error:
            return self._spoilt(error)
        except Exception:  # Whatever it is, the state may be ahead of what will be stored.
            self._repair()
            raise
        self.follow_up()
        return reply

    def fire(self) -> bool:
        """Propose the earliest timer if it is due."""
        timer = self.engine.floor.next_timer()
        try:
            decided = self.engine.fire(self._clock.now(), TIMER)
            if isinstance(decided, Decision):
                self._gather(decided)
        except MachineFailed as error:
            self._spoilt(error)  # It is proposed again, if need be without the machine.
            self.nudge()
            return True
        except Exception as error:  # noqa: BLE001 - nobody sent it, so nobody can be told
            self._spoilt(_ours(error, TimerDue))
            # The state made anew has it again, and it would be due for ever.
            floor = self.engine.floor
            again = floor.next_timer()
            if again is not None and again == timer:
                floor.timers.drop(again)
            self.nudge()
            return True
        self.follow_up()
        self.nudge()
        return decided is not None

    def record(
        self,
        drafts: Sequence[Draft],
        actor: Actor,
        *,
        request: bytes | None = None,
        occurred_at: Instant | None = None,
        cause: int | None = None,
        encoded: Sequence[bytes] = (),
        asked: Asked | None = None,
    ) -> Reply:
        """Take ready facts now, and what follows; see ``act``.

        ``encoded``: their data, where it is known. ``asked``: the access that they grant,
        which is then what has to be allowed.

        :raises UsageError: a value that does not fit its event; nothing was kept of it.
        """
        reply = self.take(
            drafts,
            actor,
            request=request,
            occurred_at=occurred_at,
            cause=cause,
            encoded=encoded,
            asked=asked,
        )
        self.follow_up()
        return reply

    def take(
        self,
        drafts: Sequence[Draft],
        actor: Actor,
        *,
        request: bytes | None = None,
        occurred_at: Instant | None = None,
        cause: int | None = None,
        encoded: Sequence[bytes] = (),
        asked: Asked | None = None,
    ) -> Reply:
        """As ``record``, but nothing else comes before the next of them."""
        now = self._clock.now()
        try:
            if asked is None:
                denied = self.engine.may_not_record(drafts, actor, now)
            else:
                denied = self.engine.may_not_access(asked, actor, now)
            if denied is not None:
                return denied if isinstance(denied, Refused) else self._gather(denied)
            decided = self.engine.record(
                drafts, actor, now, request=request, occurred_at=occurred_at, cause=cause
            )
            return self._gather(decided, encoded)
        except (InvariantBroken, MachineFailed) as error:
            return self._spoilt(error)
        except Exception:  # Whatever it is, the state may be ahead of what will be stored.
            self._repair()
            raise

    def follow_up(self) -> None:
        """What comes before any other command: matching that goes on, plugins that failed."""
        while self.engine.unrouted and self._route():
            pass
        self._name_failed()

    def _name_failed(self) -> None:
        if self.failures:
            drafts = [Draft(CENTER, failed) for failed in self.failures]
            self.failures.clear()
            self.take(drafts, SYSTEM)

    def _route(self) -> bool:
        """Match once more; False if that led to nothing."""
        try:
            decided = self.engine.act(Route(), SYSTEM, self._clock.now())
            if isinstance(decided, Refused) or not decided.recorded:
                return False
            self._gather(decided)
        except Exception as error:  # noqa: BLE001 - nobody sent it, so nobody can be told
            self._spoilt(_ours(error, Route))
            return False
        return True

    # --- bugs -----------------------------------------------------------------------------

    def _spoilt(self, error: InvariantBroken | MachineFailed) -> Refused:
        """Drop the events of our bug or of a machine's, and record whose it is."""
        self._repair()
        if isinstance(error, MachineFailed):
            self._machine_failed(error, False)
            self._name_failed()
            what = f"the plugin's machine raised {type(error.error).__name__}"
            return Refused("plugin.failed", error.machine, what, "repair the plugin")
        self.say(f"invariant broken, please report it: {error}")
        self.take((Draft(CENTER, InvariantBrokenFact(error.rule, error.command)),), SYSTEM)
        what = f"rule {error.rule} would break; this is a bug of cckit"
        return Refused("floor.invariant_broken", error.command, what, "report it")

    def _repair(self) -> None:
        """Make the state anew from what is durable, in flight and gathered."""
        while True:
            try:
                self.engine = self._refolded()
                return
            except MachineFailed as failed:
                self._machine_failed(failed, True)

    def _refolded(self) -> Engine:
        engine = self._rebuild()
        for decision in self.undurable():
            for one in decision.recorded:
                engine.fold(one)
        return engine

    def undurable(self) -> tuple[Decision, ...]:
        """What is decided and not durable yet, in order."""
        flight = self._flight.decisions if self._flight is not None else []
        return (*flight, *self._gathering.decisions)

    def _gather(self, decision: Decision, encoded: Sequence[bytes] = ()) -> Reply:
        recorded = decision.recorded
        if not recorded:
            return Stored(recorded)
        group = self._gathering
        request = decision.stamp.request
        first = recorded[0][1]
        fields = self._codec.decision_fields(decision, encoded)
        if len(recorded) > LARGE:
            check_size(self._codec, len(recorded), fields)
        group.fields.append(fields)
        group.decisions.append(decision)
        group.events += len(recorded)
        if request is not None:
            group.keys.append(self.requests.add(request, recorded[0][0].position))
        if type(first) is AccessRefused:
            return denial_of(decision, self.engine.reason) or Stored(recorded)
        if type(first) is FactSuperseded:
            return Superseded(first.by_position, recorded)
        return Stored(recorded)

    def waiter(self, reply: Reply) -> Waiter | None:
        """Who waits until all that is decided by now is stored; None if it is.

        The caller awaits ``wait_task_rescheduled(waiter.abort)``, then takes the reply.
        """
        if self._gathering.decisions:
            waiter = Waiter(current_task(), reply)
            self._gathering.waiting.append(waiter)
            if self._flight is None:
                if self._alone:
                    self._launch()  # Nobody else is about to come, so nobody is waited for.
                else:
                    # It runs after all tasks that are ready now, so they join the frame.
                    self._bell.ring()
        elif self._flight is not None:
            waiter = Waiter(current_task(), reply)
            self._flight.waiting.append(waiter)
        else:
            return None
        return waiter

    def nudge(self) -> None:
        """Have stored what gathered, though nobody waits for it."""
        if self._flight is None and self._gathering.decisions:
            self._bell.ring()

    async def durable(self, reply: Reply) -> Reply:
        """Wait until all that is decided by now is stored; Unknown if that failed."""
        waiter = self.waiter(reply)
        if waiter is None:
            await trio.lowlevel.checkpoint()
            return reply
        await wait_task_rescheduled(waiter.abort)
        return waiter.reply

    # --- repeats --------------------------------------------------------------------------

    async def repeat(self, known: Known, request: bytes) -> Reply:
        """The first reply to a request, rebuilt from the events that carry it.

        The same id with another body is refused.
        """
        if known[0] != request:
            what = f"this id was used at position {known[1]} for something else"
            refused = Refused("request.id_reused", "request", what, "give each act its own id")
            return await self.durable(refused)
        settled = await self.durable(Stored(()))
        if isinstance(settled, Unknown):
            return settled
        return await self._first_reply(known)

    async def _first_reply(self, known: Known) -> Reply:
        at = known[1]
        batch = self._feed.held(at)
        if batch is None:
            chunk = await self._feed.read(at, None)
            batch = [one for one in chunk.batch if one[0].position >= at]
        stamp = batch[0][0].stamp
        recorded = tuple(one for one in batch if one[0].stamp is stamp)
        first = recorded[0][1]
        if type(first) is FactSuperseded:
            return Superseded(first.by_position, recorded)
        return Stored(recorded)

    # --- storing --------------------------------------------------------------------------

    async def run(self) -> None:
        """Start a frame whenever something gathered, until closed or the store fails."""
        try:
            while self.failure is None:
                if self._crash is not None:
                    raise self._crash
                if self._flight is None and self._gathering.decisions:
                    if self._woken:
                        # Those who were just answered come back at once: let them join.
                        self._woken = False
                        await trio.lowlevel.cancel_shielded_checkpoint()
                    self._launch()
                elif self.closing and self._flight is None:
                    return
                else:
                    await self._bell.wait()
        finally:
            settled = self.closing and not self._gathering.decisions and self._flight is None
            if self.failure is None and not settled:
                self._poison(StoreError("center", "stopped while storing", "reopen the log"))

    def stop(self) -> None:
        """Accept no more; ``run`` returns when all is stored."""
        self.closing = True
        self._bell.ring()

    def _launch(self) -> None:
        """Send what gathered to disk."""
        try:
            group, frame = self._frame()
        except Exception as error:  # noqa: BLE001 - raised by run, where trio can report it
            self._crash = error
            self._bell.ring()
            return
        self._flight = group
        if not self._gathering.decisions:
            self.launching(frame.end)
        people, store, head = self._people, self._store, self.head

        def append() -> tuple[Head, Conflict | None]:
            people.flush(mark_of(head))
            conflict = store.append(frame, head)
            self._room = self._room_of()
            return Head(frame.end - 1, frame.chain, head.epoch), conflict

        self._owner.post(append, self._landed)

    def _frame(self) -> tuple[Group, Frame]:
        group, self._gathering = self._gathering, Group()
        body = group.fit(self._codec, self._gathering)
        head = self.head
        first = group.decisions[0].recorded[0][0].position
        committed_at = group.decisions[-1].stamp.recorded_at
        frame = Frame.make(head.chain, first, group.events, committed_at, head.epoch, body)
        return group, frame

    def _landed(self, answer: outcome.Outcome[tuple[Head, Conflict | None]]) -> None:
        """A frame is on disk, or is not; called between two steps of trio."""
        group, self._flight = self._flight, None
        if group is None or self.failure is not None:
            return
        try:
            head, conflict = answer.unwrap()
            if conflict is not None:
                self.fenced = True
                what = f"another writer stored up to position {conflict.head.position}"
                raise StoreError("log", what, "let one process write this log")
        except CckitError as error:
            self._flight = group
            self._poison(error)
        except Exception as error:  # noqa: BLE001 - raised by run, where trio can report it
            self._flight = group
            self._crash = error
        else:
            self._stored(group, head)
        if self._gathering.decisions or self.closing or not self._alone or not self._sound():
            self._bell.ring()  # Else there is nothing for run to do.

    def _stored(self, group: Group, head: Head) -> None:
        self.head = head
        try:
            self._publish(group)
        except Exception as error:  # noqa: BLE001 - raised by run, where trio can report it
            # Whatever a listener raises says nothing of the store.
            self._flight = group
            self._crash = error

    def _sound(self) -> bool:
        return self.failure is None and self._crash is None

    def _publish(self, group: Group) -> None:
        decisions = group.decisions
        if len(decisions) == 1:
            batch = list(decisions[0].recorded)
        else:
            batch = [one for decision in decisions for one in decision.recorded]
        self._feed.push(batch)
        self.requests.keep(batch[-1][0].recorded_at, self._feed.durable, group.keys)
        for listener in self.listeners:
            listener(batch)
        reschedule, value = trio.lowlevel.reschedule, outcome.Value
        for waiter in group.waiting:
            if waiter.task is not None:
                reschedule(waiter.task, value(None))
        self._alone = len(group.waiting) < 2
        self._woken = not self._alone
        self._feed.wake()

    def _poison(self, error: CckitError) -> None:
        """The store failed: nobody knows what of the flight is stored."""
        self.failure = error
        unknown = Unknown(error.where, error.what, "repeat the request when the log is open again")
        flight, self._flight = self._flight, None
        waiting = (flight.waiting if flight is not None else []) + self._gathering.waiting
        self._gathering = Group()
        for waiter in waiting:
            waiter.reply = unknown
            if waiter.task is not None:
                trio.lowlevel.reschedule(waiter.task)
        self._feed.close(error)


def mark_of(head: Head) -> Mark:
    """What of the log is durable, as its keys remember it."""
    return NOTHING if head.position is None else Mark(head.position, head.chain)


def _ours(error: Exception, command: type) -> InvariantBroken | MachineFailed:
    """Of a command that nobody sent, a value that does not fit is our bug too."""
    if isinstance(error, InvariantBroken | MachineFailed):
        return error
    return InvariantBroken("event", command.__name__, str(error))


def _nothing(_: int) -> None:
    return None
