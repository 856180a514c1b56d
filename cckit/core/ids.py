"""Names of things.

Contact and subject ids are random text from the shell. Offers, queue entries and legs
carry *core ids*, ``epoch * 2^32 + n`` with ``n`` counted in the floor's state, so they
only grow: an offer's id is its fence.
"""

from typing import Final, NewType

Stream = NewType("Stream", str)
"""``contact/ID``, ``agent/ID``, ``subject/ID`` or ``center``."""

ContactId = NewType("ContactId", str)
AgentId = NewType("AgentId", str)
QueueId = NewType("QueueId", str)
SubjectId = NewType("SubjectId", str)
LegId = NewType("LegId", int)
OfferId = NewType("OfferId", int)
EntryId = NewType("EntryId", int)

EPOCH_SHIFT: Final = 32
CENTER: Final = Stream("center")


def contact_stream(contact: str) -> Stream:
    """The stream of one contact."""
    return "contact/" + contact  # type: ignore[return-value]  # To name the type takes longer.


def agent_stream(agent: str) -> Stream:
    """The stream of one agent."""
    return Stream("agent/" + agent)


def subject_stream(subject: str) -> Stream:
    """The stream of one person."""
    return Stream("subject/" + subject)
