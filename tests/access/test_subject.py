"""``cckit subject``: told, kept, erased, and each mistake says what it is."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import trio

from cckit import Center, Config, QueueSettings, Stored, open_center
from cckit.cli.logs import events, new_codec, open_log
from cckit.core import facts as f
from cckit.core.ask import Verdict
from cckit.core.commands import Deflect, Enqueue, ReportArrived
from cckit.core.events import Actor
from cckit.core.ids import QueueId
from cckit.hooks import PolicyHooks, RegisterHooks, hookimpl
from cckit.shell.clock import SystemClock

from .conftest import NUMBER, OTHER, Logged, Run

NOBODY = "0" * 32


def facts(log: Path, *kinds: type) -> list[Any]:
    store = open_log(log)
    try:
        return [data for _, data in events(store, new_codec(), 0, kinds)]
    finally:
        store.close()


def test_find_tells_who_has_a_number_and_writes_that_it_was_asked(run: Run, logged: Logged) -> None:
    found = run(
        "subject", "find", logged.path, "--number", NUMBER, "--actor", "admin/dana", "--json"
    )
    assert found.json == {"subject": logged.who}
    assert run("subject", "find", logged.path, "--number", OTHER).out.strip() == logged.other
    first, second = facts(logged.path, f.AccessGranted)
    assert (first.actor, first.action) == ("dana", "Find")
    assert first.object == f"subject/{logged.who}"
    assert second.component == "cckit subject"
    store = open_log(logged.path)
    try:
        asked = [e.actor.kind for e, _ in events(store, new_codec(), 0, (f.AccessGranted,))]
    finally:
        store.close()
    assert asked == ["admin", "admin"]
    assert NUMBER.encode() not in logged.path.read_bytes()


def test_a_number_that_nobody_has_is_refused_and_makes_nobody(run: Run, logged: Logged) -> None:
    none = run("subject", "find", logged.path, "--number", "+1")
    assert none.code == 2
    assert "nobody who has this number" in none.err
    assert run("subject", "find", logged.path, "--number", "+1").code == 2
    assert [one.object for one in facts(logged.path, f.AccessGranted)] == ["numbers", "numbers"]
    assert len(facts(logged.path, f.SubjectKeyMade)) == 2


def test_a_number_comes_from_standard_input_too(
    run: Run, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(f"{NUMBER}\n"))
    found = run("subject", "find", logged.path, "--number", "-", "--json")
    assert found.json == {"subject": logged.who}


def test_a_number_that_no_event_can_hold_is_refused(run: Run, logged: Logged) -> None:
    done = run("subject", "find", logged.path, "--number", "\udcff\udcfe")
    assert done.code == 2
    assert done.err.startswith("cckit: number: ")
    assert facts(logged.path, f.AccessGranted) == []


def test_an_export_has_all_of_one_person_and_nothing_of_others(
    run: Run, logged: Logged, tmp_path: Path
) -> None:
    out = tmp_path / "told.json"
    run("subject", "find", logged.path, "--number", NUMBER)
    done = run(
        *("subject", "export", logged.path, logged.who, "-o", out, "--json"),
        *("--actor", "admin/dana", "--purpose", "her letter of 3 May"),
    )
    assert done.code == 0, done.err
    document = json.loads(out.read_text("utf-8"))
    assert done.json["events"] == len(document["events"])
    assert document["form"] == "cckit-subject-export/1"
    assert document["told_by"] == {"kind": "admin", "id": "dana"}
    created = [one["data"] for one in document["events"] if one["type"] == "contact.created"]
    assert [one["from"] for one in created] == [NUMBER, NUMBER]
    assert len([s for s in document["streams"] if s.startswith("contact/")]) == 2
    assert f"subject/{logged.who}" in document["streams"]
    text = out.read_text("utf-8")
    assert OTHER not in text
    assert logged.other not in text
    found, access = document["accesses"]
    assert (found["action"], found["granted"]) == ("Find", True)
    assert (access["action"], access["granted"]) == ("Export", True)
    assert access["purpose"] == "her letter of 3 May"
    assert out.stat().st_mode & 0o077 == 0
    [told] = facts(logged.path, f.DataDisclosed)
    assert told == f.DataDisclosed(logged.who, "access", "her letter of 3 May")
    assert document["events"][-1]["position"] == document["position"]


def test_an_export_for_people_is_a_page_that_runs_nothing(run: Run, tmp_path: Path) -> None:
    log, evil = tmp_path / "center.db", "<script>alert(1)</script>"

    async def day() -> str:
        async with open_center(Config(), log=log) as center:
            arrived = await center.do(ReportArrived("voice", from_=evil, ref=evil))
            return str(arrived.fact(f.ContactCreated).subject)

    who = trio.run(day)
    out = tmp_path / "told.html"
    assert run("subject", "export", log, who, "-o", out, "--purpose", evil).code == 0
    page = out.read_text("utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page


def test_hold_forbids_an_erasure_until_it_is_lifted(run: Run, logged: Logged) -> None:
    held = run("subject", "hold", logged.path, logged.who, "--ground", "case 7", "--json")
    assert held.json["changed"] is True
    assert run("subject", "hold", logged.path, logged.who, "--ground", "case 7", "--json").json == {
        "scope": f"subject/{logged.who}",
        "on": True,
        "changed": False,
        "position": None,
    }
    refused = run("subject", "erase", logged.path, logged.who, "--ground", "her wish")
    assert refused.code == 2
    assert "under legal hold: case 7" in refused.err
    assert facts(logged.path, f.SubjectErased) == []
    assert run("subject", "hold", logged.path, logged.who, "--ground", "over", "--off").code == 0
    run("subject", "erase", logged.path, logged.who, "--ground", "her wish")
    assert len(facts(logged.path, f.SubjectErased)) == 1


def test_who_is_erased_can_be_neither_found_nor_told_nor_erased_again(
    run: Run, logged: Logged, tmp_path: Path
) -> None:
    done = run("subject", "erase", logged.path, logged.who, "--ground", "her wish", "--json")
    assert done.code == 0, done.err
    assert done.json["keys"] == 1
    assert "nobody who has" in run("subject", "find", logged.path, "--number", NUMBER).err
    out = tmp_path / "told.json"
    told = run("subject", "export", logged.path, logged.who, "-o", out)
    assert (told.code, out.exists()) == (2, False)
    assert "was erased at position" in told.err
    again = run("subject", "erase", logged.path, logged.who, "--ground", "her wish")
    assert again.code == 2
    assert "was erased at position" in again.err
    other = run("subject", "export", logged.path, logged.other, "-o", out, "--json")
    assert other.code == 0, other.err


def test_an_erasure_that_missed_a_place_says_no_and_can_be_done_again(
    run: Run, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[str] = []

    class Recordings:
        name = "recordings"

        async def erase(self, subject: str, ground: str) -> int:
            if not reached:
                reached.append(ground)
                raise OSError("the disk is gone")
            reached.append(ground)
            return 3

    class Plugin(RegisterHooks):
        @hookimpl
        def cckit_register_erasers(self) -> tuple[Recordings, ...]:
            return (Recordings(),)

    def opened(log: Path, keys: Path | None = None) -> open_center:
        return open_center(Config(), log=log, keys=keys, plugins={"p": Plugin()}, quiet=True)

    monkeypatch.setattr("cckit.cli.errands.open_errand", opened)
    command = ("subject", "erase", logged.path, logged.who, "--ground", "her wish")
    missed = run(*command)
    assert missed.code == 1
    assert "NOT reached" in missed.out
    again = run(*command, "--json")
    assert again.code == 0, again.err
    assert again.json["failures"] == {}
    assert reached == ["her wish", "her wish"]
    assert run(*command).code == 2


def test_an_errand_leaves_out_no_plugin_that_the_program_handed_in(
    run: Run, tmp_path: Path
) -> None:
    class Guard(PolicyHooks):
        @hookimpl
        def cckit_authorize(self, actor: Actor) -> Verdict:  # type: ignore[override]
            return Verdict(actor.id != "mallory", "no")

    log, out = tmp_path / "center.db", tmp_path / "told.json"

    async def day() -> str:
        async with open_center(Config(), log=log, plugins={"g": Guard()}) as center:
            arrived = await center.do(ReportArrived("voice", from_=NUMBER))
            assert isinstance(arrived, Stored)
            await center.do(Deflect(arrived.contact))
            return str(arrived.fact(f.ContactCreated).subject)

    who = trio.run(day)
    before = log.read_bytes()
    for words in (
        ("export", log, who, "-o", out, "--actor", "agent/mallory"),
        ("erase", log, who, "--ground", "her wish"),
    ):
        done = run("subject", *words)
        assert done.code == 2
        assert "its plugin g can't be loaded here" in done.err
        assert "ask the center itself, or install it" in done.err
    assert not out.exists()
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("export", NOBODY, "-o", "told.json"), "knows nobody under this id"),
        (("erase", NOBODY, "--ground", "x"), "knows nobody under this id"),
        (("hold", NOBODY, "--ground", "x"), "knows nobody under this id"),
        (("export", "anna", "-o", "told.json"), "is no id"),
        (("erase", "A" * 32, "--ground", "x"), "is no id"),
        (("hold", "queue", "--ground", "x"), "is no id"),
        (("export", NOBODY, "-o", "told.txt"), "says no form"),
        (("erase", NOBODY, "--ground", "x", "--actor", "dana"), "is nobody"),
        (("erase", NOBODY, "--ground", "x", "--actor", "process/x"), "is nobody"),
        (("erase", NOBODY, "--ground", "x", "--actor", "system/x"), "is nobody"),
        (("erase", NOBODY, "--ground", "x", "--actor", "adapter/x"), "is nobody"),
    ],
)
def test_each_mistake_says_what_it_is(
    run: Run, logged: Logged, command: tuple[str, ...], words: str
) -> None:
    name, *rest = command
    done = run("subject", name, logged.path, *rest)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert len(done.err.strip().splitlines()) >= 2


def test_without_the_key_file_nobody_is_known(run: Run, logged: Logged, tmp_path: Path) -> None:
    for end in (".keys", ".kek"):
        logged.path.with_suffix(end).rename(tmp_path / f"elsewhere{end}")
    for command in (
        ("find", "--number", NUMBER),
        ("export", logged.who, "-o", tmp_path / "a.json"),
    ):
        name, *rest = command
        done = run("subject", name, logged.path, *rest)
        assert done.code == 2
        assert "center.keys" in done.err
    assert not logged.path.with_suffix(".keys").exists()
    keys = ("--keys", tmp_path / "elsewhere.keys")
    assert run("subject", "find", logged.path, "--number", NUMBER, *keys).code == 0


def test_a_log_that_a_center_has_open_is_refused(run: Run, logged: Logged) -> None:
    async def main() -> Any:
        async with open_center(Config(), log=logged.path):
            return await trio.to_thread.run_sync(
                run, "subject", "find", logged.path, "--number", NUMBER
            )

    done = trio.run(main)
    assert done.code == 2
    assert "ask the center itself, or close it" in done.err
    missing = run("subject", "find", logged.path.with_name("no.db"), "--number", NUMBER)
    assert missing.code == 2


def test_an_errand_changes_no_configuration_and_puts_nobody_to_work(
    run: Run, logged: Logged
) -> None:
    before = facts(logged.path, f.ConfigApplied)
    run("subject", "find", logged.path, "--number", NUMBER)
    assert facts(logged.path, f.ConfigApplied) == before
    assert len(facts(logged.path, f.RunStarted)) == 2


def test_ten_thousand_events_are_told_within_a_minute(
    run: Run, tmp_path: Path, tier: Callable[..., int], publish: Callable[[str], None]
) -> None:
    """The minute is not asserted, for a test has no clock: it is printed."""
    log, wanted = tmp_path / "center.db", tier(200, 10_000, 10_000)

    async def days() -> str:
        config = Config(queues={"help": QueueSettings()})
        async with open_center(config, log=log) as center:
            who = ""
            while center.position < wanted:
                async with trio.open_nursery() as nursery:
                    for _ in range(64):
                        nursery.start_soon(one_call, center)
            async for batch in center.read(types=(f.ContactCreated,)):
                who = batch[-1][1].subject
            return who

    who, clock = trio.run(days), SystemClock()
    started = clock.ticks()
    done = run("subject", "export", log, who, "-o", tmp_path / "told.json", "--json")
    took_ms = (clock.ticks() - started) // 1000
    assert done.code == 0, done.err
    told = json.loads((tmp_path / "told.json").read_text("utf-8"))
    calls = [one for one in told["events"] if one["type"] == "contact.created"]
    assert {one["data"]["from"] for one in calls} == {NUMBER}
    publish(f"subject export: {done.json['events']} events in {took_ms} ms")


async def one_call(center: Center) -> None:
    arrived = await center.do(ReportArrived("voice", from_=NUMBER, to="100"))
    assert isinstance(arrived, Stored)
    await center.do(Enqueue(arrived.contact, QueueId("help")))
    await center.do(Deflect(arrived.contact))
