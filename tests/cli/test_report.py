"""``cckit report``: three forms of one table, and what bad questions are told."""

import csv
import io
import json
from pathlib import Path

import pytest

from .conftest import Run

REPORTS = (
    "service-level",
    "queue-intervals",
    "agent-summary",
    "contacts",
    "audit",
    "access",
    "estimates",
)


@pytest.mark.parametrize("name", REPORTS)
def test_each_report_is_header_and_rows(run: Run, simulated: Path, name: str) -> None:
    done = run("report", simulated, name, "--json")
    assert done.code == 0
    assert sorted(done.json) == ["header", "rows"]
    assert done.json["header"]["report"] == name
    assert done.json["header"]["kind"] == "simulated"
    assert done.json["header"]["zone"]["name"] == "Asia/Jerusalem"
    empty = ("access", "estimates")  # In a simulation nobody looks at anything, or is told.
    assert done.json["rows"] or name in empty
    assert run("report", simulated, name, "--format", "json").out == done.out


@pytest.mark.parametrize("name", REPORTS)
def test_people_are_shown_a_table(run: Run, simulated: Path, name: str) -> None:
    done = run("report", simulated, name)
    assert done.code == 0
    assert f"{name} of a log that is simulated" in done.out
    assert "chain" in done.out


def test_csv_has_its_header_beside_it(run: Run, simulated: Path, tmp_path: Path) -> None:
    out = tmp_path / "sl.csv"
    assert run("report", simulated, "service-level", "--out", out).code == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8-sig"), newline="")))
    expected = run("report", simulated, "service-level", "--json").json
    assert [row["queue"] for row in rows] == ["service", ""]
    total = expected["rows"][-1]["sl.offered"]
    assert rows[-1]["sl.offered.numerator"] == str(total["numerator"])
    header = json.loads((tmp_path / "sl.csv.header.json").read_text("utf-8"))
    del header["json_sha256"]
    assert header == expected["header"]
    plain = run("report", simulated, "service-level", "--format", "csv").out
    assert plain.encode() == out.read_bytes()
    more = run("report", simulated, "service-level", "--format", "csv", "--with-header").out
    assert '\r\n# report: "service-level"\r\n' in more


@pytest.mark.parametrize("lang", ["en", "he"])
def test_html_is_one_file_in_either_language(
    run: Run, simulated: Path, tmp_path: Path, lang: str
) -> None:
    out = tmp_path / "sl.html"
    assert run("report", simulated, "service-level", "--lang", lang, "--out", out).code == 0
    page = out.read_text("utf-8")
    assert f'lang="{lang}"' in page
    assert ('dir="rtl"' in page) is (lang == "he")
    assert "<svg" in page
    assert "http-equiv" in page
    assert "<script" not in page


def test_bounds_and_zone_cut_the_rows(run: Run, simulated: Path) -> None:
    every = run("report", simulated, "service-level", "--interval", 30, "--json").json
    half = run(
        *("report", simulated, "service-level", "--interval", 30, "--json"),
        *("--from", "2026-03-02T08:30", "--to", "2026-03-02T06:59:00Z"),
    ).json
    assert half["header"]["from"] == 1_772_433_000_000_000
    chosen = [row for row in every["rows"] if row["interval_at"] == 1_772_433_000_000_000]
    assert [row["queue"] for row in half["rows"]] == [row["queue"] for row in chosen]
    utc = run("report", simulated, "service-level", "--tz", "UTC", "--json").json
    assert utc["header"]["zone"]["name"] == "UTC"


def test_one_definition_or_one_of_my_own(run: Run, simulated: Path, tmp_path: Path) -> None:
    done = run("report", simulated, "service-level", "--definition", "sl.answered", "--json")
    assert [d["id"] for d in done.json["header"]["definitions"]] == ["sl.answered@1"]
    own = tmp_path / "own.toml"
    own.write_text(
        '[[definition]]\nid = "sl.mine@1"\ntitle = "Mine"\nT = 60000000\n'
        "num = { A_T = 1 }\nden = { A = 1 }\n",
        "utf-8",
    )
    done = run("report", simulated, "service-level", "--definition", own, "--json")
    assert done.json["rows"][-1]["sl.mine"]["denominator"] > 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("servicelevel",), "there is no report 'servicelevel'"),
        (("service-level", "--tz", "Asia/Nowhere"), "--tz: there is no zone 'Asia/Nowhere'"),
        (("service-level", "--from", "monday"), "--from: 'monday' is no time"),
        (("service-level", "--interval", "7"), "interval: '7' is no interval"),
        (("service-level", "--rule", "birth"), "rule: 'birth' is no rule"),
        (("service-level", "--definition", "sl.none"), "definition sl.none: there is none"),
        (("service-level", "--definition", "none.toml"), "none.toml: can't be read"),
        (("service-level", "--format", "xml"), "Invalid value"),
        (("service-level", "--lang", "fr"), "Invalid value"),
        (("service-level", "--out", "report.pdf"), "--format: is not said by report.pdf"),
        (("service-level", "--out", "/nowhere/r.csv"), "/nowhere/r.csv: can't be written"),
        (("contacts", "--interval", "30"), "contacts has no intervals"),
        (
            ("service-level", "--from", "2026-03-03", "--to", "2026-03-02"),
            "give the earlier instant as --from",
        ),
    ],
)
def test_a_question_that_makes_no_sense_is_bad_input(
    run: Run, simulated: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = run("report", simulated, *arguments)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_an_imported_log_says_what_it_could_not_measure(run: Run, imported: Path) -> None:
    done = run("report", imported, "agent-summary", "--json")
    assert done.json["header"]["kind"] == "imported"
    assert done.json["rows"][0]["occupancy"]["why"] == "not measured"
    assert "not measured" in run("report", imported, "agent-summary").out


def test_a_range_that_nobody_can_read_is_refused_with_what_was_found(
    run: Run, simulated: Path
) -> None:
    asked = ("--from", "1970-01-01", "--to", "2024-01-01")
    for report in ("service-level", "queue-intervals", "agent-summary"):
        done = run("report", simulated, report, "--interval", "day", *asked)
        assert done.code == 2
        assert "from 1970-01-01T00:00:00+02:00 to 2024-01-01T00:00:00+02:00" in done.err
        assert "give --from and --to" in done.err
    done = run("report", simulated, "queue-intervals", "--to", "2400-01-01")
    assert done.code == 2
    assert "and 40,000 are the most" in done.err
    assert run("report", simulated, "queue-intervals", *asked, "--interval", "all").code == 0


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        (("--from", "2030-01-01"), "--from 2030-01-01T00:00:00+02:00 lies behind that"),
        (("--to", "2020-01-01"), "--to 2020-01-01T00:00:00+02:00 lies before that"),
        (("--from", "0001-01-01"), "from before the year 1 to 2026-03-03"),
        (("--to", "9999-12-31T23:59:59"), "to after the year 9999"),
    ],
)
def test_a_bad_bound_is_blamed_by_its_name(
    run: Run, simulated: Path, bound: tuple[str, str], said: str
) -> None:
    done = run("report", simulated, "service-level", *bound)
    assert done.code == 2
    assert said in done.err
    (other,) = {"--from", "--to"} - {bound[0]}
    assert other not in done.err


def test_only_reports_that_promise_a_time_say_so(run: Run, simulated: Path) -> None:
    assert "in time is within 20 s" in run("report", simulated, "service-level").out
    assert "in time" not in run("report", simulated, "agent-summary").out
