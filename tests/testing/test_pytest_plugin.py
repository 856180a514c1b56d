"""What a user's test gets: run by pytest itself, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

USERS_TEST = """
from cckit import Config
from cckit.testing import World


def test_a_world_has_the_seed_of_its_test(world, cckit_seed):
    one = world()
    assert isinstance(one, World)
    assert one.seed == cckit_seed
    assert world(seed=5).seed == 5


def test_a_center_runs_in_virtual_time(run_center):
    async def main(center):
        return center.state.created

    assert run_center(main, Config.parse("[queues.orders]")) == 0


def test_that_fails(world):
    assert world().seed == -1
"""


def run(folder: Path, *arguments: str) -> str:
    (folder / "test_users.py").write_text(USERS_TEST)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    environment = {key: value for key, value in os.environ.items() if "PYTEST" not in key}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout


def test_a_failure_prints_its_seed_and_how_to_repeat_it(tmp_path: Path) -> None:
    told = run(tmp_path)
    assert "1 failed, 2 passed" in told
    seed = told.split("repeat it with --cckit-seed ")[1].split()[0]
    assert seed.isdigit()
    assert "seed 42: repeat it with --cckit-seed 42" in run(tmp_path, "--cckit-seed", "42")
