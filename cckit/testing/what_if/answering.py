"""How an agent answers an offer of whom the log says nothing."""

from random import Random
from typing import Final

from cckit.core.events import Actor
from cckit.core.facts import OfferMade
from cckit.testing.draws import AT_ONCE
from cckit.testing.staffing import Shift

from .day import ACCEPTED, NEW, RANG_OUT, Input, Offered

LINE: Final = Actor("adapter", "what-if")


def by_shift(shift: Shift, made: OfferMade, random: Random) -> Offered | None:
    """How an agent of a staffing answers; None where it does not say."""
    if shift.answer == AT_ONCE and not shift.unanswered:
        return None
    alert = Input(0, NEW, None, LINE)
    if shift.unanswered and random.random() < shift.unanswered:
        return Offered(0, made, alert, outcome=RANG_OUT)
    delay = shift.answer.draw(random)
    connect = shift.connect.draw(random)
    if delay is None or connect is None:
        return Offered(0, made, alert, outcome=RANG_OUT)
    answer = Input(delay, NEW, None, Actor("agent", made.agent))
    return Offered(0, made, alert, answer, ACCEPTED, Input(connect, NEW, None, LINE))


def at_once(made: OfferMade) -> Offered:
    answer = Input(0, NEW, None, Actor("agent", made.agent))
    alert = Input(0, NEW, None, LINE)
    return Offered(0, made, alert, answer, ACCEPTED, Input(0, NEW, None, LINE))
