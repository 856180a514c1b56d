"""``cckit simulate``: the same files and seed, the same bytes."""

from pathlib import Path

import pytest

from .conftest import Done, Run

SHIFT = 'agents = 1\nfrom = "08:10"\nto = "08:50"'


def simulate(run: Run, files: Path, out: Path, seed: int = 3, **other: Path) -> Done:
    traffic = other.get("traffic", files / "traffic.toml")
    staffing = other.get("staffing", files / "staffing.toml")
    return run("simulate", traffic, "--staffing", staffing, "--log", out, "--seed", seed)


def test_a_seed_gives_the_same_bytes_and_another_seed_others(
    run: Run, files: Path, simulated: Path, tmp_path: Path
) -> None:
    assert simulate(run, files, tmp_path / "a.db")[0] == 0
    assert (tmp_path / "a.db").read_bytes() == simulated.read_bytes()
    assert simulate(run, files, tmp_path / "b.db", 4)[0] == 0
    assert (tmp_path / "b.db").read_bytes() != simulated.read_bytes()


def test_what_came_out_is_json(run: Run, files: Path, tmp_path: Path) -> None:
    command = ("simulate", files / "traffic.toml", "--staffing", files / "staffing.toml")
    done = run(*command, "--log", tmp_path / "a.db", "--json")
    assert done.code == 0
    assert sorted(done.json) == ["arrived", "events", "from", "head", "log", "seed", "source", "to"]
    verified = run("verify", tmp_path / "a.db", "--json").json
    assert (done.json["head"], done.json["events"]) == (verified["head"], verified["events"])


def test_a_log_is_traffic_too(run: Run, files: Path, simulated: Path, tmp_path: Path) -> None:
    code, out, err = simulate(run, files, tmp_path / "a.db", traffic=simulated)
    assert code == 0, err
    assert "Kaplan-Meier" in out


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("traffic", "per_hour = 60", "per_hour = -1", "arrivals[0].per_hour"),
        ("traffic", "per_hour = 60", "per_hours = 60", "no such key 'per_hours'"),
        ("traffic", "Asia/Jerusalem", "Asia/Nowhere", "no zone 'Asia/Nowhere'"),
        ("traffic", 'queue = "service"', 'queue = "sales"', "queue 'sales'"),
        ("traffic", "hours = 1", "hours = ", "not TOML"),
        ("staffing", "agents = 2", 'agents = "two"', "shift[0].agents"),
        ("staffing", "agents = 2", "agents = 10000000000", "shift[0].agents"),
    ],
)
def test_bad_files_are_named_by_key_and_leave_nothing(
    run: Run, files: Path, tmp_path: Path, name: str, old: str, new: str, said: str
) -> None:
    text = (files / f"{name}.toml").read_text("utf-8")
    assert old in text
    changed = tmp_path / f"{name}.toml"
    changed.write_text(text.replace(old, new), "utf-8")
    code, _, err = simulate(run, files, tmp_path / "out.db", **{name: changed})
    assert code == 2
    assert said in err
    assert [path.name for path in tmp_path.iterdir()] == [changed.name]


def test_a_log_that_exists_is_refused(run: Run, files: Path, simulated: Path) -> None:
    code, _, err = simulate(run, files, simulated)
    assert code == 2
    assert "exists already" in err


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_out_of_range_is_refused(run: Run, files: Path, tmp_path: Path, seed: int) -> None:
    code, _, err = simulate(run, files, tmp_path / "out.db", seed)
    assert code == 2
    assert "--seed" in err


def test_the_hours_of_a_staffing_are_of_the_logs_zone_unless_it_names_one(
    run: Run, files: Path, simulated: Path, tmp_path: Path
) -> None:
    text = (files / "staffing.toml").read_text("utf-8").replace("agents = 2", SHIFT)
    for name, zone in (("own", ""), ("named", 'zone = "UTC"\n')):
        staffing = tmp_path / f"{name}.toml"
        staffing.write_text(zone + text, "utf-8")
        out = tmp_path / f"{name}.db"
        assert simulate(run, files, out, traffic=simulated, staffing=staffing).code == 0
    logins = run("log", tmp_path / "own.db", "--type", "agent.logged_in").out.splitlines()
    assert [line.split()[1] for line in logins] == ["2026-03-02T06:10:00.000000Z"]
    assert run("log", tmp_path / "named.db", "--type", "agent.logged_in").out == ""
