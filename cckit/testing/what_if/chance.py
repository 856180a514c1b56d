"""What the log does not say, drawn by seed from what it does.

Every draw is a function of the seed, the contact, the concern and its number alone. So two
policies meet the same chance wherever the same thing is unknown in both, and a difference
between them is theirs.
"""

from random import Random
from typing import Final

from cckit.core.instant import SECOND
from cckit.testing.draws import stream
from cckit.testing.survival import Survival

from .day import RANG_OUT, TALK, WAITS, Day, Dialed, Offered

MODEL: Final = (
    "patience of who was not seen to give up drawn above the observed wait from the "
    "Kaplan-Meier curve, exponential beyond it; talk, wrap-up and answers of what did not "
    "happen drawn from what did"
)
TRIES: Final = 20
"""Draws of what must be longer than what was seen, until it counts as never."""
ENOUGH: Final = 20
"""Offers of an agent from which on its own ways of answering are drawn from."""
BACK_US: Final = 60 * SECOND
"""Until an agent is ready again whose offer rang out, where the log never saw it."""


class Chance:
    """The distributions of a day; the same for every seed."""

    def __init__(self, day: Day) -> None:
        talks: dict[str | None, list[int]] = {None: []}
        wrapups: list[int | None] = []
        answers: dict[str | None, list[Offered]] = {None: []}
        waits: list[tuple[int, bool]] = []
        self.connects: list[int] = []
        """From answering until both hear each other."""
        self.backs: list[int] = []
        self.dialed: list[Dialed] = []
        for story in day.stories:
            for stage in story.stages if story.arrival is not None else ():
                until = day.last if stage.until is None else stage.until
                if stage.kind in WAITS:
                    waits.append((max(0, until - stage.at), stage.gave_up))
                elif stage.kind == TALK and stage.until is not None:
                    length = max(0, until - stage.at)
                    talks[None].append(length)
                    talks.setdefault(stage.queue, []).append(length)
            for wrapup in story.wrapups:
                if wrapup.until is not None:
                    took = None if wrapup.by_timer else wrapup.until - wrapup.at
                    wrapups.append(took)
            self.dialed += [one for one in story.dialed if one.inputs]
            for offer in story.offers:
                self._learn(offer, answers)
        self.curve = Survival.fit(waits)
        self._talks, self._wrapups, self._answers = talks, wrapups, answers

    def _learn(self, offer: Offered, answers: dict[str | None, list[Offered]]) -> None:
        if offer.outcome is not None and offer.alert is not None:
            answers[None].append(offer)
            answers.setdefault(offer.made.agent, []).append(offer)
        if offer.bridge is not None and offer.bridge.command is None:
            self.connects.append(offer.bridge.at)
        if offer.back is not None:
            self.backs.append(offer.back.at)

    @property
    def talks(self) -> int:
        """How many talks were seen: with none, nothing can be drawn."""
        return len(self._talks[None])

    def patience(self, seed: int, contact: str, n: int, above_us: int) -> int | None:
        """How long somebody waits who was seen to wait ``above_us``; None is for ever."""
        return self.curve.draw(self._dice(seed, contact, f"patience {n}"), above_us)

    def talk(self, seed: int, contact: str, n: int, queue: str | None) -> int:
        found = self._talks.get(queue) or self._talks[None]
        return found[_pick(self._dice(seed, contact, f"talk {n}"), len(found))]

    def wrapup(self, seed: int, contact: str, n: int) -> int | None:
        """How long an agent wraps up; None is until the queue's time is over."""
        found = self._wrapups
        if not found:
            return None
        return found[_pick(self._dice(seed, contact, f"wrapup {n}"), len(found))]

    def answer(
        self, seed: int, contact: str, agent: str, n: int, above_us: int = -1
    ) -> Offered | None:
        """An offer that was answered as this one will be; None: at once.

        :param above_us: it was seen to ring that long without an answer.
        """
        own = self._answers.get(agent, [])
        found = own if len(own) >= ENOUGH else self._answers[None]
        if not found:
            return None
        dice = self._dice(seed, contact, f"answer {agent} {n}")
        for _ in range(TRIES):
            offer = found[_pick(dice, len(found))]
            if offer.answer is None or offer.answer.at > above_us:
                return offer
        return Offered(0, offer.made, offer.alert, outcome=RANG_OUT)

    def connect(self, seed: int, contact: str, agent: str, n: int, above_us: int) -> int:
        """From answering until both hear each other, longer than was seen."""
        longer = [one for one in self.connects if one > above_us]
        if not longer:
            return above_us + 1
        return longer[_pick(self._dice(seed, contact, f"connect {agent} {n}"), len(longer))]

    def back(self, seed: int, contact: str, agent: str) -> int:
        """From ringing out until ready again."""
        if not self.backs:
            return BACK_US
        dice = self._dice(seed, contact, f"back {agent}")
        return self.backs[_pick(dice, len(self.backs))]

    def called(self, seed: int, contact: str, n: int) -> Dialed | None:
        """Another call to somebody that goes as this one will; None if there was none."""
        if not self.dialed:
            return None
        return self.dialed[_pick(self._dice(seed, contact, f"called {n}"), len(self.dialed))]

    @staticmethod
    def dice(seed: int, contact: str, concern: str) -> Random:
        """The numbers of one concern of one contact."""
        return stream(seed, f"what if {contact} {concern}")

    _dice = dice


def _pick(random: Random, n: int) -> int:
    return int(random.random() * n)
