"""``cckit import calls``: the JSON that scripts rely on, and what bad input is told."""

from pathlib import Path

import pytest

from .conftest import Done, Run


def calls(run: Run, files: Path, out: Path, *more: object, **other: Path) -> Done:
    file = other.get("file", files / "calls.csv")
    mapping = other.get("mapping", files / "mapping.toml")
    return run("import", "calls", file, "--mapping", mapping, "--log", out, *more)


def test_the_counts_and_problems_are_json(run: Run, files: Path, tmp_path: Path) -> None:
    done = run(
        *("import", "calls", files / "calls.csv", "--mapping", files / "mapping.toml"),
        *("--log", tmp_path / "out.db", "--json"),
    )
    assert done.code == 0
    found = done.json
    assert sorted(found) == ["ignored", "imported", "problems", "refused", "rows"]
    assert [found[k] for k in ("rows", "imported", "ignored", "refused")] == [12, 6, 1, 5]
    assert found["problems"][0] == {
        "row": 6,
        "reason": "duplicate: the key A-1 is that of row 1",
    }
    assert done.err == ""


def test_people_are_told_what_was_wrong_by_kind(run: Run, files: Path, tmp_path: Path) -> None:
    code, out, _ = calls(run, files, tmp_path / "out.db")
    assert code == 0
    assert "12 rows: 6 imported, 1 ignored, 5 refused" in out
    assert "duplicate: row 6" in out
    assert "2 time: row 8, 9" in out


def test_values_that_match_nothing_are_said_and_nothing_imported_is_no_success(
    run: Run, files: Path, tmp_path: Path
) -> None:
    text = (files / "mapping.toml").read_text("utf-8")
    mapping = tmp_path / "m.toml"
    for word in ("ok", "gone", "full", "test"):
        text = text.replace(f"[outcome.values.{word}]", f"[outcome.values.{word}x]")
    mapping.write_text(text, "utf-8")
    code, out, _ = calls(run, files, tmp_path / "out.db", mapping=mapping)
    assert code == 1
    assert "0 imported" in out
    assert "outcome: 'ok' of column Result is not in the mapping: " in out


def test_a_log_that_exists_is_refused(run: Run, files: Path, imported: Path) -> None:
    before = imported.read_bytes()
    code, _, err = calls(run, files, imported)
    assert code == 2
    assert "imported.db: exists already" in err
    assert imported.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"Waited"', '"Wait"', "outcome.values.gone.ended: 'Wait' is not under [times]"),
        ('zone = "America/New_York"', 'zone = "Mars/Base"', "there is no zone 'Mars/Base'"),
        ('zone = "America/New_York"', 'zone = "../UTC"', "there is no zone '../UTC'"),
        ('id = "help-desk"', "id = help", "is no TOML: Invalid value (at line 2, column 6)"),
        ("Waited   =", "Wait     =", "no column 'Wait', which the mapping names at times.Wait"),
        ("[file]", "[filed]", "filed: is no key of this table"),
    ],
)
def test_a_mapping_that_is_wrong_is_named_by_key(
    run: Run, files: Path, tmp_path: Path, old: str, new: str, said: str
) -> None:
    text = (files / "mapping.toml").read_text("utf-8")
    assert old in text
    changed = text.replace(old, new)
    if "Wait     =" in new:
        changed = changed.replace('"Waited"', '"Wait"')
    mapping = tmp_path / "m.toml"
    mapping.write_text(changed, "utf-8")
    code, out, err = calls(run, files, tmp_path / "out.db", mapping=mapping)
    assert code == 2
    assert said in err
    assert out == ""
    assert not (tmp_path / "out.db").exists()


def test_a_file_that_is_no_text_is_refused_by_line(run: Run, files: Path, tmp_path: Path) -> None:
    file, mapping = tmp_path / "c.csv", tmp_path / "m.toml"
    text = (files / "mapping.toml").read_text("utf-8")
    mapping.write_text(text.replace('encoding = "cp1252"', 'encoding = "utf-8"'), "utf-8")
    file.write_bytes(b"Ticket\nA\nB\xff\n")
    code, _, err = calls(run, files, tmp_path / "out.db", file=file, mapping=mapping)
    assert code == 2
    assert "c.csv: line 3: byte 10 is not utf-8" in err


def test_a_mapping_that_is_no_text_is_refused_by_line(
    run: Run, files: Path, tmp_path: Path
) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_bytes(b'id = "a"\nzone = "\xff"\n')
    code, _, err = calls(run, files, tmp_path / "out.db", mapping=mapping)
    assert code == 2
    assert "m.toml: line 2: byte 17 is not UTF-8" in err


def test_files_that_are_not_there_are_named(run: Run, files: Path, tmp_path: Path) -> None:
    code, _, err = calls(run, files, tmp_path / "out.db", file=tmp_path / "none.csv")
    assert code == 2
    assert "none.csv: can't be read: No such file or directory" in err
    code, _, err = calls(run, files, tmp_path / "no" / "out.db")
    assert code == 2
    assert "out.db: can't be written: No such file or directory" in err


def test_an_option_that_is_missing_is_bad_input(run: Run, files: Path) -> None:
    done = run("import", "calls", files / "calls.csv")
    assert done.code == 2
    assert "--mapping" in done.err
