"""What released versions wrote is read, reported and digested as it was then, for ever."""

import json
from pathlib import Path
from typing import Any

import pytest

from cckit.core.codec import Codec
from cckit.core.facts import FACTS
from cckit.core.frame import Frame
from cckit.core.registry import Registry
from cckit.core.reports import PROJECTIONS, REPORTS, Zone
from cckit.core.verify import verify

from . import golden

VERSIONS = sorted(path for path in golden.FOLDER.iterdir() if path.is_dir())


@pytest.fixture(params=VERSIONS, ids=[path.name for path in VERSIONS])
def folder(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def frames(folder: Path) -> list[bytes]:
    return golden.frames_of(folder / "log.frames")


@pytest.fixture
def named(folder: Path) -> Any:
    return json.loads((folder / "log.json").read_text())


@pytest.fixture
def zone(folder: Path, named: Any) -> Zone:
    data = (folder / "zone.tzif").read_bytes()
    return Zone.of(named["zone"]["name"], data, named["zone"]["iana"])


def test_every_event_verifies(frames: list[bytes], named: Any) -> None:
    verdict = verify(frames, named["origin"], bytes.fromhex(named["log_id"]), events=True)
    assert verdict.ok, verdict
    assert verdict.head.hex() == named["head"]
    assert verdict.events == named["position"] + 1


def test_what_is_read_is_written_to_the_same_bytes(frames: list[bytes]) -> None:
    codec = Codec(Registry(FACTS))
    for raw in frames:
        frame = Frame.parse(raw)
        assert codec.pack(codec.unpack(frame.body, frame.first)) == frame.body


def test_projections_have_the_digests_of_then(folder: Path, frames: list[bytes]) -> None:
    then = json.loads((folder / "digests.json").read_text())
    now = golden.digests_of(golden.fold(frames))
    for projection in PROJECTIONS:
        key = f"{projection.name}@{projection.version}"
        assert now[key] == then[key], f"{key}: a changed fold is a new version"


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_reports_have_the_rows_of_then(
    folder: Path, frames: list[bytes], zone: Zone, name: str
) -> None:
    then = (folder / "reports" / f"{name}.json").read_text()
    assert golden.rows_of(frames, zone, name) == then


def test_every_event_type_of_the_core_is_in_the_newest() -> None:
    frames = golden.frames_of(VERSIONS[-1] / "log.frames")
    found = {type(data) for _, data in golden.events_of(frames)}
    assert [cls.__name__ for cls in FACTS if cls not in found] == []


def test_it_is_small() -> None:
    assert all((path / "log.frames").stat().st_size < 1_000_000 for path in VERSIONS)
