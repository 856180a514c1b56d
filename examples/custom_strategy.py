"""Who waits is offered to the agent who has talked least today: a strategy of our own.

The ranking is a hook. It is asked for the agents that could have the contact, answers with
an order and a reason, and both are stored in the offer.
"""

from collections.abc import Sequence

import trio

from cckit import Actor, Config, Stored, open_center
from cckit.core import (
    Candidate,
    Enqueue,
    LogIn,
    OfferMade,
    Ranking,
    ReportArrived,
    SetReady,
    Waiting,
)
from cckit.hooks import PolicyHooks, hookimpl

CENTER = Config.parse("[queues.orders]\n[agents.anna]\n[agents.ben]")


class LeastTalk(PolicyHooks):
    """Least talk time first; ties by agent, so that the same log gives the same order."""

    @hookimpl
    def cckit_rank_agents(
        self, contact: Waiting, candidates: Sequence[Candidate]
    ) -> Ranking | None:
        order = sorted(candidates, key=lambda one: (one.talk_us, one.contacts, one.agent))
        return Ranking([one.agent for one in order], "talked least")


async def main() -> None:
    line = Actor("adapter", "phone")
    async with open_center(CENTER, plugins={"least_talk": LeastTalk()}) as center:
        for agent in ("ben", "anna"):
            await center.do(LogIn(agent), actor=Actor("agent", agent))
            await center.do(SetReady(agent), actor=Actor("agent", agent))
        arrived = await center.do(ReportArrived("voice"), actor=line)
        assert isinstance(arrived, Stored)
        queued = await center.do(Enqueue(arrived.contact, "orders"), actor=line)
        assert isinstance(queued, Stored)
        made = queued.fact(OfferMade)
        print("offered to", made.agent, "because of", *(made.hook or ()))


if __name__ == "__main__":
    trio.run(main)
