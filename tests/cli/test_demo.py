"""``cckit demo``: the same seed, the same morning; what it shows can be had from its log."""

from pathlib import Path

import pytest

from .conftest import Run


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
