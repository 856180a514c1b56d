"""``cckit audit`` and ``cckit pin``: exit codes, shapes, files, and one set of bytes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest

from cckit.core import facts as f
from cckit.core.audit import ANOMALIES, CHANGES, Rebuilt, pin
from cckit.core.audit.words import TITLES, length, told
from cckit.core.ledger import Counts
from cckit.core.render.certificate import VERDICTS, render
from cckit.core.reports import PROJECTIONS
from cckit.shell.proof.auditing import audit_log
from cckit.shell.proof.pinning import rebuilt_of
from tests.command import Done as Done
from tests.command import Run as Run

from .logs import ANNA, LINE, START, Log


def built(log: Log, **forged: Any) -> None:
    """Count and pin, as a center does; the first pin may be forged."""
    counts = Counts()
    for envelope, data in log.events:
        counts.add(envelope, data)
    pins = []
    for one in rebuilt_of(PROJECTIONS, log.codec.registry):
        pins.append(attrs.evolve(_pin(log, one), **(forged if not pins else {})))
    log.add(*counts.facts(), *pins)


def _pin(log: Log, one: Rebuilt) -> f.ProjectionPinned:
    one.feed([r for r in log.events if type(r[1]) in one.projection.types])
    state = one.folding.states[one.projection.name]
    return pin(one.identity, log.next - 1, log.frames[-1].chain, one.projection, state)


def day() -> Log:
    log = Log()
    for n in (1, 2):
        fact = f.QueueEntered((1 << 32) + n, "help", n, START, 0, 0, ())
        log.add(fact, stream=f"contact/{n}", actor=LINE, occurred_at=START - n)
    log.add(f.AccessRefused("agent/<script>", "Erase", "subject/1", None, 3))
    return log


@pytest.fixture
def good(tmp_path: Path) -> Path:
    log = day()
    built(log)
    return log.save(tmp_path / "good.db")


@pytest.fixture
def forged(tmp_path: Path) -> Path:
    log = day()
    built(log)
    log.add(f.AgentReady(), stream="agent/anna", actor=ANNA)
    built(log, digest=bytes(32))
    return log.save(tmp_path / "forged.db")


def test_a_log_that_comes_out_as_it_says_is_good(run: Run, good: Path) -> None:
    done = run("audit", good)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{good}: holds\n")
    n = len(PROJECTIONS)
    assert f"pins {n}, {n} the same   counts 3, 0 wrong" in done.out


def test_a_forged_pin_is_exit_1_and_named(run: Run, forged: Path) -> None:
    done = run("audit", forged)
    assert done.code == 1
    # Positions count what was declared before, so they are told by the same words elsewhere.
    first = run("audit", forged, "--json").json["pins"]["first"]
    at = first["position"]
    same = at - len(PROJECTIONS) - 8
    assert f"first: contact.segments 1 at position {at - 4}, the same up to {same}" in done.out
    assert f"pinned   {'00' * 32} at position {at}" in done.out


def test_up_to_before_the_forged_pin_all_is_well(run: Run, forged: Path) -> None:
    position = run("audit", forged, "--json").json["pins"]["first"]["position"]
    assert run("audit", forged, "--at", position).code == 1
    before = run("audit", forged, "--at", position - 1, "--json")
    assert (before.code, before.json["position"]) == (0, position - 1)
    assert before.json["log"]["closed"] is None


def test_nothing_pinned_is_exit_3(run: Run, tmp_path: Path) -> None:
    done = run("audit", day().save(tmp_path / "a.db"))
    assert done.code == 3
    assert "nothing is pinned" in done.out


def test_pinned_by_nobody_who_is_loaded_is_exit_3_and_says_what_to_load(
    run: Run, tmp_path: Path
) -> None:
    log = day()
    built(log, projection="praise.given")
    done = run("audit", log.save(tmp_path / "a.db"))
    assert done.code == 3
    assert "not rebuilt: praise.given; add --plugin NAME" in done.err


@pytest.mark.parametrize("at", ["-1", "999999", "x"])
def test_a_position_that_is_none_is_exit_2(run: Run, good: Path, at: str) -> None:
    done = run("audit", good, f"--at={at}")
    assert (done.code, done.out) == (2, "")


def test_what_is_no_log_no_plugin_no_key_and_no_form_is_exit_2(run: Run, good: Path) -> None:
    assert run("audit", good.with_name("none.db")).code == 2
    assert run("audit", good, "--plugin", "nothing").code == 2
    assert run("audit", good, "--key", "nothing").code == 2
    assert run("audit", good, "-o", good.with_name("a.pdf")).code == 2
    assert run("pin", good.with_name("none.db")).code == 2


def test_a_log_that_is_not_whole_is_exit_1_and_audited_up_to_there(
    run: Run, forged: Path, tmp_path: Path
) -> None:
    import apsw

    connection = apsw.Connection(str(forged))
    row = connection.execute("SELECT max(position) FROM frame").get
    connection.execute("UPDATE frame SET bytes = zeroblob(200) WHERE position = ?", (row,))
    connection.close()
    done = run("audit", forged, "--json")
    assert done.code == 1
    assert done.json["chain"]["error"]["position"] == row
    assert done.json["events"] == row
    assert done.json["because"] == ["the log is not whole"]
    assert run("audit", forged, "--at", row - 1).code == 0


def test_plugins_that_are_installed_are_rebuilt_by_name(run: Run, good: Path) -> None:
    assert run("audit", good, "--plugin", "permissions").code == 0


def test_the_file_is_the_page_or_the_json(run: Run, good: Path, tmp_path: Path) -> None:
    page, data = tmp_path / "a.html", tmp_path / "a.json"
    assert run("audit", good, "-o", page).code == 0
    done = run("audit", good, "-o", data, "--json")
    assert json.loads(data.read_bytes()) == done.json
    assert page.read_bytes() == render(audit_log(good))


def test_pin_then_audit_holds(run: Run, tmp_path: Path) -> None:
    path = day().save(tmp_path / "a.db")
    pinned = run("pin", path, "--json")
    assert pinned.code == 0
    assert sorted(pinned.json) == ["counted", "failed", "head", "pinned", "position"]
    found = run("audit", path, "--json")
    assert found.code == 0
    digests = {name: one["digest"] for name, one in pinned.json["pinned"].items()}
    assert set(digests) == set(found.json["projections"])
    assert f"pinned at position {pinned.json['head']}" in run("pin", path).out


# --- the same bytes -------------------------------------------------------------------------


def test_hash_seeds_change_nothing(run: Run, forged: Path) -> None:
    expected = run("audit", forged, "--json").out
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-m", "cckit.cli", "audit", str(forged), "--json"],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (1, expected), done.stderr


# --- the page -------------------------------------------------------------------------------


def page_of(run: Run, log: Path) -> str:
    return render(run("audit", log, "--json").json).decode()


def test_the_page_escapes_what_the_log_says(run: Run, good: Path) -> None:
    page = page_of(run, good)
    assert "<script" not in page
    assert "agent/&lt;script&gt;" in page


def test_the_page_allows_nothing_but_its_own_style(run: Run, good: Path) -> None:
    page = page_of(run, good)
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    for word in ("http://", "https://", "<img", "<link", "src=", "url(", "onload"):
        assert word not in page, word


def test_the_page_is_well_formed_and_says_the_verdict(run: Run, good: Path, forged: Path) -> None:
    from html.parser import HTMLParser

    class Balance(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            if tag != "meta":
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    for log, verdict in ((good, "holds"), (forged, "differs")):
        page = page_of(run, log)
        checked = Balance()
        checked.feed(page)
        assert checked.open == []
        assert f"<strong><bdi>{verdict}</bdi></strong>" in page
        assert VERDICTS[verdict][1] in page
    assert "What differs first" in page
    assert "What differs first" not in page_of(run, good)


def test_what_is_null_on_the_page_is_a_dash(run: Run, tmp_path: Path) -> None:
    log = day()
    built(log, n=9, position=10**6)
    page = page_of(run, log.save(tmp_path / "a.db"))
    assert "<dt><bdi>the same up to</bdi></dt><dd><bdi>nowhere before</bdi></dd>" in page
    assert "<dt><bdi>came out</bdi></dt><dd><bdi>–</bdi></dd>" in page


def test_every_kind_of_finding_has_a_title() -> None:
    assert set(TITLES) == {*ANOMALIES, *CHANGES}


def test_a_finding_in_words() -> None:
    finding = {"position": 5, "at": 1, "by": "admin/root", "kind": "queue", "first": False,
               "changed": {"ring_us": [20_000_000, None], "need": ["", "he"]},
               "noticed_at": 0, "on": True, "parts": {"a": 1}, "none": [],
               "some": [1, 2]}  # fmt: skip
    assert told(finding) == (
        "by admin/root, kind queue, noticed 1970-01-01T00:00:00.000000Z, on yes, parts a 1, "
        "none none, some 1, 2, ring: 20 s → –, need: “” → he"
    )
    first = {"position": 5, "at": 1, "first": True, "changed": {"": [None, "ff"]}}
    assert told(first) == "for the first time, settings: ff"


def test_lengths_in_words() -> None:
    found = [length(us) for us in (0, 5, 250_000, 45_000_000, 187_000_000, 93_753_000_000, -5)]
    assert found == ["0 ms", "5 us", "250 ms", "45 s", "3:07", "26:02:33", "-5 us"]
