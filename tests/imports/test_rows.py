"""Another system's call records: other columns, formats and words, the same code."""

import random
import tomllib
from collections import Counter
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from cckit.core import facts as f
from cckit.core.codec import Codec
from cckit.core.errors import ConfigError, FormatError
from cckit.core.events import Draft
from cckit.core.ids import CENTER
from cckit.core.imports import Imported, decisions, read_calls, read_mapping
from cckit.core.registry import Registry
from cckit.core.reports import REPORTS, Folding, Parameters, Source, write
from cckit.core.reports.zone import Zone

HERE = Path(__file__).parent
TEXT = (HERE / "support.csv").read_text("utf-8")
DOCUMENT = tomllib.loads((HERE / "support.toml").read_text("utf-8"))
CONTACT = DOCUMENT["contact"]
MAPPING = read_mapping(DOCUMENT, "support.toml")


def zone(name: str = "America/New_York") -> Zone:
    return Zone.of(name, resources.files("tzdata").joinpath("zoneinfo", name).read_bytes(), "")


def read(text: str = TEXT) -> Imported:
    return read_calls(text.encode("cp1252"), MAPPING, zone(), "support.csv")


def facts(found: Imported) -> list[tuple[str, int, Any]]:
    return [
        (envelope.stream, envelope.recorded_at, data)
        for decision in decisions(found, MAPPING, (), 1)
        for envelope, data in decision.recorded
    ]


def changed(**tables: Any) -> dict[str, Any]:
    return DOCUMENT | tables


def test_every_row_is_imported_ignored_or_refused() -> None:
    found = read()
    assert found[:4] == (12, 6, 1, 5)
    assert found.rows == found.imported + found.ignored + found.refused


def test_what_was_wrong_is_listed_by_row_and_reason() -> None:
    assert [(p.row, p.reason.split(":")[0]) for p in read().problems] == [
        (6, "duplicate"),
        (7, "channel"),
        (8, "time"),
        (9, "time"),
        (10, "ambiguous"),
        (12, "width"),
    ]


def test_times_of_every_form_become_instants() -> None:
    answered, gone, full, late, *_ = read().visits
    nine = 918_482_400_000_000  # 14:00 UTC
    assert answered.created == answered.queued == nine + 250_000
    assert answered.connected == nine + 10_000_000
    assert answered.ended == nine + 100_000_000
    assert (gone.ended or 0) - gone.queued == 4_500_000
    assert full.meaning.left is None
    assert late.ended == 918_497_300_000_000


def test_a_repeated_local_time_is_read_by_row_order_else_as_the_first() -> None:
    first, second = read().visits[-2:]
    assert first.flags == ("ambiguous",)
    assert second.flags == ()
    assert second.created - first.created == 40 * 60_000_000


def test_a_contact_that_never_queued_has_no_wait() -> None:
    found = read()
    stream = "contact/" + found.visits[2].contact
    kinds = [type(data) for at, _, data in facts(found) if at == stream]
    assert kinds == [f.ContactCreated, f.LegCleared, f.ContactClosed]


def test_contacts_are_interleaved_by_time_and_time_never_goes_back() -> None:
    instants = [at for _, at, _ in facts(read())]
    assert instants == sorted(instants)
    streams = [stream for stream, _, data in facts(read()) if isinstance(data, f.QueueLeft)]
    entered = [stream for stream, _, data in facts(read()) if isinstance(data, f.ContactCreated)]
    assert set(streams) < set(entered)


def test_positions_and_stream_versions_are_dense() -> None:
    seen: Counter[str] = Counter()
    recorded = [r for d in decisions(read(), MAPPING, (), 1) for r in d.recorded]
    for n, (envelope, _) in enumerate(recorded):
        assert envelope.position == n
        assert envelope.stream_version == seen[envelope.stream]
        seen[envelope.stream] += 1


def test_the_order_of_the_rows_does_not_matter() -> None:
    header, *rows = TEXT.splitlines()
    rows = [row for row in rows if row and "10/31" not in row]
    expected = facts(read("\n".join([header, *rows])))
    shuffled = rows[:]
    random.Random(7).shuffle(shuffled)
    assert facts(read("\n".join([header, *shuffled]))) == expected


def test_names_of_agents_go_nowhere() -> None:
    found = read()
    agents = [d.agent for _, _, d in facts(found) if isinstance(d, f.ContactConnected)]
    assert agents == ["001", "002"]
    assert "Zo" not in repr(facts(found))
    assert "Ann" not in repr(facts(found))


def test_an_open_contact_stays_open_and_is_listed() -> None:
    header = TEXT.splitlines()[0]
    row = "B-1;Phone;100;desk;02/08/1999 09:00:00.000 AM;;;;;;gone"
    found = read(f"{header}\n{row}\n")
    assert [type(data) for _, _, data in facts(found)][-1] is f.QueueEntered
    assert [p.reason.split(":")[0] for p in found.problems] == ["open"]
    assert found.visits[0].flags == ("partial",)


def test_an_end_before_its_begin_is_clamped_flagged_and_both_instants_are_kept() -> None:
    header = TEXT.splitlines()[0]
    row = "B-1;Phone;100;desk;02/08/1999 09:00:00.000 AM;;1999-02-08T14:00:09Z;;918482405;A;ok"
    found = read(f"{header}\n{row}\n")
    closed = [
        envelope
        for decision in decisions(found, MAPPING, (), 1)
        for envelope, data in decision.recorded
        if isinstance(data, f.ContactClosed)
    ]
    assert [p.reason for p in found.problems] == ["clamped: ended lies 4000000 us before connected"]
    assert (closed[0].recorded_at, closed[0].occurred_at) == (
        918_482_409_000_000,
        918_482_405_000_000,
    )


@pytest.mark.parametrize("cell", ["-5", "12a", "1e3", "٣", "9" * 40, "1.2.3", " "])
def test_a_number_that_is_none_refuses_its_row_alone(cell: str) -> None:
    header, _, gone, *_ = TEXT.splitlines()
    found = read_calls(
        f"{header}\n{gone.replace('4500', cell)}\n".encode(),
        read_mapping(DOCUMENT | {"file": {"delimiter": ";"}}, "m"),
        zone(),
        "f",
    )
    expected = 1 if cell == " " else 0  # Nothing there is no number that is wrong.
    assert found.imported == expected
    assert found.refused == 1 - expected


def test_bytes_that_are_no_text_name_their_line() -> None:
    with pytest.raises(FormatError, match=r"support\.csv: line 2: byte 12 is not utf-8"):
        read_calls(b"a;b\n1;2\xe9;\xff\n".replace(b"1", b"123456"), utf8(), zone(), "support.csv")


def utf8() -> Any:
    return read_mapping(changed(file={"delimiter": ";", "null": ["", "n/a"]}), "m")


def test_an_unclosed_quote_names_its_line() -> None:
    with pytest.raises(FormatError, match="line 2"):
        read(TEXT.splitlines()[0] + '\n"A-1;Phone')


GOOD = "B-9;Phone;100;desk;02/08/1999 09:00:00.250 AM;;1999-02-08T09:00:10-05:00;1.5;n/a;Zoe;ok"


@pytest.mark.parametrize(
    ("cell", "bad", "reason"),
    [
        (";100;", f";{'x' * 20_000};", "entry_point: 20000 bytes, 4096 are the most"),
        (";desk;", f";{'é' * 65};", "queue: 130 bytes, 128 are the most"),
        ("n/a", "999999999999999", "time: column Closed: '999999999999999' lies before 1970 or"),
        ("1.5", "999999999999999", "time: column Talked: '999999999999999' lies before 1970 or"),
        ("1999-02-08T", "1969-02-08T", "time: column Answered: '1969-02-08T09:00:10-05:00' lies"),
        ("02/08/1999", "02/08/9999", "time: column Started: '02/08/9999 09:00:00.250 AM' lies"),
        ("Zoe", "Z" * 200_000, "cell: longer than 131072 characters"),
        (";ok", ";" + "o" * 20_000, f"outcome: '{'o' * 60}'… of 20000 characters of column Result"),
        ("1.5", "5" * 20_000, f"time: column Talked: '{'5' * 60}'… of 20000 characters is not a"),
        ("B-9", "B" * 201, "key: longer than 200 characters"),
    ],
)
def test_a_cell_that_no_log_can_hold_refuses_its_row_alone(
    cell: str, bad: str, reason: str
) -> None:
    header = TEXT.splitlines()[0]
    assert cell in GOOD
    rows = [GOOD.replace("B-9", "B-1"), GOOD.replace(cell, bad, 1), GOOD.replace("B-9", "B-3")]
    found = read_calls("\n".join([header, *rows]).encode(), utf8(), zone(), "f.csv")
    assert found[:4] == (3, 2, 0, 1)
    (problem,) = found.problems
    assert problem.row == 2
    assert problem.reason.startswith(reason)
    codec = Codec(Registry(f.FACTS))
    assert codec.pack(list(decisions(found, MAPPING, (), 1)))


def test_a_cell_over_many_lines_that_is_too_long_may_have_swallowed_rows() -> None:
    header, long = TEXT.splitlines()[0], "x\n" * 70_000
    with pytest.raises(FormatError, match=r"support\.csv: line \d+: is no CSV: field larger"):
        read(f"{header}\n{GOOD.replace('100', chr(34) + long + chr(34))}\n{GOOD}\n")


def test_an_ambiguous_time_is_counted_in_the_reports() -> None:
    found = read()
    folding = Folding(REPORTS["contacts"].projections)
    run = f.RunStarted(1, "imported", None, None, False, {})
    drafts = (Draft(CENTER, run),)
    folding.feed([r for d in decisions(found, MAPPING, drafts, 1) for r in d.recorded])
    given = Parameters(zone=zone(), source=Source(0, bytes(32), 0))
    document = write(REPORTS["contacts"], folding.states, given)
    assert document.header["counts"]["ambiguous"] == 1
    assert [row[-1] for row in document.table.rows if "ambiguous" in row[-1]] == [["ambiguous"]]


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(FormatError, match="the file is empty"):
        read("")


def test_a_column_that_the_file_lacks_is_named_with_the_key_that_wants_it() -> None:
    with pytest.raises(ConfigError, match=r"no column 'Waited'.*times\.Waited.*columns are Ticket"):
        read(TEXT.replace("Waited", "Queue time", 1))


def test_a_column_that_stands_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="'Team' stands twice"):
        read(TEXT.replace("Number", "Team", 1))


@pytest.mark.parametrize(
    ("tables", "error"),
    [
        ({"zone": 3}, "m: zone: 3 is not a text"),
        ({"id": None}, "m: id: is missing"),
        ({"id": ""}, "m: id: '' can't be"),
        ({"id": "a\x1b[31m"}, "m: id: 'a\\x1b[31m' can't be; send neither"),
        ({"contact": CONTACT | {"key": []}}, "m: contact.key: names no column"),
        ({"contact": CONTACT | {"direction": "sideways"}}, "m: contact.direction: 'sideways'"),
        ({"contact": CONTACT | {"channel": ""}}, "m: contact.channel: '' can't be"),
        ({"contact": CONTACT | {"queue": ""}}, "m: contact.queue: '' can't be"),
        ({"contact": CONTACT | {"queue": "a\n"}}, "m: contact.queue: 'a\\n' can't be"),
        ({"contact": CONTACT | {"queue": "x" * 129}}, "m: contact.queue: 'xxx"),
        ({"contact": CONTACT | {"priority": "high"}}, "m: contact.priority: 'high' can't be"),
        (
            {"contact": CONTACT | {"direction": {"column": "Medium", "values": {"x": "up"}}}},
            "m: contact.direction.values.x: 'up' can't be; send in or out",
        ),
        ({"agent": {"unknown": ""}}, "m: agent.unknown: '' can't be"),
        ({"shift": "x"}, "m: shift: is no key of this table; the keys are agent, contact"),
        ({"resolution": "day"}, "m: resolution: 'day' is not allowed; use one of us, ms, s"),
        ({"file": {"delimiter": ";;"}}, "m: file.delimiter: ';;' cannot part cells"),
        ({"times": {}}, "m: times: names no column"),
        ({"times": {"Started": {"format": "%Q"}}}, "m: times.Started.format: %Q is unknown"),
        ({"times": {"Started": {"format": "%Y%Y"}}}, "a directive comes twice"),
        ({"times": {"Started": {"unit": "d"}}}, "m: times.Started.unit: 'd' is not allowed"),
        ({"times": {"A": {"since": "B", "unit": "s"}}}, "m: times.A.since: 'B' is not allowed"),
        ({"agent": {"column": ["a"]}}, "m: agent.column: ['a'] is not a text"),
        ({"untidy": [{"reason": "x", "then": "drop"}]}, "m: untidy[1].then: 'drop'"),
        ({"untidy": [{"reason": "x", "then": "flag"}]}, "m: untidy[1].flag: is missing"),
        ({"untidy": [{"reason": "x", "before": ["Started"]}]}, "no pair of instants"),
        ({"untidy": [{"reason": "x", "before": ["Started", "Number"]}]}, "not under [times]"),
        ({"outcome": {"column": "Result"}}, "m: outcome.values: names no outcome"),
        (
            {"outcome": {"column": "Result", "values": {"ok": {"means": "fine"}}}},
            "m: outcome.values.ok.means: 'fine' is not allowed; use one of answered",
        ),
        (
            {"outcome": {"column": "Result", "values": {"ok": {"means": "answered"}}}},
            "m: outcome.values.ok.connected: is missing",
        ),
    ],
)
def test_a_wrong_key_is_named_with_what_is_allowed(tables: dict[str, Any], error: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_mapping({k: v for k, v in changed(**tables).items() if v is not None}, "m")
    assert error in str(caught.value)


def test_a_cell_that_is_taken_as_it_is_must_be_such_a_word() -> None:
    mapping = read_mapping(changed(contact=CONTACT | {"direction": {"column": "Medium"}}), "m")
    found = read_calls(TEXT.encode("cp1252"), mapping, zone(), "support.csv")
    assert found.imported == 0
    reasons = {p.reason for p in found.problems}
    assert "direction: 'Phone' of column Medium can't be one" in reasons


def test_times_of_day_need_a_column_that_holds_the_date() -> None:
    times = DOCUMENT["times"] | {"Started": {"since": "midnight", "unit": "s"}}
    with pytest.raises(ConfigError, match=r"day\.column: is missing"):
        read_mapping(changed(times=times), "m")
