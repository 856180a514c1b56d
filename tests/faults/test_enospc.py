"""The disk is full, at every step of 4 KiB: a clear error, and nothing acknowledged is lost."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).with_name("full.py")
POINTS = 185
"""The last of them have room for a whole workload."""


def full(root: Path, folder: Path, *pages: int) -> list[dict[str, Any]]:
    """Run ``full.py`` where it may mount: in a mount namespace of its own."""
    again = ["unshare", "--mount", sys.executable, str(SCRIPT), str(folder), *map(str, pages)]
    paths = f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    environment = {**os.environ, "PYTHONPATH": paths}
    found = subprocess.run(again, capture_output=True, text=True, env=environment, check=False)
    assert found.returncode == 0, found.stderr
    return [json.loads(line) for line in found.stdout.splitlines()]


@pytest.fixture
def mountable(tmp_path: Path) -> Path:
    """A folder that a tmpfs can be mounted on."""
    folder = tmp_path / "full"
    folder.mkdir()
    try:
        command = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", str(folder)]
        tried = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("unshare is absent: apt-get install util-linux")
    if tried.returncode:
        pytest.skip(f"no tmpfs can be mounted ({tried.stderr.strip()}): run as root")
    return folder


def test_a_full_disk_loses_nothing_and_says_so(
    root: Path,
    mountable: Path,
    tier: Callable[[int, int, int], int],
    publish: Callable[[str], None],
) -> None:
    found = full(root, mountable, 1, POINTS, tier(12, 1, 1))
    faults = [f"{one['pages']} pages: {fault}" for one in found for fault in one["faults"]]
    assert faults == []
    failures = sum(one["failures"] > 0 for one in found)
    assert 0 < failures < len(found)
    publish(f"full disk: {len(found)} points, {failures} failed and reopened, 0 lost")
