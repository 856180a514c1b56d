"""Anything in any order, with everything that hands contacts on: see ``test_floor_machine``.

Transfers, consultations, conferences, calls out, and supervisors who take and give are drawn
as often as all the rest together, to agents, queues and numbers that there are and are not.
"""

from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import rule, run_state_machine_as_test

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.contact import TALKING
from cckit.core.engine import Engine
from cckit.core.errors import Refused
from cckit.core.events import Actor, Decision
from cckit.core.ids import AgentId, ContactId, QueueId
from cckit.core.instant import SECOND, Instant
from cckit.core.invariants import check_all
from cckit.core.snapshot import dump, load
from tests.simulation.test_floor_machine import (
    AGENT,
    AGENTS,
    NEEDS,
    QUEUES,
    WHICH,
    FloorMachine,
    recent,
)

TARGETS = st.one_of(
    st.tuples(st.just("agent"), st.sampled_from([*AGENTS, "nobody"])),
    st.tuples(st.just("queue"), st.sampled_from([*QUEUES, "nowhere"])),
    st.tuples(st.just("external"), st.sampled_from(["100", ""])),
)
FOLLOWING = st.sampled_from([c.CompleteTransfer, c.CancelConsult, c.Conference])


class HandoverMachine(FloorMachine):
    """The floor machine, and everybody hands contacts on."""

    def keep(self, decision: Decision | Refused | None) -> None:
        super().keep(decision)
        if isinstance(decision, Decision):
            ordered = [data.leg for _, data in decision.recorded if type(data) is f.LegOrdered]
            self.legs += [leg for leg in ordered if leg not in self.legs]

    def talking(self, which: int) -> ContactId:
        """Somebody who talks, if anybody does, else any contact."""
        contacts = self.engine.floor.contacts.values()
        found = [ContactId(contact.id) for contact in contacts if contact.phase is TALKING]
        return recent(found or self.contacts, which)

    def fresh(self) -> ContactId:
        contact = ContactId(f"c{len(self.contacts)}")
        self.contacts.append(contact)
        return contact

    @rule(queue=st.sampled_from(QUEUES))
    def come_and_talk(self, queue: str) -> None:
        contact = self.fresh()
        self.send(c.ReportArrived("voice", contact=contact))
        self.send(c.Enqueue(contact, QueueId(queue), need=""))
        for _ in range(3):
            self.one_step(contact)

    @rule(which=WHICH, whom=TARGETS, need=NEEDS, ago=st.sampled_from([None, 0, 9 * SECOND]))
    def transfer(self, which: int, whom: tuple[str, str], need: Any, ago: int | None) -> None:
        since = None if ago is None else Instant(self.now - ago)
        self.send(c.Transfer(self.talking(which), *whom, need, since))

    @rule(which=WHICH, whom=TARGETS)
    def consult(self, which: int, whom: tuple[str, str]) -> None:
        self.send(c.Consult(self.talking(which), *whom, self.fresh()))

    @rule(which=WHICH, whom=TARGETS, following=FOLLOWING, rounds=st.integers(0, 3))
    def consult_and_go_on(
        self, which: int, whom: tuple[str, str], following: Any, rounds: int
    ) -> None:
        contact = self.talking(which)
        consult = self.fresh()
        self.send(c.Consult(contact, *whom, consult))
        for _ in range(rounds):
            self.one_step(consult)
        self.send(following(contact))

    def one_step(self, contact_id: ContactId) -> None:
        """What would come next for a consultation, if all went well."""
        contact = self.engine.floor.contacts.get(f"contact/{contact_id}")  # type: ignore[call-overload]
        if contact is None:
            return
        if contact.dialing is not None:
            self.send(c.ReportEstablished(contact.dialing.id))
            return
        entry = self.engine.floor.entries.get(contact.entry)
        if contact.offer:
            self.send(c.ReportBridged(contact.offer))
        elif entry is not None and entry.offer:
            offer = self.engine.floor.offers[entry.offer]
            self.send(c.AcceptOffer(offer.id) if offer.leg else c.ReportAlerting(offer.id))

    @rule(which=WHICH, following=FOLLOWING)
    def end_consult(self, which: int, following: Any) -> None:
        self.send(following(self.talking(which)))

    @rule(agent=AGENT, to=st.sampled_from(["100", "100", ""]))
    def call_out(self, agent: AgentId, to: str) -> None:
        self.send(c.Dial(agent, to, contact=self.fresh()), Actor("agent", agent))

    @rule(which=WHICH, what=st.sampled_from([c.ReportDelivered, c.ReportEstablished]))
    def far_end(self, which: int, what: Any) -> None:
        self.send(what(recent(self.legs, which)))

    @rule(which=WHICH)
    def answered_outside(self, which: int) -> None:
        contacts = self.engine.floor.contacts.values()
        found = [contact.dialing for contact in contacts if contact.dialing is not None]
        if found:
            self.send(c.ReportEstablished(recent(found, which).id))

    @rule(which=WHICH, queue=st.sampled_from([None, *QUEUES, "nowhere"]), old=st.booleans())
    def pull(self, which: int, queue: str | None, old: bool) -> None:
        name = None if queue is None else QueueId(queue)
        self.send(c.Pull(self.talking(which), name, old))

    @rule(which=WHICH, agent=AGENT)
    def assign(self, which: int, agent: AgentId) -> None:
        self.send(c.Assign(recent(self.contacts, which), agent))

    @rule(which=WHICH, agent=AGENT)
    def leave(self, which: int, agent: AgentId) -> None:
        self.send(c.LeaveContact(self.talking(which), agent))

    def teardown(self) -> None:
        """Fold and load the same floor, then hang everybody up."""
        if not self.sound:
            return
        floor = self.engine.floor
        again, loaded = Engine(), Engine()
        for recorded in self.log:
            again.fold(recorded)
        load(loaded, dump(self.engine))
        assert dump(again) == dump(self.engine) == dump(loaded)
        check_all(again.floor)
        check_all(loaded.floor)
        for contact in list(floor.contacts.values()):
            legs = (contact.leg, *(leg.id for leg in contact.more()))
            for leg in legs if contact.stream in floor.contacts else ():
                self.send(c.ReportCleared(leg))
        self.pass_time(700 * SECOND)
        check_all(floor)
        assert not (floor.contacts or floor.entries or floor.offers or floor.legs)
        assert not any(agent.slots for agent in floor.agents.values())
        assert floor.created == floor.closed


def test_all_invariants_hold_whoever_hands_on_what_to_whom(tier: Any) -> None:
    run_state_machine_as_test(
        HandoverMachine,
        settings=settings(
            max_examples=tier(40, 400, 20_000), stateful_step_count=40, deadline=None
        ),
    )
