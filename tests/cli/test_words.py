"""Files as editors save them, and what mistakes are told."""

from pathlib import Path

import pytest

from cckit import Config

from .conftest import IMPORTS, STAFFING, TRAFFIC, Run

BOM = b"\xef\xbb\xbf"


def test_files_saved_with_a_mark_of_their_encoding_are_read(run: Run, tmp_path: Path) -> None:
    center = tmp_path / "CENTER.toml"
    center.write_bytes(BOM + b'[center]\nname = "demo"\n')
    assert Config.read(center).name == "demo"
    traffic, staffing, mapping = (tmp_path / f"{n}.toml" for n in ("t", "s", "m"))
    traffic.write_bytes(BOM + TRAFFIC.encode())
    staffing.write_bytes(BOM + STAFFING.encode())
    log = tmp_path / "simulated.db"
    assert run("simulate", traffic, "--staffing", staffing, "--log", log).code == 0
    mapping.write_bytes(BOM + (IMPORTS / "support.toml").read_bytes())
    calls = tmp_path / "calls.csv"
    calls.write_bytes((IMPORTS / "support.csv").read_text("utf-8").encode("cp1252"))
    done = run("import", "calls", calls, "--mapping", mapping, "--log", tmp_path / "imported.db")
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("group", "members"),
    [
        ("import", ("calls", "frames")),
        ("keys", ("new", "rotate", "show")),
        ("subject", ("erase", "export", "find", "hold")),
    ],
)
def test_help_says_of_each_command_what_it_does(
    run: Run, group: str, members: tuple[str, ...]
) -> None:
    lines = [line.strip("│ ").split() for line in run(group, "--help").out.splitlines()]
    told = {words[0]: words[1:] for words in lines if words and words[0] in members}
    assert sorted(told) == sorted(members)
    assert all(len(words) > 3 for words in told.values()), told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("explain", "LOG", "--contact", "a", "--offer", "1"), "are two questions"),
        (("explain", "LOG"), "one of --contact ID and --offer ID is needed"),
        (("explain", "LOG", "--offer", "9223372036854775808"), "is too large"),
        (("replay", "LOG", "--at", "99999999999999999999999999"), "is too large"),
        (("replay", "LOG", "--at", "1.5"), "is not a whole number"),
        (("demo", "--seed", "9" * 5000), "is too large"),
        (("verify", ""), "one of its arguments is empty"),
        (("bench", "--folder", "/nowhere/at/all"), "--folder /nowhere/at/all: is no folder"),
    ],
)
def test_a_mistake_is_called_by_its_name(
    run: Run, simulated: Path, words: tuple[str, ...], said: str
) -> None:
    done = run(*(simulated if word == "LOG" else word for word in words))
    assert done.code == 2
    assert said in " ".join(done.err.replace("│", " ").split())
    assert done.out == ""


def test_a_column_that_is_not_there_is_named_once(run: Run, files: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.toml"
    text = (files / "mapping.toml").read_text("utf-8")
    mapping.write_text(
        text.replace("[times]", "[times]\nnosuch = { since = 'epoch', unit = 's' }\n"), "utf-8"
    )
    done = run("import", "calls", files / "calls.csv", "--mapping", mapping, "--log", "none.db")
    assert done.code == 2
    assert "times.nosuch" in done.err
    assert "times.nosuch.nosuch" not in done.err
