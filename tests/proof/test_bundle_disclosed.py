"""``cckit bundle --disclose``: an auditor reads a sealed value, and the log says who showed it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trio

from cckit import Config, QueueSettings, Stored, open_center
from cckit.cli.logs import events, new_codec, open_log
from cckit.cli.main import main
from cckit.core import facts as f
from cckit.core.commands import Deflect, ReportArrived
from cckit.core.ids import ContactId, SubjectId
from cckit.hooks.signing import Signer
from cckit.shell.proof.signers import write_signers
from tests.command import Done, Run
from tests.proof.small_log import members

NUMBER, OTHER, LINE = "+972541234567", "+972549999999", "100"


class Called(NamedTuple):
    """A folder with day.db, which a checkpoint covers; two people called, and are gone."""

    folder: Path
    key: str
    contact: ContactId
    who: SubjectId
    other: ContactId

    @property
    def log(self) -> Path:
        return self.folder / "day.db"


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Called:
    folder = tmp_path_factory.mktemp("called")
    log, signer = folder / "day.db", Signer("center", 1, bytes(range(32)))

    async def day() -> list[Any]:
        called: list[Any] = []
        async with open_center(Config(queues={"help": QueueSettings()}), log=log) as center:
            for number in (NUMBER, OTHER):
                arrived = await center.do(ReportArrived("voice", from_=number, to=LINE))
                assert isinstance(arrived, Stored)
                assert isinstance(await center.do(Deflect(arrived.contact)), Stored)
                called += [arrived.contact, arrived.fact(f.ContactCreated).subject]
        return called

    contact, who, other, _ = trio.run(day)
    write_signers(folder / "day.key", [signer], new=True)
    assert main(["checkpoint", str(log), "--key", str(folder / "day.key")]) == 0
    return Called(folder, signer.vkey.text(), contact, who, other)


@pytest.fixture
def called(master: Called, tmp_path: Path) -> Iterator[Called]:
    """A copy of its own for each test."""
    folder = shutil.copytree(master.folder, tmp_path / "called")
    yield master._replace(folder=folder)


def granted(log: Path) -> list[Any]:
    store = open_log(log)
    try:
        kinds = (f.AccessGranted, f.AccessRefused)
        return [data for _, data in events(store, new_codec(), 0, kinds)]
    finally:
        store.close()


def asked(called: Called, *fields: str, contact: str | None = None) -> list[object]:
    """The command for a bundle of a contact that shows some fields."""
    found: list[object] = ["bundle", called.log, "--contact", contact or called.contact]
    for field in fields:
        found += ["--disclose", field]
    return [*found, "--purpose", "case 7", "--actor", "admin/dana"]


# --- what is shown --------------------------------------------------------------------------


def test_an_auditor_reads_what_was_sealed_and_the_log_says_who_showed_it(
    run: Run, called: Called, tmp_path: Path
) -> None:
    out = tmp_path / "b.zip"
    done = run(*asked(called, "from", "to"), "-o", out, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    [at] = {position for position, _ in told["disclosed"]}
    assert (told["disclosed"], told["erased"]) == ([[at, "from"], [at, "to"]], [])
    # Nothing but the two files: no package, no key file, no log.
    place = str(out.with_name("verify_bundle.py"))
    command = [sys.executable, "-I", "-S", place, str(out)]
    alone = subprocess.run(
        [*command, "--key", called.key, "--json"], capture_output=True, env={}, cwd="/"
    )
    assert alone.returncode == 0, alone.stderr
    report = json.loads(alone.stdout)
    assert report["verdict"] == "proved"
    shown = f"from at {at} is '{NUMBER}'; to at {at} is '{LINE}'"
    assert report["claims"]["contents"] == {"verdict": "proved", "what": shown}
    assert granted(called.log) == [
        f.AccessGranted(
            "dana",
            "Export",
            "cckit bundle",
            f"contact.created.{field}",
            f"contact/{called.contact}@0",
            "case 7",
        )
        for field in ("from", "to")
    ]
    assert out.stat().st_mode & 0o077 == 0, "only for whoever asked"
    assert NUMBER.encode() not in called.log.read_bytes()
    assert run("verify", called.log).code == 0


def test_the_ledger_is_behind_the_checkpoint_so_the_bundle_is_of_the_same_log(
    run: Run, called: Called, tmp_path: Path
) -> None:
    """Shown or not, all members but the opened values are the same bytes, each time."""
    sealed = tmp_path / "sealed.zip"
    assert run("bundle", called.log, "--contact", called.contact, "-o", sealed).code == 0
    assert granted(called.log) == []
    found = []
    for name in ("one.zip", "two.zip"):
        assert run(*asked(called, "from"), "-o", tmp_path / name).code == 0
        found.append((tmp_path / name).read_bytes())
    assert found[0] == found[1]
    shown = members(found[0])
    assert shown.pop("disclosed.json") != b"[]"
    closed = members(sealed.read_bytes())
    assert closed.pop("disclosed.json") == b"[]"
    assert shown == closed
    assert len(granted(called.log)) == 2


def test_only_the_fields_that_are_named_are_shown(run: Run, called: Called, tmp_path: Path) -> None:
    out = tmp_path / "b.zip"
    assert run(*asked(called, "to"), "-o", out).code == 0
    told = run("verify-bundle", out, "--key", called.key).out
    assert f"is '{LINE}'" in told
    assert NUMBER not in told
    [one] = granted(called.log)
    assert one.kind == "contact.created.to"


def test_of_some_positions_everybody_in_them_is_shown_and_in_the_ledger(
    run: Run, called: Called, tmp_path: Path
) -> None:
    size = json.loads(
        run(
            "bundle", called.log, "--contact", called.contact, "-o", tmp_path / "a.zip", "--json"
        ).out
    )["size"]
    out = tmp_path / "b.zip"
    question = ("--from", 0, "--to", size - 1, "--disclose", "from", "--purpose", "case 7")
    done = run("bundle", called.log, *question, "-o", out)
    assert done.code == 0, done.err
    told = run("verify-bundle", out, "--key", called.key).out
    assert f"is '{NUMBER}'" in told
    assert f"is '{OTHER}'" in told
    assert [one.object for one in granted(called.log)] == [
        f"contact/{contact}@0" for contact in (called.contact, called.other)
    ]


# --- what is not ----------------------------------------------------------------------------


def test_what_is_erased_is_named_as_erased_and_not_shown(
    run: Run, called: Called, tmp_path: Path
) -> None:
    assert run("subject", "erase", called.log, called.who, "--ground", "her wish").code == 0
    out = tmp_path / "b.zip"
    done = run(*asked(called, "from"), "-o", out)
    assert done.code == 0, done.err
    assert "erased, not disclosed: from at " in done.out
    assert members(out.read_bytes())["disclosed.json"] == b"[]"
    assert run("verify-bundle", out, "--key", called.key).code == 0
    told = run(*asked(called, "from"), "-o", tmp_path / "c.zip", "--json")
    shown = json.loads(told.out)
    assert ([field for _, field in shown["erased"]], shown["disclosed"]) == (["from"], [])
    other = run(*asked(called, "from", contact=called.other), "-o", tmp_path / "d.zip")
    assert f"is '{OTHER}'" in other.out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--disclose", "form", "--purpose", "x"), "'form' sealed\n  these are: from, to"),
        (("--disclose", "channel", "--purpose", "x"), "has 'channel' sealed"),
        (("--disclose", "from"), "what are the values shown for?"),
        (("--disclose", "from", "--purpose", " "), "an access without a purpose"),
        (("--disclose", "from", "--purpose", "x", "--actor", "dana"), "is nobody"),
        (("--purpose", "x"), "say which: --disclose FIELD"),
        (("--actor", "admin/dana"), "say which: --disclose FIELD"),
        (("--keys", "day.keys"), "say which: --disclose FIELD"),
    ],
)
def test_each_mistake_says_what_it_is_and_shows_nothing(
    run: Run, called: Called, tmp_path: Path, more: tuple[str, ...], words: str
) -> None:
    done = run("bundle", called.log, "--contact", called.contact, *more, "-o", tmp_path / "b.zip")
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["called"]
    assert granted(called.log) == []


def test_whoever_guards_the_center_guards_the_bundle(
    run: Run, tmp_path: Path, called: Called
) -> None:
    """A log whose configuration names the permissions, which let only root show anything."""
    log = tmp_path / "guarded.db"

    async def day() -> ContactId:
        settings: dict[str, dict[str, Any]] = {"permissions": {"first_admin": "root", "roles": {}}}
        config = Config(plugins=("permissions",), settings=settings)
        async with open_center(config, log=log) as center:
            arrived = await center.do(ReportArrived("voice", from_=NUMBER))
            assert isinstance(arrived, Stored)
            return arrived.contact

    contact = trio.run(day)
    assert run("checkpoint", log, "--key", called.folder / "day.key").code == 0
    question = ("--contact", contact, "--disclose", "from", "--purpose", "case 7")
    out = tmp_path / "b.zip"
    denied = run("bundle", log, *question, "--actor", "supervisor/ben", "-o", out)
    assert (denied.code, out.exists()) == (2, False)
    assert "'ben' may not Export" in denied.err
    [refusal] = granted(log)
    assert (type(refusal), refusal.actor, refusal.purpose) == (f.AccessRefused, "ben", "case 7")
    shown = run("bundle", log, *question, "--actor", "admin/root", "-o", out)
    assert (shown.code, f"is '{NUMBER}'" in shown.out) == (3, True), "and it is still open"


def test_a_log_that_a_center_has_open_shows_nothing(
    run: Run, called: Called, tmp_path: Path
) -> None:
    async def day() -> tuple[Done, Done]:
        async with open_center(Config(), log=called.log):
            sealed = ("bundle", called.log, "--contact", called.contact, "-o", tmp_path / "a.zip")
            shown = (*asked(called, "from"), "-o", tmp_path / "b.zip")
            in_thread = trio.to_thread.run_sync
            first = await in_thread(lambda: run(*sealed))
            return first, await in_thread(lambda: run(*shown))

    sealed, shown = trio.run(day)
    assert sealed.code == 0, sealed.err
    assert shown.code == 2
    assert "ask the center itself, or close it" in shown.err
    assert not (tmp_path / "b.zip").exists()


def test_without_the_key_file_nothing_is_shown(run: Run, called: Called, tmp_path: Path) -> None:
    for end in (".keys", ".kek"):
        called.log.with_suffix(end).rename(tmp_path / f"elsewhere{end}")
    out = tmp_path / "b.zip"
    done = run(*asked(called, "from"), "-o", out)
    assert (done.code, out.exists()) == (2, False)
    assert "day.keys is not there" in done.err.replace(": ", " ")
    assert not called.log.with_suffix(".keys").exists()
    done = run(*asked(called, "from"), "--keys", tmp_path / "elsewhere.keys", "-o", out)
    assert done.code == 0, done.err
    assert f"is '{NUMBER}'" in done.out
