"""One real Monday: what the importer makes of it, against a count straight from the file."""

import csv
import runpy
import tomllib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from cckit.core import facts as f
from cckit.core.codec import Codec
from cckit.core.engine import Engine
from cckit.core.errors import ConfigError
from cckit.core.imports import Imported, read_calls, read_mapping
from cckit.core.invariants import check_all
from cckit.core.registry import Registry
from cckit.core.reports import REPORTS, Parameters, write
from cckit.shell.logs.folding import fold
from cckit.shell.logs.importing import import_calls
from cckit.shell.proof.checking import verify_log
from cckit.shell.zones import read_zone
from cckit.stores.sqlite import SqliteStore
from cckit.testing import simulate

MAPPING = Path(__file__).parents[2] / "examples" / "real_day" / "mapping.toml"
PROMISE_S = 20


class Expected(NamedTuple):
    """Counted below, without a line of ours."""

    answered: int
    abandoned: int
    answered_in_time: int
    abandoned_in_time: int


def count(rows: list[dict[str, str]]) -> Expected:
    served = [r for r in rows if r["outcome"] == "AGENT"]
    lost = [r for r in rows if r["outcome"] == "HANG"]

    def begin(row: dict[str, str]) -> int:
        return int(row["queue_enter_s"] if row["queue_enter_s"] != "-1" else row["vru_exit_s"])

    def wait(row: dict[str, str]) -> int:
        if row["outcome"] == "AGENT":
            ends = ("serve_start_s", "queue_exit_s", "vru_exit_s")
            return max(int(row[name]) for name in ends) - begin(row)
        end = row["queue_exit_s"] if row["queue_exit_s"] != "-1" else row["vru_exit_s"]
        return int(end) - begin(row)

    return Expected(
        len(served),
        len(lost),
        sum(wait(row) <= PROMISE_S for row in served),
        sum(wait(row) <= PROMISE_S for row in lost),
    )


@pytest.fixture(scope="session")
def day(shared_data: Path) -> Path:
    return shared_data / "technion-1999-02-08.csv"


@pytest.fixture(scope="session")
def rows(day: Path) -> list[dict[str, str]]:
    with day.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def log(day: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("real") / "day.db"
    import_calls(day, MAPPING, out)
    return out


def read(content: bytes) -> Imported:
    mapping = read_mapping(tomllib.loads(MAPPING.read_text("utf-8")), "mapping.toml")
    return read_calls(content, mapping, read_zone(mapping.zone, "test"), "day.csv")


def cells(log: Path, report: str, interval: str | None = None) -> list[dict[str, object]]:
    store = SqliteStore.open(log, read_only=True)
    try:
        folding, source = fold(store, REPORTS[report].projections)
    finally:
        store.close()
    zone = read_zone("Asia/Jerusalem", "test")
    parameters = Parameters(zone=zone, source=source, interval=interval)
    table = write(REPORTS[report], folding.states, parameters).table
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def test_every_row_is_accounted_for(day: Path, rows: list[dict[str, str]]) -> None:
    found = read(day.read_bytes())
    assert len(rows) == 1190
    assert found[:4] == (1190, 1185, 5, 0)
    assert found.imported + found.ignored + found.refused == found.rows


def test_each_flaw_of_the_day_is_listed_as_often_as_it_is_there(day: Path) -> None:
    found = read(day.read_bytes())
    assert Counter(p.reason.partition(":")[0] for p in found.problems) == {
        "service_before_exit": 855,
        "no_server": 20,
        "empty_vru": 16,
        "overlap": 7,
        "service_of_abandoned": 5,
        "clamped": 1,
        "empty_service": 1,
    }
    flags = Counter(flag for visit in found.visits for flag in visit.flags)
    assert flags == {"coarse": 1185, "unqueued": 767 + 26, "clamped": 1}
    assert [p.row for p in found.problems] == sorted(p.row for p in found.problems)


def test_the_service_level_is_that_of_the_file(log: Path, rows: list[dict[str, str]]) -> None:
    expected = count(rows)
    (total,) = [row for row in cells(log, "service-level") if row["queue"] is None]
    served, offered = expected.answered, expected.answered + expected.abandoned
    shares = {
        "sl.answered": served,
        "sl.offered": offered,
        "sl.ignored": offered - expected.abandoned_in_time,
    }
    for name, denominator in shares.items():
        share = total[name]
        assert isinstance(share, dict)
        assert (share["numerator"], share["denominator"]) == (
            expected.answered_in_time,
            denominator,
        )
    assert len({share["ppm"] for share in map(total.get, shares) if isinstance(share, dict)}) == 3


def test_half_hours_add_up_to_the_day(log: Path) -> None:
    (total,) = [row for row in cells(log, "service-level") if row["queue"] is None]
    parts = [row for row in cells(log, "service-level", "30") if row["queue"] is None]
    assert len(parts) == 48
    for name in ("arrived", "O", "A", "B"):
        assert sum(int(str(row[name])) for row in parts) == total[name]
    for name in ("sl.answered", "sl.offered", "sl.ignored"):
        for part in ("numerator", "denominator"):
            summed = sum(row[name][part] for row in parts)  # type: ignore[index]
            assert summed == total[name][part]  # type: ignore[index]


def test_the_same_file_and_mapping_give_the_same_bytes(
    day: Path, log: Path, tmp_path: Path
) -> None:
    import_calls(day, MAPPING, tmp_path / "again.db")
    assert (tmp_path / "again.db").read_bytes() == log.read_bytes()


def test_another_mapping_gives_another_log(day: Path, log: Path, tmp_path: Path) -> None:
    other = tmp_path / "mapping.toml"
    other.write_text(MAPPING.read_text("utf-8") + "\n# changed\n", "utf-8")
    import_calls(day, other, tmp_path / "other.db")
    assert verify_log(tmp_path / "other.db").head != verify_log(log).head


def test_the_log_is_whole_and_many_decisions_share_a_frame(log: Path) -> None:
    found = verify_log(log, events=True)
    assert found.ok
    assert found.events > 9000
    assert found.frames < 30


def test_contacts_are_interleaved(log: Path) -> None:
    store = SqliteStore.open(log, read_only=True)
    codec, most, opened = Codec(Registry(f.FACTS)), 0, 0
    last = 0
    for frame in store.read():
        for envelope, data in codec.events(frame.body, frame.first):
            assert envelope.recorded_at >= last
            last = envelope.recorded_at
            opened += isinstance(data, f.ContactCreated)
            opened -= isinstance(data, f.ContactClosed)
            most = max(most, opened)
    store.close()
    assert most > 10
    assert opened == 0


def test_the_floor_folds_an_imported_day_and_its_invariants_hold(log: Path) -> None:
    store, engine = SqliteStore.open(log, read_only=True), Engine()
    codec = Codec(Registry(f.FACTS))
    for frame in store.read():
        for recorded in codec.events(frame.body, frame.first):
            engine.fold(recorded)
    store.close()
    check_all(engine.floor)
    assert not engine.floor.contacts
    assert not engine.floor.entries


def test_no_name_of_a_server_and_no_customer_is_in_the_log(
    log: Path, rows: list[dict[str, str]]
) -> None:
    stored = log.read_bytes()
    servers = {row["server"] for row in rows}
    customers = {row["customer_id"] for row in rows if len(row["customer_id"]) > 5}
    assert (len(servers), len(customers) > 200) == (18, True)
    assert not [name for name in servers | customers if name.encode() in stored]


def test_a_month_is_days_with_the_same_columns(day: Path) -> None:
    header, *lines = day.read_text("utf-8").splitlines()
    later = [line.replace("1999-02-08", "1999-02-09", 1) for line in lines]
    found = read("\n".join([header, *lines, *later]).encode())
    assert found[:4] == (2380, 2370, 10, 0)
    assert len({visit.contact for visit in found.visits}) == 2370


def test_a_log_that_exists_is_never_written_over(day: Path, log: Path) -> None:
    before = log.read_bytes()
    with pytest.raises(ConfigError, match="exists already"):
        import_calls(day, MAPPING, log)
    assert log.read_bytes() == before


def test_an_import_that_fails_leaves_nothing(day: Path, tmp_path: Path) -> None:
    broken = tmp_path / "mapping.toml"
    broken.write_text(MAPPING.read_text("utf-8").replace('"queue_exit_s"', '"exit"'), "utf-8")
    with pytest.raises(ConfigError):
        import_calls(day, broken, tmp_path / "out.db")
    assert [path.name for path in tmp_path.iterdir()] == ["mapping.toml"]


def test_the_staffing_of_the_example_is_what_its_script_reads_off_the_log(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = runpy.run_path(str(MAPPING.with_name("staffing.py")))
    script["main"](str(log), "Asia/Jerusalem")
    written = MAPPING.with_name("staffing.toml").read_text("utf-8")
    assert capsys.readouterr().out == written


def test_the_day_is_routed_again_to_the_same_bytes_by_seed(log: Path, tmp_path: Path) -> None:
    staffing = MAPPING.with_name("staffing.toml")
    for name in ("a.db", "b.db"):
        simulate(log, staffing, tmp_path / name, 1)
    assert (tmp_path / "a.db").read_bytes() == (tmp_path / "b.db").read_bytes()
    (total,) = [r for r in cells(tmp_path / "a.db", "service-level") if r["queue"] is None]
    assert (total["arrived"], total["open"]) == (1185, 0)
    for row in cells(tmp_path / "a.db", "agent-summary"):
        assert row["agent"] is None or str(row["agent"]) <= "017"
