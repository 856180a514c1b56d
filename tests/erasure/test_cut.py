"""The power goes in the middle of an erasure: at every step it is either not begun or ended.

A whole center erases somebody while every operation on the log, the views, the key file and
the KEK file is recorded. At each of them the disk may keep what a power cut leaves; a kill
of the process leaves exactly the variant ``all``. A center is then opened on it.
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from cckit import Center, Config
from cckit.core import facts as f
from cckit.core.commands import Erase, ReportArrived
from cckit.core.ids import SubjectId, subject_stream
from cckit.shell.proof.checking import verify_log
from cckit.stores.keks import KekFile
from cckit.testing.center import run_center
from cckit.testing.faults import Operation
from cckit.testing.powercut import Disk, Mark, Recorder, Recording

SEED = 20_261_121
CONFIG = Config.parse("")
NUMBERS = ("+972-54-000-0001", "+972-54-000-0002", "+972-54-000-0003")


async def callers(center: Center) -> dict[SubjectId, str | None]:
    """Everybody who called: whose number can be opened."""
    opened = center._parts.people.opened
    return {
        one[1].subject: opened(one).from_
        async for batch in center.read(types=(f.ContactCreated,))
        for one in batch
    }


def recorded(folder: Path, recorder: Recorder | None = None) -> tuple[Recording, list[SubjectId]]:
    """What reaches the disk while the first of three callers is erased."""
    people: list[SubjectId] = []
    with recorder or Recorder(folder, SEED) as recorder:

        async def main(center: Center) -> None:
            for number in NUMBERS:
                reply = await center.do(ReportArrived("voice", from_=number))
                people.append(reply.recorded[0][1].subject)
            recorder.mark("ready")
            await center.do(Erase(people[0], "asked"))
            recorder.mark("begun")
            await center.erased(people[0])
            recorder.mark("erased")
            await center.do(ReportArrived("voice", from_=NUMBERS[0]))

        run_center(main, CONFIG, seed=SEED, log=str(folder / "a.db"))
    return recorder.recording, people


def images(recording: Recording) -> Iterator[tuple[int, str, dict[str, bytes], set[str]]]:
    """Every image from the moment that all is ready: where, how, files, what was said."""
    disk, said = Disk(), set[str]()
    for at, one in enumerate(recording):
        if isinstance(one, Mark):
            said.add(one.word)
            continue
        disk.do(at, one)
        if "ready" in said:
            for variant in disk.variants(2):
                image = disk.cut(variant, Random(f"{SEED} {at} {variant}"))
                yield at, variant, {n: part.data() for n, part in image.items()}, set(said)


def judge(folder: Path, people: list[SubjectId], said: set[str]) -> str:
    """Open a center on an image; what is wrong, empty if nothing is."""

    async def main(center: Center) -> str:
        await center.erased(people[0])
        known = await callers(center)
        story = [
            type(data)
            async for batch in center.read(stream=subject_stream(people[0]))
            for _, data in batch
        ]
        for subject, number in list(zip(people, NUMBERS, strict=True))[1:]:
            if known[subject] != number:
                return f"{number} was not to be erased"
        begun = f.SubjectErasureStarted in story
        if "begun" in said and not begun:
            return "an erasure that was acknowledged is not in the log"
        if begun and (story[-1] is not f.SubjectErased or known[people[0]] is not None):
            return f"an erasure that began was not ended: {story[-1].__name__}"
        if not begun and known[people[0]] != NUMBERS[0]:
            return "somebody is gone whom nobody erased"
        if center.state.erasing:
            return "the floor still waits for an erasure"
        return ""

    wrong = run_center(main, CONFIG, seed=SEED + 1, log=str(folder / "a.db"))
    if not wrong and len(KekFile(folder / "a.kek").read()) != 1:
        return "there are two KEKs"
    verdict = verify_log(folder / "a.db", events=True)
    return wrong or ("" if verdict.ok else str(verdict.error))


def test_a_power_cut_leaves_an_erasure_not_begun_or_ended(
    folder: Path,
    tier: Callable[[int, int, int], int],
    publish: Callable[[str], None],
) -> None:
    recording, people = recorded(_made(folder / "recorded"))
    steps = sum(isinstance(one, Operation) for one in recording)
    every = list(images(recording))
    wanted = min(tier(60, 600, 100_000), len(every))
    kills = [one for one in every if one[1] == "all"]
    others = [one for one in every if one[1] != "all"]
    chosen = kills[:: max(1, 2 * len(kills) // wanted)]
    chosen += Random(SEED).sample(others, max(0, wanted - len(chosen)))
    for n, (at, variant, files, said) in enumerate(chosen):
        place = _made(folder / str(n))
        for name, data in files.items():
            (place / name).write_bytes(data)
            (place / name).chmod(0o600)
        wrong = judge(place, people, said)
        assert not wrong, f"seed {SEED}, operation {at} of {steps}, {variant}: {wrong}"
        for path in place.iterdir():
            path.unlink()
    publish(
        f"erasures cut: {len(chosen):,} images of {steps} operations, 0 half erased, 0 others lost"
    )


class Executioner(Recorder):
    """Kills this process right before an operation on the disk."""

    def __init__(self, folder: Path, at: int) -> None:
        super().__init__(folder, SEED)
        self._alive = at

    def before(self, operation: Operation) -> None:
        if self._alive == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self._alive -= 1


def killed(folder: Path, at: int) -> bool:
    """Erase in a process that is killed at an operation; whether it came to that."""
    pid = os.fork()
    if pid == 0:
        try:
            recorded(folder, Executioner(folder, at))
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def test_a_kill_leaves_an_erasure_not_begun_or_ended(
    folder: Path,
    tier: Callable[[int, int, int], int],
    publish: Callable[[str], None],
) -> None:
    recording, people = recorded(_made(folder / "recorded"))
    ready = next(n for n, one in enumerate(recording) if isinstance(one, Mark))
    steps = range(ready, sum(isinstance(one, Operation) for one in recording))
    chosen = sorted(Random(SEED).sample(steps, min(tier(12, 200, 100_000), len(steps))))
    kills = 0
    for at in chosen:
        place = _made(folder / str(at))
        kills += killed(place, at)
        wrong = judge(place, people, set())
        assert not wrong, f"killed at operation {at} of {len(steps)}: {wrong}"
    assert kills == len(chosen)
    publish(f"erasures killed: {kills} of {len(steps)} operations, 0 half erased, 0 others lost")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
