"""Benchmarks measure what they say and answer in their shape; none of this is timed."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cyclopts", reason="cyclopts is missing: pip install 'cckit-sdk[cli]'")

from cckit.cli import bench as command
from cckit.cli.bench_replay import rebuild, replay, verified
from cckit.cli.bench_result import Result, result
from cckit.cli.main import main
from cckit.core.errors import ConfigError

KEYS = {"name", "unit", "ours", "rival", "ratio", "raw"}
needs_rival = pytest.mark.skipif(
    importlib.util.find_spec("eventsourcing") is None,
    reason="eventsourcing is missing: pip install 'cckit-sdk[bench]'",
)


def check_shape(results: list[Result]) -> list[str]:
    for one in results:
        assert set(one) == KEYS
        top, bottom = one["ours"], one["rival"]
        assert one["ratio"] == {
            "numerator": top,
            "denominator": bottom,
            "ppm": top * 1_000_000 // bottom,
        }
        assert all(type(one[key]) is int and one[key] > 0 for key in ("ours", "rival", "raw"))
    return [one["name"] for one in results]


def test_a_ratio_is_rounded_down_once() -> None:
    assert result("x", "y", 2.0, 3.4, 1.6) == {
        "name": "x",
        "unit": "y",
        "ours": 2,
        "rival": 3,
        "ratio": {"numerator": 2, "denominator": 3, "ppm": 666_666},
        "raw": 2,
    }


@needs_rival
def test_appends_are_measured_under_their_four_names(tmp_path: Path) -> None:
    from cckit.cli.bench_append import append

    names = check_shape(append(tmp_path, rounds=1, share=1000))
    assert names == ["append.1", "append.bulk1000", "append.100", "append.1000"]


@needs_rival
def test_replay_and_rebuild_are_measured(tmp_path: Path) -> None:
    assert check_shape(replay(tmp_path, calls=20, rounds=1)) == ["replay"]
    assert check_shape(rebuild(tmp_path, calls=20, rounds=1)) == ["rebuild"]


@needs_rival
def test_the_rival_reads_back_what_it_saved(tmp_path: Path) -> None:
    from cckit.cli.bench_append import READY
    from cckit.cli.bench_rival import Rival

    rival = Rival(tmp_path / "rival.db")
    rival.save([("contact/1", READY), ("contact/1", READY), ("contact/2", READY)])
    seen: list[Any] = []
    assert rival.replay(seen.append) == 3
    rival.close()
    assert [(e.originator_version, e.purpose) for e in seen] == [
        (1, "quality"),
        (2, "quality"),
        (1, "quality"),
    ]


def test_verification_is_measured_with_and_without_events(tmp_path: Path) -> None:
    assert check_shape(verified(tmp_path, calls=20, rounds=1)) == ["verify", "verify.events"]


def test_checkpoints_are_measured_inside_and_outside_of_the_center(tmp_path: Path) -> None:
    from cckit.cli.bench_checkpoint import checkpoint

    names = check_shape(checkpoint(tmp_path, rounds=1, share=100))
    assert names == ["checkpoint.follow", "checkpoint.inside"]


def test_asking_what_if_is_measured_beside_the_simulation_that_made_the_day() -> None:
    from cckit.cli.bench_what_if import what_if_day

    assert check_shape([what_if_day(300, rounds=1)]) == ["what-if"]


def test_the_full_day_has_skills_steps_two_channels_and_callbacks() -> None:
    from cckit.cli import bench_full_day as bench
    from cckit.core import facts as f

    assert check_shape([bench.full_day(300, rounds=1)]) == ["day.full"]
    world = bench.full_world(1500, 1)
    seen: dict[type, int] = {}
    keep = world._keep  # Its store keeps no frames.

    def counted(decision: Any) -> None:
        for _, data in decision.recorded:
            seen[type(data)] = seen.get(type(data), 0) + 1
        keep(decision)

    world._keep = counted  # type: ignore[method-assign]
    world.run()
    assert seen[f.QueueRequirementRelaxed] > 300
    assert seen[f.QueuePlaceKept] > 100 and seen[f.QueueResumed] > 80
    channels = {group.channel for group in world.engine.floor.index.groups}
    assert channels == {"voice", "chat"}


def test_every_name_of_the_command_has_its_function() -> None:
    if importlib.util.find_spec("eventsourcing") is None:
        pytest.skip("eventsourcing is missing: pip install 'cckit-sdk[bench]'")
    assert all(callable(command._measure_of(name)) for name in command.NAMES)


def test_a_missing_rival_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        command.check_rival("append")
    assert caught.value.remedy == "pip install 'cckit-sdk[bench]'"
    command.check_rival("verify")


def test_a_folder_that_can_not_be_written_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "absent"
    assert main(["bench", "verify", "--folder", str(absent)]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_results_are_printed_as_json_or_as_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = result("verify", "kB/s", 50, 40, 60)
    monkeypatch.setattr(command, "measure", lambda *_: [one])
    assert main(["bench", "verify", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"results": [one]}
    assert main(["bench", "verify"]) == 0
    assert "1.250 ×" in capsys.readouterr().out


def test_nothing_stays_behind(tmp_path: Path) -> None:
    def leaves_a_file(folder: Path) -> list[Result]:
        (folder / "log.db").write_bytes(b"x")
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "_measure_of", lambda *_: leaves_a_file)
        assert command.measure("verify", tmp_path) == []
    assert list(tmp_path.iterdir()) == []
