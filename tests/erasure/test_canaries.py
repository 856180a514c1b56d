"""Fifty people are erased: no file knows one of them, and every number is what it was."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio
from trio.testing import MockClock

from cckit import Center, Config, Draft, Stored, open_center
from cckit.cli.main import main
from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.codec import digest
from cckit.core.ids import AgentId, ContactId, QueueId, SubjectId, contact_stream
from cckit.core.instant import HOUR, Instant, instant_text
from cckit.core.reports import PROJECTIONS
from cckit.hooks.vault import subject_bytes
from cckit.shell.clock import VirtualClock
from cckit.shell.entropy import SeededEntropy
from cckit.shell.logs.folding import fold
from cckit.shell.proof.checking import verify_log
from cckit.stores.keks import KekFile
from cckit.stores.keys import Keys
from cckit.stores.sqlite import SqliteStore
from cckit.testing.center import START, deterministic, run_center
from cckit_callback.machine import CancelCallback, RequestCallback
from tests.erasure.canaries import AGENTS, Canary, Hit, canaries, needles, search

CONFIG = Config.parse("""
[center]
plugins = ["callback"]
[queues.help]
wrapup_us = 0
""")
PEOPLE = canaries()
TALKED = 4
"""So many of those who call are talked with, too."""
LATER = Instant(START + 7 * 24 * HOUR)
REPORTS = ("service-level", "queue-intervals", "agent-summary", "contacts")


class Center50(NamedTuple):
    """A center that all of them were in, its copies made, and what is secret about it."""

    folder: Path
    log: Path
    subjects: dict[SubjectId, Canary]
    secrets: dict[str, list[str | bytes]]
    size: int
    numbers: dict[str, str]
    """What reports and digests say."""


def run(*arguments: object) -> None:
    assert main([str(argument) for argument in arguments]) == 0, arguments


async def live(center: Center) -> dict[SubjectId, Canary]:
    """A day on which everybody works, calls or writes, and somebody answers."""
    subjects: dict[SubjectId, Canary] = {}
    for n, one in enumerate(PEOPLE):
        if one.works_here:
            agent = AgentId(f"agent-{n}")
            await center.do(
                c.SetProfile(agent, {}, {"voice": 100, "chat": 100}, 100, name=one.name)
            )
            reply = await center.do(c.LogIn(agent, ("voice", "chat"), device=one.device))
            subjects[SubjectId(reply.recorded[0][1].device.subject.hex())] = one
            await center.do(c.SetReady(agent))
    for n, one in enumerate(PEOPLE):
        if one.works_here:
            continue
        contact, chat = ContactId(f"call-{n}"), ContactId(f"chat-{n}")
        reply = await center.do(
            c.ReportArrived("voice", ref=f"r{n}", contact=contact, from_=one.number, to="100")
        )
        subject = reply.recorded[0][1].subject
        subjects[subject] = one
        await center.do(c.Enqueue(contact, QueueId("help")))
        await trio.sleep(20 + n)
        arrived = c.ReportArrived("chat", contact=chat, subject=subject, from_=one.name)
        await center.do(arrived)
        dialled = f.LegOrdered(reply.recorded[0][1].leg, "dial", address=one.number)
        await center.record(Draft(contact_stream(contact), dialled))
        # Nothing stays open: what would come of it later would change the numbers, too.
        for each in (contact, chat):
            leg = center.state.contacts[contact_stream(each)].leg
            await center.do(c.ReportCleared(leg))
    for n, one in list(enumerate(PEOPLE))[AGENTS : AGENTS + TALKED]:
        await talk(center, n, one)
    return subjects


async def talk(center: Center, n: int, one: Canary) -> None:
    """Everything else that commands can say of somebody, each field of it."""
    agent = AgentId("agent-0")
    for other in range(AGENTS):
        await good(center, c.SetNotReady(AgentId(f"agent-{other}"), "lunch"))
    await good(center, c.SetReady(agent))

    async def answered(channel: str) -> ContactId:
        contact = ContactId(f"{channel}-{n}-talks")
        await good(center, c.ReportArrived(channel, contact=contact, from_=one.number))
        reply = await good(center, c.Enqueue(contact, QueueId("help")))
        await good(center, c.ReportAlerting(reply.offer))
        await good(center, c.AcceptOffer(reply.offer))
        if channel == "voice":
            await good(center, c.ReportBridged(reply.offer))
        return contact

    async def left(contact: str) -> None:
        await good(center, c.ReportCleared(center.state.contacts[contact_stream(contact)].leg))

    chat = await answered("chat")
    await good(center, c.ReportMessage(chat, "1", body=f"I am {one.name}", files=(one.name,)))
    await good(center, c.Send(chat, f"Hello {one.name}"))
    await good(center, c.SetAttributes(chat, {"name": one.name, "phone": one.number}))
    moved = ContactId(f"moved-{n}")
    await good(center, c.MoveChannel(chat, "voice", to=one.number, new_contact=moved))
    await good(center, c.Cancel(moved))
    await left(chat)
    call = await answered("voice")
    await good(center, c.Consult(call, "external", one.number))
    await good(center, c.CancelConsult(call))
    await good(center, c.Transfer(call, "external", one.number))
    await left(call)
    dialed = (await good(center, c.Dial(agent, one.number))).fact(f.ContactCreated)
    await good(center, c.ReportCleared(dialed.leg, "busy"))
    await good(center, c.SetNotReady(agent, "lunch"))
    waits = ContactId(f"waits-{n}")
    await good(center, c.ReportArrived("voice", contact=waits, from_=one.number))
    await good(center, c.Enqueue(waits, QueueId("help")))
    await good(center, RequestCallback(contact_stream(waits), number=one.number))
    await good(center, CancelCallback(contact_stream(waits)))
    await left(waits)


async def good(center: Center, asked: Any) -> Stored:
    reply = await center.do(asked, request=str(center.position))
    assert isinstance(reply, Stored), reply
    return reply


def made(folder: Path) -> Center50:
    """The center after its day, with views, a snapshot, tiles, exports, reports, backups."""
    log = folder / "center.db"
    subjects = run_center(live, CONFIG, log=str(log))
    secrets: dict[str, list[str | bytes]] = {
        f"canary {n}": [value for value in one if value] for n, one in enumerate(PEOPLE)
    }
    store = SqliteStore.open(log, read_only=True)
    keys = Keys.open(log.with_suffix(".keys"), store.log_id, lambda size: bytes(size))
    for subject in subjects:
        secret = keys.find(subject_bytes(subject), 1)
        assert secret is not None
        secrets[f"key of {subject}"] = [secret]
    keys.close()
    size = (store.head().position or 0) + 1
    store.close()
    for number, kek in KekFile(log.with_suffix(".kek")).read().items():
        secrets[f"KEK {number}"] = [kek]
    (folder / "backup").mkdir()
    (folder / "keys of yesterday").mkdir()
    run("keys", "new", "center", "-o", folder / "signer")
    run("checkpoint", log, "--key", folder / "signer")
    run("prove", log, "--position", size - 1, "-o", folder / "last.tlog-proof")
    run(
        "backup", log, folder / "backup" / "center.db", "--keys", folder / "keys of yesterday" / "k"
    )
    for form in ("jsonl", "cloudevents", "frames"):
        run("export", log, "--format", form, "-o", folder / f"export.{form}")
    return Center50(folder, log, subjects, secrets, size, numbers(log, folder, size, "before"))


def numbers(log: Path, folder: Path, size: int, when: str) -> dict[str, str]:
    """The digest of every projection up to a position, and the bytes of every report."""
    store = SqliteStore.open(log, read_only=True)
    folded = fold(store, PROJECTIONS, at=size - 1)
    store.close()
    states, found = folded.folding.states, {}
    for projection in PROJECTIONS:
        found[projection.name] = digest(projection.dump(states[projection.name])).hex()
    until = instant_text(Instant(folded.source.as_of))
    for name in REPORTS:
        out = folder / f"{when}-{name}.csv"
        run("report", log, name, "--format", "csv", "--to", until, "--out", out)
        found[name] = out.read_text("utf-8")
    return found


def erase(fifty: Center50, meddle: Callable[[Center], Any] = lambda center: None) -> list[Hit]:
    """Erase them all; what is found while the center still runs."""

    async def errand() -> list[Hit]:
        clock, entropy = VirtualClock(LATER), SeededEntropy(1)
        # Quiet: what open offers and waits would come to meanwhile is not what we ask.
        async with open_center(
            CONFIG, log=fifty.log, clock=clock, entropy=entropy, quiet=True
        ) as center:
            meddle(center)
            for subject in fifty.subjects:
                await center.do(c.Erase(subject, "all of them asked"))
            for subject in fifty.subjects:
                done = await center.erased(subject)
                assert done is not None
                assert (done.keys, done.failures) == (1, {})
            return search(fifty.folder, fifty.secrets)

    with deterministic(1):
        return trio.run(errand, clock=MockClock(autojump_threshold=0))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Center50:
    return made(tmp_path_factory.mktemp("fifty"))


@pytest.fixture
def fifty(original: Center50, folder: Path) -> Center50:
    """The same center for each test, which may spoil it."""
    shutil.copytree(original.folder, folder, dirs_exist_ok=True)
    return original._replace(folder=folder, log=folder / original.log.name)


def test_nobody_of_fifty_is_found_in_any_file(
    fifty: Center50, publish: Callable[[str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    before = search(fifty.folder, fifty.secrets)
    assert {hit.file for hit in before} == {"center.kek"}, "only the KEK may be in clear, there"
    assert erase(fifty) == []
    assert search(fifty.folder, fifty.secrets) == []
    assert numbers(fifty.log, fifty.folder, fifty.size, "after") == fifty.numbers
    verdict = verify_log(fifty.log, events=True)
    assert verdict.ok, verdict.error
    run("checkpoint", fifty.log, "--key", fifty.folder / "signer")
    capsys.readouterr()
    run("keys", "show", fifty.folder / "signer", "--json")
    vkey = json.loads(capsys.readouterr().out)["keys"][0]["vkey"]
    run("check", fifty.folder / "last.tlog-proof", "--key", vkey)
    files = [path for path in fifty.folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    publish(
        f"erasure canaries: {len(fifty.subjects)} people, {len(fifty.secrets)} secrets in "
        f"{len(files)} files of {size:,} bytes: 0 hits; proofs, chain and reports as before"
    )


def test_the_numbers_would_show_it_if_somebody_were_missing(fifty: Center50) -> None:
    """The comparison of reports can fail: fewer events give other numbers."""
    fewer = numbers(fifty.log, fifty.folder, fifty.size // 2, "half")
    assert fewer != fifty.numbers


@pytest.mark.planted("E key survives in a backup")
def test_a_kek_that_is_kept_is_found_beside_the_backup_that_it_opens(
    fifty: Center50, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KekFile, "destroy", lambda self, number: None)
    erase(fifty)
    hits = search(fifty.folder, fifty.secrets)
    assert {(hit.file, hit.whose) for hit in hits} == {("center.kek", "KEK 1")}


@pytest.mark.planted("E plaintext in a view")
def test_a_name_that_a_view_keeps_is_found(fifty: Center50) -> None:
    whose = PEOPLE[17]

    def meddle(center: Center) -> None:
        chain = center._writer.head.chain
        position = fifty.size - 1

        def keep(views: Any) -> None:
            views.save_projection("crm.names", 1, position, chain, b"", whose.name.encode())

        center._parts.archive.post(keep)

    assert {hit.whose for hit in erase(fifty, meddle)} == {"canary 17"}
    hits = search(fifty.folder, fifty.secrets)
    assert {(hit.file, hit.whose) for hit in hits} == {("center.views", "canary 17")}


@pytest.mark.parametrize("n", range(0, len(PEOPLE), 7))
def test_the_search_finds_each_form_of_what_it_looks_for(tmp_path: Path, n: int) -> None:
    secret = PEOPLE[n].name
    secrets: Mapping[str, list[str | bytes]] = {"x": [secret, b"key of 32 bytes, more or less so"]}
    for value in secrets["x"]:
        for place, needle in enumerate(needles(value)):
            (tmp_path / "file").write_bytes(b"..." + needle + b"...")
            assert search(tmp_path, secrets), (place, needle)
