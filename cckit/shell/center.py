"""A center: one log, one writer, and everything that lives around it.

::

    async with open_center("CENTER.toml", log="center.db") as center:
        reply = await center.do(command, actor=Actor("agent", "anna"), request="7")

All tasks of a center live in one nursery, which ends with the ``async with`` block:
closing decides nothing more, stores what was decided, and writes the clean end.
"""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import trio
from trio.lowlevel import wait_task_rescheduled

from cckit.core.commands import Command, Erase
from cckit.core.edges import check_sender
from cckit.core.errors import Refused, UsageError
from cckit.core.events import SYSTEM, Actor, Draft, Recorded
from cckit.core.facts import SubjectErased
from cckit.core.floor import Floor
from cckit.core.ids import Stream, SubjectId, subject_stream
from cckit.core.instant import Instant
from cckit.core.projection import AnyProjection
from cckit.core.retention import Rule
from cckit.core.verify import Verdict
from cckit.hooks.vault import Salted

from .admission import Admission
from .channels import run_channel
from .feed import Batch, Subscription
from .followers import Follower
from .life import Parts
from .logs.moving import back_up_beside
from .people import is_personal
from .people.access import Access
from .people.disclosing import Disclosure, disclose
from .people.retention import Retention
from .proof.pinning import Pinner, pin_daily
from .replies import Reply
from .requests import Known


class Center:
    """An open center. Made by ``open_center``.

    .. versionadded:: 0.1
    """

    def __init__(
        self, parts: Parts, retention: Sequence[Rule] = (), zone: str | None = None
    ) -> None:
        self._followers: list[Follower[Any]] = []
        self._zone = zone
        self._retention = retention
        self._take(parts)

    def _take(self, parts: Parts) -> None:
        """Stand on these parts, the first time or after the log was opened again."""
        self._parts = parts
        self._writer = parts.writer
        self._feed = parts.feed
        self._archive = parts.archive
        self._admission = Admission(parts)
        self._access = Access(parts.writer, parts.people, parts.codec)
        for follower in self._followers:
            if follower.go_on(parts.feed):
                parts.run_soon(follower.run)
        for port in parts.ports:
            port.do = self.do
            parts.run_soon(partial(run_channel, port, parts.writer))
        if self._retention:
            keeper = Retention(
                self._retention, self.do, lambda: self.state.holds, parts.feed, parts.clock,
                parts.archive, parts.writer.say,
            )  # fmt: skip
            parts.run_soon(keeper.run)

        projections = parts.loaded.projections
        rest = (parts.codec, parts.archive, parts.feed, parts.writer)
        self._pinner = Pinner(projections, *rest)
        if self._zone is not None:
            place = (parts.archive, parts.clock, self._zone, parts.writer)
            parts.run_soon(partial(pin_daily, self._pinner, *place))

    # --- writing --------------------------------------------------------------------------

    async def do(
        self,
        command: Command | Any,
        *,
        actor: Actor = SYSTEM,
        request: str | None = None,
        occurred_at: Instant | None = None,
    ) -> Reply:
        """Have a command carried out; returns when what it led to is durable.

        ``request`` makes it safe to repeat: the same actor, id and command get the first
        reply, another command under the id is refused (``request.id_reused``). Cancelled,
        it may still be stored. ``occurred_at`` is the source's clock.

        :raises StoreError: the store failed before; reopen the log.
        :raises UsageError: the center is closed.
        """
        writer = self._writer
        writer.check_open()
        refused = self._admission.at_once(command, actor, request, occurred_at)
        if refused is not None:
            await trio.lowlevel.checkpoint()
            return refused
        people = self._parts.people
        try:
            if not people.is_ready and is_personal(command):
                await people.ready()
                writer.check_open()
            command = people.known(command)
            digest: bytes | None = None
            if request is not None:
                digest = writer.requests.request(actor, request, people.digested(command))
                known = await self._known(digest)
                if known is not None:
                    return await writer.repeat(known, digest)
            refused = await self._admission.by_the_log(command)
            if refused is not None:
                return refused
            act = partial(writer.act, actor=actor, request=digest, occurred_at=occurred_at)
            reply = people.carry_out(command, act)
        except UsageError as error:
            if not writer.accepts():
                raise
            reply = Refused("command.unusable", error.where, error.what, error.remedy)
        if type(command) is Erase and isinstance(reply, Refused):
            self._parts.erasing.refused(command, actor, reply)
        return await writer.durable(reply)

    async def erased(self, subject: SubjectId) -> SubjectErased | None:
        """Wait until the erasure of somebody, if one has begun, is done; what it came to.

        ``do(Erase(…))`` returns when it is durable that it has begun, and from then on
        nobody opens anything of theirs. None if nothing was erased under this id since the
        center opened.

        :raises StoreError: the keys can't be destroyed now; it is tried again each minute.
        """
        return await self._parts.erasing.settled(subject_stream(subject))

    async def record(
        self,
        *drafts: Draft,
        actor: Actor = SYSTEM,
        request: str | None = None,
        occurred_at: Instant | None = None,
    ) -> Reply:
        """Store ready facts, all or nothing; returns when they are durable.

        For an embedder's own events: the floor decides nothing here, though it evolves.

        :raises UsageError: a value that does not fit its event; nothing is stored.
        :raises StoreError: the store failed before; reopen the log.
        """
        writer = self._writer
        writer.check_open()
        refused = check_sender(actor, request, occurred_at) or writer.overloaded()
        if refused is not None:
            await trio.lowlevel.checkpoint()
            return refused
        digest: bytes | None = None
        # What does not fit is refused here, before memory is ahead of the log.
        encoded = self._parts.codec.encoded(drafts)
        if not encoded and drafts:
            people = self._parts.people
            refused = people.unsealable(drafts)
            if refused is not None:
                await trio.lowlevel.checkpoint()
                return refused
            if not people.is_ready and people.has_clear(drafts):
                await people.ready()
                writer.check_open()
        if request is not None:
            requests = writer.requests
            digest = requests.key(actor, request) + requests.drafts_digest(drafts, encoded)
            known = requests.find(digest)
            if known is None and requests.others:
                known = await self._known(digest)
            if known is not None:
                return await writer.repeat(known, digest)
        reply = writer.record(
            drafts, actor, request=digest, occurred_at=occurred_at, encoded=encoded
        )
        waiter = writer.waiter(reply)
        if waiter is None:
            await trio.lowlevel.checkpoint()
            return reply
        # What ``durable`` does, without a coroutine more: this is the way of every event.
        await wait_task_rescheduled(waiter.abort)
        return waiter.reply

    async def pin(self) -> Reply:
        """Write what everything has come to: ``ledger.counted`` and ``projection.pinned``.

        A center does so by itself after each civil day of its zone. It folds the log from
        zero beside the floor, and returns when the facts are durable.

        :raises StoreError: the log can't be read, or the store failed before.
        :raises UsageError: the center is closed.

        .. versionadded:: 0.2
        """
        return await self._pinner.pin()

    async def _known(self, request: bytes) -> Known | None:
        requests = self._writer.requests
        known = requests.find(request)
        if known is None and requests.others:
            known = await self._archive.request(request[:16])
            # Meanwhile the same request may have been decided.
            known = requests.find(request) or known
            self._writer.check_open()
        return known

    # --- reading --------------------------------------------------------------------------

    @property
    def state(self) -> Floor:
        """The floor as decided so far, durable or not. Read it, never write it."""
        return self._writer.engine.floor

    @property
    def position(self) -> int:
        """The first position that is not durable yet."""
        return self._feed.durable

    @property
    def projections(self) -> tuple[AnyProjection, ...]:
        """What the plugins register."""
        return self._parts.loaded.projections

    @property
    def now(self) -> Instant:
        """The instant that a decision made now would bear."""
        return self._parts.clock.now()

    def subscribe(
        self, from_position: int | None = None, types: Sequence[type] | None = None
    ) -> Subscription:
        """Durable events as they come, as batches in order, for ever.

        From a position, or from now on. Who is slow misses nothing and holds nobody up:
        what is no longer in memory is read from the log.
        """
        start = self._feed.durable if from_position is None else from_position
        return Subscription(self._feed, start, None if types is None else tuple(types))

    def read(
        self,
        from_position: int = 0,
        until: int | None = None,
        *,
        stream: Stream | None = None,
        types: Sequence[type] | None = None,
        from_at: Instant | None = None,
        until_at: Instant | None = None,
    ) -> AsyncIterator[Batch]:
        """What is durable now, as batches in order: a part of the log, and no more.

        ``from_position <= position < until`` and ``from_at <= recorded_at < until_at``.
        """
        durable = self._feed.durable
        end = durable if until is None else min(until, durable)
        wanted = None if types is None else tuple(types)
        if stream is None and from_at is None and until_at is None:
            return Subscription(self._feed, from_position, wanted, until=end)
        return self._read_indexed((from_position, end), stream, wanted, from_at, until_at)

    async def _read_indexed(
        self,
        span: tuple[int, int],
        stream: Stream | None,
        types: tuple[type, ...] | None,
        from_at: Instant | None,
        until_at: Instant | None,
    ) -> AsyncIterator[Batch]:
        found = await self._archive.positions(stream, None, from_at, until_at)
        wanted = [position for position in found if span[0] <= position < span[1]]
        async for batch in self._archive.at(wanted, types):
            yield batch

    async def back_up(self, to: str | Path) -> Verdict:
        """Copy the log, up to what is durable now, while the center works on.

        The copy is whole and closed, or not there. Keys are not copied. Cancelled, it
        leaves nothing.

        :raises StoreError: there is a file at ``to`` already, the log is not whole, or a
            disk failed.
        """
        reader, clock = self._archive.reader, self._parts.clock
        return await back_up_beside(reader, to, virtual=clock.virtual)

    async def follow(self, projection: AnyProjection) -> Follower[Any]:
        """Keep a projection up to date until the center closes; it has caught up."""
        follower: Follower[Any] = Follower(projection, self._feed)
        self._followers.append(follower)
        self._parts.run_soon(follower.run)
        await follower.reach(self._feed.durable)
        return follower

    # --- what is personal -----------------------------------------------------------------

    async def unmask(
        self, recorded: Recorded[Any], *, actor: Actor, purpose: str, component: str = "center"
    ) -> Any:
        """An event's data with its personal values in clear, or ``Refused``.

        Asks authorize for ``Unmask``. ``access.granted`` is durable before this returns;
        a denial is stored as ``access.refused``. What is erased, or is about to be, is
        None. An event with nothing sealed is answered as it is, and nothing is written.
        ``component`` is the program that shows it.

        :raises StoreError: the store failed, so nothing is shown.
        :raises UsageError: the center is closed, or has no key file.

        .. versionadded:: 0.2
        """
        access = self._access
        return await access.unmask(recorded, actor=actor, purpose=purpose, component=component)

    async def reveal(
        self,
        values: Sequence[tuple[Recorded[Any], str]],
        *,
        actor: Actor,
        purpose: str,
        component: str = "center",
    ) -> tuple[Salted | None, ...] | Refused:
        """Values with the salts they were sealed with, for whoever has the digests only.

        Asks authorize for ``Export`` of each. An ``access.granted`` of each is durable
        before the first is opened; where one is denied none is. What is erased, or is
        about to be, is None. In the order of ``values``: events, each with the name of a field
        as the log declares it, such as ``from``.

        :raises StoreError: the store failed, so nothing is shown.
        :raises UsageError: the center is closed, has no key file, or one of them is not
            sealed.

        .. versionadded:: 0.2
        """
        access = self._access
        return await access.reveal(values, actor=actor, purpose=purpose, component=component)

    async def grant(
        self,
        action: str,
        object: str,
        *,
        kind: str,
        actor: Actor,
        purpose: str,
        component: str = "center",
    ) -> Reply:
        """Ask whether somebody may see, hear or take away something, and write it down.

        For what lies outside of the log: call it before the first byte of a recording is
        played (``Listen``), of a replay (``Replay``), of an export (``Export``); go on only
        with ``Stored``. ``object`` is a stream such as ``contact/ID``, ``kind`` what it is
        of it: ``recording``, ``transcript`` …

        :raises StoreError: the store failed before; reopen the log.
        :raises UsageError: the center is closed, or words that no event can hold.

        .. versionadded:: 0.2
        """
        return await self._access.ask(
            action, object, kind=kind, actor=actor, purpose=purpose, component=component
        )

    async def disclose(
        self,
        subject: SubjectId,
        *,
        actor: Actor,
        purpose: str,
        how: str = "access",
        component: str = "center",
    ) -> Disclosure | Refused:
        """Everything about somebody, their personal values in clear; those of others are not.

        Asks authorize for ``Export``. ``access.granted`` and ``data.disclosed`` are durable
        before anything is opened. ``how`` is ``access`` or ``portability``. Refused are an
        unknown id (``subject.unknown``) and somebody erased (``subject.erased``).

        :raises StoreError: the store failed, so nothing is told.
        :raises UsageError: the center is closed, or has no key file.

        .. versionadded:: 0.2
        """
        return await disclose(
            self._access, self.read, subject,
            actor=actor, purpose=purpose, how=how, component=component,
        )  # fmt: skip

    async def find_subject(
        self, number: str, *, actor: Actor, purpose: str, component: str = "center"
    ) -> SubjectId | Refused:
        """Who has a number, by the key file; asks authorize for ``Find``.

        That somebody asked, and whom they found, is durable first; the number is not kept.
        One that nobody has, or has had until an erasure, is refused (``subject.unknown``).

        :raises StoreError: the store failed, so nothing is told.
        :raises UsageError: the center is closed, or has no key file.

        .. versionadded:: 0.2
        """
        access = self._access
        return await access.find(number, actor=actor, purpose=purpose, component=component)
