"""Pins against what is rebuilt: what differs is named, by where, what, and whose fault."""

from hashlib import sha256
from typing import Any

import attrs
import pytest

from cckit.core.audit import Rebuilt, identity, pin
from cckit.core.codec import canonical, digest
from cckit.core.errors import UsageError
from cckit.core.facts import ProjectionPinned, QueueEntered
from cckit.core.ledger import Counts
from cckit.shell.zones import read_zone

from .conftest import Certify
from .logs import LINE, START, Log
from .projections import Breaks, Entries


def enter(log: Log, n: int) -> None:
    fact = QueueEntered((1 << 32) + n, "help", n, START, 0, 0, ())
    log.add(fact, stream=f"contact/{n}", actor=LINE)


def pinned(log: Log, projection: Entries, *, code: bytes = b"code", **forged: Any) -> int:
    """Pin a projection as a center does, or with something forged; where the pin stands."""
    one = Rebuilt.of(projection, identity(projection, code, log.codec.registry))
    one.feed([r for r in log.events if type(r[1]) in projection.types])
    state = one.folding.states[projection.name]
    fact = pin(one.identity, log.next - 1, log.frames[-1].chain, projection, state)
    return log.add(attrs.evolve(fact, **forged) if forged else fact)


@pytest.fixture
def log() -> Log:
    found = Log()
    enter(found, 1)
    pinned(found, Entries())
    enter(found, 2)
    pinned(found, Entries())
    enter(found, 3)
    return found


def test_what_comes_out_as_it_was_pinned_holds(log: Log, certify: Certify) -> None:
    found = certify(log, [Entries()])
    assert (found["verdict"], found["because"]) == ("holds", [])
    assert found["pins"]["compared"] == 2
    assert found["pins"]["first"] is None
    tally = {"same": 2, "differs": 0, "not_compared": 0, "last_same": log.next - 3}
    assert found["pins"]["by_projection"] == {"test.entries": tally}
    assert found["pins"]["covered"] == log.next - 3


def test_nothing_pinned_is_not_proved(certify: Certify) -> None:
    found = certify(Log(), [Entries()])
    assert (found["verdict"], found["because"]) == ("not provable", ["nothing is pinned"])


def test_a_forged_digest_is_named_where_it_stands(log: Log, certify: Certify) -> None:
    good = log.next
    pinned(log, Entries())
    enter(log, 4)
    of = log.next - 1
    at = pinned(log, Entries(), digest=bytes(32))
    found = certify(log, [Entries()])
    assert found["verdict"] == "differs"
    first = found["pins"]["first"]
    assert first == {
        "position": at,
        "at": START,
        "projection": "test.entries",
        "version": 1,
        "of_position": of,
        "after": good - 1,
        "status": "differs",
        "because": ["digest"],
        "pinned": "00" * 32,
        "found": found["projections"]["test.entries"]["digest"],
    }


def test_the_first_of_several_is_the_one_that_speaks_of_the_earliest(certify: Certify) -> None:
    log = Log()
    enter(log, 1)
    early, chain = log.next - 1, log.frames[-1].chain
    enter(log, 2)
    pinned(log, Entries(), digest=bytes(32))
    at = pinned(log, Entries(), digest=b"\1" * 32, position=early, chain=chain)
    found = certify(log, [Entries()])["pins"]
    assert (found["first"]["position"], found["first"]["of_position"]) == (at, early)
    assert found["by_projection"]["test.entries"]["differs"] == 2


def test_code_that_behaves_otherwise_is_told_from_a_log_that_was_changed(
    log: Log, certify: Certify
) -> None:
    found = certify(log, [Entries(step=2)], code=b"other code")
    assert found["verdict"] == "differs"
    assert found["pins"]["first"]["because"] == ["digest", "code"]


def test_other_code_that_comes_to_the_same_holds_and_is_listed(log: Log, certify: Certify) -> None:
    found = certify(log, [Entries()], code=b"other code")
    assert found["verdict"] == "holds"
    assert [(one["status"], one["because"]) for one in found["pins"]["others"]] == [
        ("same", ["code"]),
        ("same", ["code"]),
    ]


@pytest.mark.parametrize("name", ["schemas", "zones"])
def test_other_schemas_and_zone_files_are_named(name: str, certify: Certify) -> None:
    log = Log()
    enter(log, 1)
    pinned(log, Entries(), digest=bytes(32), **{name: b"\1" * 32})
    assert certify(log, [Entries()])["pins"]["first"]["because"] == ["digest", name]


def test_a_pin_over_another_past_is_named_though_its_digest_fits(certify: Certify) -> None:
    log = Log()
    enter(log, 1)
    pinned(log, Entries(), chain=bytes(32))
    found = certify(log, [Entries()])
    assert found["verdict"] == "differs"
    first = found["pins"]["first"]
    assert first["because"] == ["chain"]
    assert first["pinned"] == bytes(32).hex() != first["found"] == log.frames[-2].chain.hex()


@pytest.mark.parametrize("beyond", [0, 1, 10**6])
def test_a_pin_of_what_was_not_stored_yet_differs(beyond: int, certify: Certify) -> None:
    log = Log()
    enter(log, 1)
    pinned(log, Entries(), position=log.next + beyond)
    found = certify(log, [Entries()])
    assert found["verdict"] == "differs"
    assert found["pins"]["first"]["because"] == ["position"]


def test_another_version_is_not_compared_and_not_proved(log: Log, certify: Certify) -> None:
    found = certify(log, [Entries(version=2)])
    assert found["verdict"] == "not provable"
    assert found["because"] == ["a pin could not be compared"]
    assert {tuple(one["because"]) for one in found["pins"]["others"]} == {("version",)}


def test_a_projection_that_nobody_loaded_is_not_proved(log: Log, certify: Certify) -> None:
    found = certify(log)
    assert found["verdict"] == "not provable"
    assert {tuple(one["because"]) for one in found["pins"]["others"]} == {("not loaded",)}


def test_a_projection_that_raises_ends_alone(certify: Certify) -> None:
    log = Log()
    enter(log, 1)
    pinned(log, Entries())
    broken = Breaks()
    broken.name = "test.breaks"
    enter(log, 2)
    fact = ProjectionPinned(
        "test.breaks", 1, b"", b"", b"", log.next - 1, log.frames[-1].chain, bytes(32)
    )
    log.add(fact)
    found = certify(log, [Entries(), broken])
    assert found["verdict"] == "not provable"
    assert found["projections"]["test.breaks"]["failure"] == "raised ZeroDivisionError"
    assert found["pins"]["by_projection"]["test.entries"]["same"] == 1
    (other,) = found["pins"]["others"]
    assert other["because"][0] == "raised ZeroDivisionError"


def test_what_was_pinned_before_a_position_is_all_that_counts_there(
    log: Log, certify: Certify
) -> None:
    at = pinned(log, Entries(), digest=bytes(32))
    assert certify(log, [Entries()])["verdict"] == "differs"
    assert certify(log, [Entries()], end=at)["verdict"] == "holds"
    assert certify(log, [Entries()], end=at)["position"] == at - 1


def test_a_pin_within_a_frame_is_compared_there(certify: Certify) -> None:
    log = Log()
    enter(log, 1)
    one = Rebuilt.of(Entries(), identity(Entries(), b"code", log.codec.registry))
    one.feed([r for r in log.events if isinstance(r[1], QueueEntered)])
    again = QueueEntered((1 << 32) + 2, "help", 2, START, 0, 0, ())
    more = QueueEntered((1 << 32) + 3, "help", 3, START, 0, 0, ())
    log.add(again, more, stream="contact/2", actor=LINE)
    one.feed(log.events[-2:-1])
    state = one.folding.states["test.entries"]
    log.add(pin(one.identity, log.next - 2, log.frames[-1].chain, Entries(), state))
    assert certify(log, [Entries()])["verdict"] == "holds"


def test_a_certificate_does_not_speak_of_a_log_that_is_not_whole(
    log: Log, certify: Certify
) -> None:
    frame = log.frames[-1]
    log.frames[-1] = attrs.evolve(frame, body=frame.body[:-1] + b"\7")
    found = certify(log, [Entries()])
    assert found["verdict"] == "differs"
    assert found["chain"]["error"]["position"] == log.next - 1


def test_counts_and_pins_stand_together(log: Log, certify: Certify) -> None:
    counts = Counts()
    for envelope, data in log.events:
        counts.add(envelope, data)
    log.add(*counts.facts())
    assert certify(log, [Entries()])["verdict"] == "holds"


@pytest.mark.parametrize(
    "value",
    [
        None, b"a" * 65535, b"a" * 65536, {}, [b"q" * 70000], {f"k{n}": n for n in range(70_000)},
        {"b": b"x" * 70_000, "a": [1, {"c": None}], "é": {"z": b"1" * 65_536, "y": {}}},
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_digest_made_piece_by_piece_is_that_of_the_whole(value: Any) -> None:
    assert digest(value) == sha256(canonical(value)).digest()


@pytest.mark.parametrize("value", [1.5, {"a": 1.5}, {"a": {2: 3}}, {1: 2}])
def test_what_has_no_canonical_encoding_has_no_digest(value: Any) -> None:
    with pytest.raises(UsageError):
        digest(value)


def test_the_zone_file_of_a_projection_is_in_its_pins(certify: Certify) -> None:
    log = Log()
    zoned = Entries()
    zoned.zone = read_zone("Europe/Paris", "here")  # type: ignore[attr-defined]
    enter(log, 1)
    pinned(log, zoned, digest=bytes(32))
    assert certify(log, [zoned])["pins"]["first"]["because"] == ["digest"]
    assert certify(log, [Entries()])["pins"]["first"]["because"] == ["digest", "zones"]
