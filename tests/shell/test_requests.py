"""A repeat gets the first reply, now and later; another body is refused."""

import trio
from trio.testing import MockClock, trio_test

from cckit import Actor, Config, Draft, Refused, Stored, open_center
from cckit.core import facts as f
from cckit.core.commands import LogIn, LogOut, ReportArrived, SetReady
from cckit.core.events import SYSTEM
from cckit.core.ids import CENTER, AgentId
from cckit.core.instant import MINUTE, Instant
from cckit.shell.requests import KEPT_US, Requests
from tests.shown import shown

ANNA = Actor("agent", "anna")
LOG_IN = LogIn(AgentId("anna"))


def test_a_request_is_told_by_actor_id_and_command() -> None:
    requests = Requests()
    one = requests.request(ANNA, "1", LOG_IN)
    assert len(one) == 24
    assert one == requests.request(ANNA, "1", LogIn(AgentId("anna")))
    assert one[:16] != requests.request(SYSTEM, "1", LOG_IN)[:16]
    assert one[:16] != requests.request(ANNA, "2", LOG_IN)[:16]
    other = requests.request(ANNA, "1", LogOut(AgentId("anna")))
    assert (one[:16], one[16:] == other[16:]) == (other[:16], False)


def test_ready_facts_are_told_by_stream_type_and_content() -> None:
    requests = Requests()
    granted = f.AccessGranted("a", "b", "c", "d", "e", "f")
    digests = {
        requests.drafts_digest([Draft(CENTER, granted)]),
        requests.drafts_digest([Draft("agent/a", granted)]),
        requests.drafts_digest([Draft(CENTER, f.AccessGranted("a", "b", "c", "d", "e", "g"))]),
        requests.drafts_digest([Draft(CENTER, f.AgentReady())]),
        requests.drafts_digest([Draft(CENTER, granted), Draft(CENTER, granted)]),
    }
    assert len(digests) == 5


def test_memory_forgets_after_ten_minutes_what_the_views_know() -> None:
    requests = Requests()
    for n in range(3):
        key = requests.add(bytes([n]) * 24, n)
        requests.keep(Instant(n * 5 * MINUTE), n + 1, [key])
    assert len(requests.known) == 3
    requests.keep(Instant(KEPT_US + 1), 4, [])
    assert len(requests.known) == 3  # The views are behind.
    requests.indexed = 1
    requests.keep(Instant(KEPT_US + 1), 4, [])
    assert sorted(requests.known) == [bytes([1]) * 16, bytes([2]) * 16]
    assert requests.others


@trio_test
async def test_a_repeat_gets_the_first_reply_and_stores_nothing(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        first = await center.do(LOG_IN, actor=ANNA, request="1")
        end = center.position
        again = await center.do(LOG_IN, actor=ANNA, request="1")
        assert again == first
        assert center.position == end


@trio_test
async def test_a_repeat_at_the_same_time_is_one_act(log, config) -> None:
    replies = []
    async with open_center(config, log=log.again()) as center:

        async def act() -> None:
            replies.append(await center.do(LOG_IN, actor=ANNA, request="1"))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(act)
    assert len(replies) == 5
    assert all(reply == replies[0] for reply in replies)


@trio_test
async def test_an_id_used_for_something_else_is_refused(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        await center.do(LOG_IN, actor=ANNA, request="1")
        end = center.position
        other = await center.do(LogOut(AgentId("anna")), actor=ANNA, request="1")
        assert isinstance(other, Refused)
        assert other.reason == "request.id_reused"
        assert center.position == end


@trio_test
async def test_a_refused_request_is_decided_anew(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        early = await center.do(SetReady(AgentId("anna")), actor=ANNA, request="1")
        assert isinstance(early, Refused)
        await center.do(LOG_IN, actor=ANNA)
        now = await center.do(SetReady(AgentId("anna")), actor=ANNA, request="1")
        assert isinstance(now, Stored)


@trio_test
async def test_a_repeat_after_a_reopening_gets_the_first_reply(log, config) -> None:
    async with open_center(config, log=log.again()) as center:
        first = await center.do(LOG_IN, actor=ANNA, request="1")
    async with open_center(config, log=log.again()) as center:
        again = await center.do(LOG_IN, actor=ANNA, request="1")
    assert [data for _, data in again.recorded] == [data for _, data in first.recorded]
    assert again.positions == first.positions


@trio_test
async def test_a_repeat_after_ten_minutes_is_found_in_the_views(
    log, virtual, autojump_clock: MockClock
) -> None:
    async with virtual(log=log.again()) as center:
        first = await center.do(LOG_IN, actor=ANNA, request="1")
        await trio.sleep(601)
        for n in range(3):  # The views follow, then memory forgets.
            await center.do(SetReady(AgentId("nobody")))
            await center.record(Draft(CENTER, f.AccessGranted("a", "b", "c", "d", "e", str(n))))
        assert first.recorded[0][0].request[:16] not in center._writer.requests.known
        again = await center.do(LOG_IN, actor=ANNA, request="1")
        assert again.positions == first.positions
        other = await center.do(LogOut(AgentId("anna")), actor=ANNA, request="1")
        assert isinstance(other, Refused)
        assert other.reason == "request.id_reused"


@trio_test
async def test_a_number_is_not_in_the_digest_of_its_request() -> None:
    """Eight bytes of a hash over a phone number would be as good as the number."""
    async with open_center(Config()) as center:
        arrived = ReportArrived("voice", from_="+972500000")
        reply = await center.do(arrived, actor=SYSTEM, request="1")
        plain = Requests().request(SYSTEM, "1", arrived)
        assert reply.recorded[0][0].request[16:] != plain[16:]
        again = await center.do(arrived, actor=SYSTEM, request="1")
        assert again.positions == reply.positions


@trio_test
async def test_a_repeat_of_who_hides_the_number_gets_the_first_reply(log, config) -> None:
    hidden = ReportArrived("voice", to="100")
    async with open_center(config, log=log.again()) as center:
        first = await center.do(hidden, actor=ANNA, request="1")
        assert isinstance(first, Stored)
        assert await center.do(hidden, actor=ANNA, request="1") == first
    async with open_center(config, log=log.again()) as center:
        again = await center.do(hidden, actor=ANNA, request="1")
        assert isinstance(again, Stored)
        assert again.positions == first.positions


@trio_test
async def test_a_repeat_of_a_number_gets_the_first_reply_after_a_reopening(log, config) -> None:
    arrived = ReportArrived("voice", from_="+972500000")
    async with open_center(config, log=log.again()) as center:
        first = await center.do(arrived, actor=ANNA, request="1")
    async with open_center(config, log=log.again()) as center:
        again = await center.do(arrived, actor=ANNA, request="1")
        assert again.positions == first.positions
        assert (await shown(center, again.recorded[0])).from_ == "+972500000"


@trio_test
async def test_one_new_number_at_the_same_time_is_one_person(log, config) -> None:
    replies = []
    async with open_center(config, log=log.again()) as center:
        center._writer.requests.others = True  # So each waits for the views.

        async def arrive(n: int) -> None:
            command = ReportArrived("voice", from_="+972500000")
            replies.append(await center.do(command, actor=ANNA, request=str(n % 2)))

        async with trio.open_nursery() as nursery:
            for n in range(6):
                nursery.start_soon(arrive, n)
        made = [r async for b in center.read(types=(f.SubjectKeyMade,)) for r in b]
    assert all(isinstance(reply, Stored) for reply in replies)
    assert len({reply.contact for reply in replies}) == 2
    assert len({reply.fact(f.ContactCreated).subject for reply in replies}) == 1
    assert len(made) == 1
