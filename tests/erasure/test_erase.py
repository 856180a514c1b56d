"""Somebody asks to be erased: nobody opens anything of theirs again, and the log says so."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, trio_test

from cckit import Actor, Center, Config, Draft, Refused, Stored, open_center
from cckit.core import facts as f
from cckit.core.commands import Erase, LogIn, ReportArrived, SetHold, SetProfile
from cckit.core.ids import AgentId, SubjectId, agent_stream, subject_stream
from cckit.hooks import Eraser, RegisterHooks, hookimpl
from cckit.hooks.vault import subject_bytes
from cckit.testing.center import run_center

GROUND = "letter of 2026-03-02, art. 17"
NUMBER = "+972-54-000-0001"
ADMIN = Actor("admin", "root")


@pytest.fixture
def config() -> Config:
    return Config.parse("[queues.help]\n[agents.anna]\n")


async def arrived(center: Center, number: str = NUMBER, **more: Any) -> tuple[SubjectId, Any]:
    """A call from a number: whose it is, and the recorded event."""
    reply = await center.do(ReportArrived("voice", from_=number, **more))
    assert isinstance(reply, Stored)
    created = next(one for one in reply.recorded if type(one[1]) is f.ContactCreated)
    return created[1].subject, created


def clear(center: Center, recorded: Any) -> Any:
    return center._parts.people.opened(recorded)


async def facts(center: Center, kind: type) -> list[Any]:
    return [data async for batch in center.read(types=(kind,)) for _, data in batch]


@trio_test
async def test_who_is_erased_is_read_by_nobody(tmp_path: Path, config: Config) -> None:
    async with open_center(config, log=tmp_path / "a.db") as center:
        subject, created = await arrived(center)
        other, kept = await arrived(center, "+972-54-000-0002")
        assert clear(center, created).from_ == NUMBER
        reply = await center.do(Erase(subject, GROUND), actor=ADMIN)
        assert isinstance(reply, Stored)
        assert [data for _, data in reply.recorded] == [f.SubjectErasureStarted(GROUND)]
        assert clear(center, created).from_ is None
        done = await center.erased(subject)
        assert done == f.SubjectErased(
            GROUND, 1, {"backups": 1, "keys": 1, "lookups": 1, "snapshots": 0, "views": 0}, {}
        )
        assert await facts(center, f.SubjectErased) == [done]
        assert clear(center, created).from_ is None
        assert clear(center, kept).from_ == "+972-54-000-0002"
        assert other != subject
    async with open_center(config, log=tmp_path / "a.db") as center:
        assert clear(center, created).from_ is None
        assert clear(center, kept).from_ == "+972-54-000-0002"
        assert await center.erased(subject) is None


@trio_test
async def test_the_erasure_names_what_began_it(config: Config) -> None:
    async with open_center(config) as center:
        subject, _ = await arrived(center)
        reply = await center.do(Erase(subject, GROUND), actor=ADMIN)
        await center.erased(subject)
        stream = subject_stream(subject)
        story = [one async for b in center.read(stream=stream) for one in b]
        assert [type(data) for _, data in story] == [
            f.SubjectKeyMade,
            f.SubjectErasureStarted,
            f.SubjectErased,
        ]
        assert [envelope.stream_version for envelope, _ in story] == [0, 1, 2]
        assert story[1][0].actor == ADMIN
        assert story[2][0].cause == reply.recorded[0][0].position
        assert center.state.erasing == {}


@trio_test
async def test_the_same_number_is_somebody_new(tmp_path: Path, config: Config) -> None:
    async with open_center(config, log=tmp_path / "a.db") as center:
        subject, _ = await arrived(center)
        await center.do(Erase(subject, GROUND))
        early, _ = await arrived(center)
        await center.erased(subject)
        late, created = await arrived(center)
        assert subject not in (early, late)
        assert early == late
        assert clear(center, created).from_ == NUMBER
    async with open_center(config, log=tmp_path / "a.db") as center:
        assert (await arrived(center))[0] == late


@trio_test
async def test_who_comes_back_under_the_same_id_gets_the_next_key(config: Config) -> None:
    async with open_center(config) as center:
        subject, created = await arrived(center)
        await center.do(Erase(subject, GROUND))
        await center.erased(subject)
        again, recorded = await arrived(center, subject=subject)
        assert again == subject
        assert recorded[1].from_.key == 2
        assert clear(center, recorded).from_ == NUMBER
        assert clear(center, created).from_ is None
        await center.do(Erase(subject, GROUND))
        await center.erased(subject)
        assert (await arrived(center, subject=subject))[1][1].from_.key == 3


@trio_test
async def test_what_is_said_of_somebody_erased_is_left_out(config: Config) -> None:
    async with open_center(config) as center:
        subject, _ = await arrived(center)
        await center.do(Erase(subject, GROUND))
        same, recorded = await arrived(center, subject=subject)
        assert (same, recorded[1].from_) == (subject, None)
        await center.erased(subject)


@trio_test
async def test_an_agent_is_a_person_too(config: Config) -> None:
    anna = AgentId("anna")
    async with open_center(config) as center:
        await center.do(SetProfile(anna, {}, name="Anna"))
        reply = await center.do(LogIn(anna, device="sip:anna"))
        logged_in = reply.recorded[0]
        assert clear(center, logged_in).device == "sip:anna"
        subject = SubjectId(logged_in[1].device.subject.hex())
        await center.do(Erase(subject, GROUND))
        await center.erased(subject)
        assert clear(center, logged_in).device is None
        reply = await center.do(SetProfile(anna, {"he": 1}, name="Anna"))
        profile = next(one for one in reply.recorded if type(one[1]) is f.AgentProfileSet)
        assert profile[0].stream == agent_stream(anna)
        assert clear(center, profile).name == "Anna"
        assert profile[1].name.subject != subject_bytes(subject)


@trio_test
async def test_somebody_whom_the_log_does_not_know_is_refused(config: Config) -> None:
    async with open_center(config) as center:
        end = center.position
        nobody = SubjectId(bytes(16).hex())
        for command in (Erase(nobody, GROUND), SetHold(f"subject/{nobody}", True, GROUND)):
            reply = await center.do(command)
            assert isinstance(reply, Refused)
            assert reply.reason == "subject.unknown"
        assert center.position == end


@trio_test
async def test_under_hold_nobody_is_erased_and_the_log_says_why(config: Config) -> None:
    async with open_center(config) as center:
        subject, created = await arrived(center)
        hold = SetHold(f"subject/{subject}", True, "court order 7")
        assert isinstance(await center.do(hold), Stored)
        reply = await center.do(Erase(subject, GROUND), actor=ADMIN)
        assert isinstance(reply, Refused)
        assert reply.reason == "subject.held"
        assert clear(center, created).from_ == NUMBER
        assert await facts(center, f.AccessRefused) == [
            f.AccessRefused(
                "root",
                "Erase",
                f"subject/{subject}",
                f"{GROUND}; is under legal hold: court order 7",
                1,
            )
        ]
        await center.do(SetHold(f"subject/{subject}", False, "order lifted"))
        assert isinstance(await center.do(Erase(subject, GROUND)), Stored)
        done = await center.erased(subject)
        assert done is not None and done.keys == 1


@trio_test
async def test_many_are_erased_by_one_exchange_of_the_kek(tmp_path: Path, config: Config) -> None:
    async with open_center(config, log=tmp_path / "a.db") as center:
        people = [(await arrived(center, str(n)))[0] for n in range(40)]
        async with trio.open_nursery() as nursery:
            for subject in people[1:]:
                nursery.start_soon(center.do, Erase(subject, GROUND))
        for subject in people[1:]:
            done = await center.erased(subject)
            assert done is not None and done.keys == 1
    number = int((tmp_path / "a.kek").read_text().split()[0])
    assert 2 <= number <= 5


# --- other places ---------------------------------------------------------------------------


class Notes:
    """A plugin that keeps something of people outside the log."""

    def __init__(self, name: str, answer: Any) -> None:
        self.name = name
        self.answer = answer
        self.asked: list[tuple[str, str]] = []

    async def erase(self, subject: SubjectId, ground: str) -> int:
        self.asked.append((subject, ground))
        await trio.lowlevel.checkpoint()
        if self.answer is None:
            await trio.sleep_forever()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


class Keeping(RegisterHooks):
    def __init__(self, *erasers: Eraser) -> None:
        self.erasers = erasers

    @hookimpl
    def cckit_register_erasers(self) -> Sequence[Eraser]:
        return self.erasers


@trio_test
async def test_hook_cckit_register_erasers(autojump_clock: MockClock) -> None:
    """Collected; each is called, and one that fails is named, and why by its type alone."""
    notes, crm = Notes("notes", 3), Notes("crm", RuntimeError(NUMBER))
    slow, wrong = Notes("slow", None), Notes("wrong", True)
    plugins = {"one": Keeping(notes, crm), "two": Keeping(slow, wrong)}
    async with open_center(Config.parse(""), plugins=plugins) as center:
        subject, _ = await arrived(center)
        await center.do(Erase(subject, GROUND))
        done = await center.erased(subject)
        assert done is not None
        assert done.coverage["notes"] == 3
        assert done.failures == {
            "crm": "RuntimeError",
            "slow": "TooSlowError",
            "wrong": "TypeError",
        }
        assert notes.asked == crm.asked == slow.asked == [(subject, GROUND)]
        assert {
            (one.plugin, one.hook, one.error) for one in await facts(center, f.PluginFailed)
        } == {
            ("one", "eraser crm", "RuntimeError"),
            ("two", "eraser slow", "TooSlowError"),
            ("two", "eraser wrong", "TypeError"),
        }
        crm.answer = 1
        await center.do(Erase(subject, GROUND))
        again = await center.erased(subject)
        assert again is not None and again.coverage["crm"] == 1


def test_an_eraser_that_hangs_keeps_no_center_shut(tmp_path: Path, config: Config) -> None:
    path = str(tmp_path / "a.db")

    async def begin(center: Center) -> SubjectId:
        subject, _ = await arrived(center)
        await center.do(Erase(subject, GROUND))
        return subject

    async def go_on(center: Center) -> tuple[float, float, f.SubjectErased | None]:
        opened = trio.current_time() - born[0]
        same, recorded = await arrived(center, subject=subject)
        assert (same, recorded[1].from_) == (subject, None)
        done = await center.erased(subject)
        return opened, trio.current_time() - born[0], done

    born: list[float] = []

    class Born(Keeping):
        @hookimpl
        def cckit_register_erasers(self) -> Sequence[Eraser]:
            born[:] = [trio.current_time()]
            return self.erasers

    hangs = {"one": Keeping(Notes("notes", None))}
    subject = run_center(begin, config, log=path, plugins=hangs)
    again = {"one": Born(Notes("notes", None), Notes("crm", None)), "two": Keeping(Notes("x", 1))}
    opened, ended, done = run_center(go_on, config, seed=1, log=path, plugins=again)
    assert done is not None
    assert (opened, round(ended)) == (0, 60)
    assert done.failures == {"crm": "TooSlowError", "notes": "TooSlowError"}
    assert (done.keys, done.coverage["x"]) == (1, 1)


def test_a_plugin_that_is_suspended_is_not_asked(config: Config) -> None:
    async def main(center: Center) -> tuple[float, list[f.SubjectErased | None]]:
        people = [(await arrived(center, str(n)))[0] for n in range(40)]
        started = trio.current_time()
        async with trio.open_nursery() as nursery:
            for subject in people:
                nursery.start_soon(center.do, Erase(subject, GROUND))
        done = [await center.erased(subject) for subject in people]
        return trio.current_time() - started, done

    slow, quick = Notes("slow", None), Notes("quick", 2)
    plugins = {"one": Keeping(slow), "two": Keeping(quick)}
    took, done = run_center(main, config, plugins=plugins)
    assert took < 3 * 60
    reasons = [one.failures["slow"] for one in done if one is not None]
    assert len(reasons) == 40
    assert reasons.count("TooSlowError") == len(slow.asked) <= 17
    assert reasons.count("suspended") == 40 - len(slow.asked)
    assert all(one is not None and one.coverage["quick"] == 2 for one in done)


# --- orders ---------------------------------------------------------------------------------


class Line:
    """A channel that is slow to take its first order."""

    name = "line"
    orders = (f.LegOrdered,)

    def __init__(self) -> None:
        self.busy, self.free = trio.Event(), trio.Event()
        self.taken: list[str] = []

    async def run(self, port: Any) -> None:
        await trio.sleep_forever()

    async def order(self, batch: Sequence[Any]) -> None:
        self.taken += [envelope.stream for envelope, _ in batch]
        self.busy.set()
        await self.free.wait()


class Switch(RegisterHooks):
    def __init__(self, line: Line) -> None:
        self.line = line

    @hookimpl
    def cckit_register_channels(self) -> Sequence[Any]:
        return (self.line,)


@trio_test
async def test_an_order_for_somebody_who_was_erased_meanwhile_fails(config: Config) -> None:
    line = Line()
    async with open_center(config, plugins={"switch": Switch(line)}) as center:
        _, first = await arrived(center, "1")
        subject, second = await arrived(center, "2")
        for created, number in ((first, "1"), (second, "2"), (first, "1")):
            dialled = f.LegOrdered(created[1].leg, "dial", address=number)
            await center.record(Draft(created[0].stream, dialled))
            await line.busy.wait()
        await center.do(Erase(subject, GROUND))
        await center.erased(subject)
        events = center.subscribe(types=(f.LegCleared,))
        line.free.set()
        batch = await anext(events)
        assert [data for _, data in batch] == [f.LegCleared(second[1].leg, "erased", "customer")]
        with trio.fail_after(60):
            while len(line.taken) < 2:  # The last order comes after the one that failed.
                await trio.lowlevel.checkpoint()
        assert line.taken == [first[0].stream, first[0].stream]
