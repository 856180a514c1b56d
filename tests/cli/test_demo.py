"""``cckit demo``: the same seed, the same morning; what it shows can be had from its log."""

import importlib
import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from cckit.cli.wallboard import Board
from cckit.core.instant import MINUTE
from cckit.core.reports import Wallboard
from cckit.core.reports.now import QueueNow
from cckit.shell.zones import read_zone

from .conftest import Run

demo = importlib.import_module("cckit.cli.demo")


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "kept"


def test_it_tells_all_that_can_be_asked_of_a_log(run: Run, kept: Path) -> None:
    done = run("demo", "--no-live", "--out", kept)
    assert done.code == 0
    for said in (
        "customers came",
        "sl.answered",
        "Why one caller went to one agent",
        "yes: ",
        "the same bytes",
    ):
        assert said in done.out
    names = {path.name.partition("-")[0] for path in kept.iterdir() if path.suffix != ".lock"}
    assert names == {"morning.db", "morning.html"}


def test_what_is_kept_is_a_log_like_any_other(run: Run, kept: Path) -> None:
    assert run("verify", kept / "morning.db", "--events").code == 0
    assert "<svg" in (kept / "morning.html").read_text("utf-8")


def test_the_seed_repeats_it_exactly(run: Run, kept: Path, tmp_path: Path) -> None:
    done = run("demo", "--json", "--seed", 7, "--out", tmp_path)
    assert done.code == 0
    found = done.json
    assert found["same"] is True
    assert found["report_sha256"] == found["rebuilt_sha256"]
    assert found["verify"]["ok"] is True
    first = run("verify", kept / "morning.db", "--json").json
    assert found["verify"] == first
    for name in ("morning.db", "morning.html"):
        assert (tmp_path / name).read_bytes() == (kept / name).read_bytes()


def test_nothing_is_written_over(run: Run, kept: Path) -> None:
    done = run("demo", "--no-live", "--out", kept)
    assert done.code == 2
    assert "morning.db: exists already" in done.err


def test_the_wallboard_shows_the_floor_as_the_morning_goes_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "sleep", lambda seconds: None)
    monkeypatch.setattr(demo, "STEP_US", 15 * MINUTE)
    screen = Console(file=io.StringIO(), force_terminal=True, width=100, height=40)
    play = demo._Play(tmp_path / "m.db", 7, read_zone("Asia/Jerusalem", "test"))
    morning = play.live(screen)
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.file.getvalue())  # type: ignore[attr-defined]
    assert morning.customers > 600
    for said in (
        "08:15:00",
        "12:00:00",
        "Monday",
        "billing",
        "english",
        "busy",
        "waiting",
        "chain",
    ):
        assert said in shown


def test_a_name_in_the_log_cannot_write_on_the_wallboard() -> None:
    zone = read_zone("UTC", "test")
    tile = QueueNow("\x1b[31mred", 1, 5, 0, 0, 0, 0, None)
    board = Wallboard(0, 0, "sl.offered@1", (tile,), {"ready": 1}, {})
    screen = Console(file=io.StringIO(), width=80)
    wall = Board(zone, "t")
    wall.latest.append("a\x1b[2Jb")
    screen.print(wall.picture(board, 0, bytes(32)))
    assert "\x1b" not in screen.file.getvalue()  # type: ignore[attr-defined]
