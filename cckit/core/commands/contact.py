"""What is asked for a contact: by its flow, its agent, a supervisor or a process."""

from typing import Annotated

import attrs

from cckit.core.events import InClear, When
from cckit.core.ids import AgentId, ContactId, QueueId, SubjectId
from cckit.core.instant import SECOND, Instant, Span

from .making import command

Outside = Annotated[InClear[str], When("to_kind", "external")]
"""An agent or a queue, which is no secret, or somebody's number."""


@command
class Enqueue:
    """Put a contact into a queue."""

    contact: ContactId
    queue: QueueId
    priority: int = 0
    lane: int = 0
    need: str | None = None
    """``billing >= 3 and he >= 2``; None is what the queue needs, "" is anyone."""
    since: Instant | None = None
    """Where its wait counts from; None is now."""
    steps: tuple[str, ...] | None = None
    """In place of ``need``, one after the other: ``billing >= 3 for_us=30000000``, then
    ``anyone``. None is what the queue's settings say.

    .. versionadded:: 0.3
    """
    prefer: tuple[AgentId, ...] = ()
    """Agents to wait for first, for the queue's ``prefer_us``.

    .. versionadded:: 0.3
    """


@command
class Dequeue:
    """Take a waiting contact out of its queue; it stays on the line."""

    contact: ContactId


@command
class SetPriority:
    contact: ContactId
    priority: int
    why: str = ""


@command
class Deflect:
    """Send away a contact that is not yet connected."""

    contact: ContactId
    reason: str = "deflected"
    """deflected, spam, blocked, callback_agreed or merged."""
    why: str = ""


@command
class Close:
    """End a contact for both sides."""

    contact: ContactId


@command
class Hold:
    contact: ContactId


@command
class Retrieve:
    contact: ContactId


@command
class LeaveContact:
    """An agent leaves the conversation; the last one to leave ends it."""

    contact: ContactId
    agent: AgentId


@command
class KeepPlace:
    """Let a waiting customer hang up and keep the place in line."""

    contact: ContactId
    first: str = "agent"
    """Who is called first when it is their turn: ``agent`` or ``customer``."""


@command
class DialBack:
    """Call the customer of a kept place now."""

    contact: ContactId
    due_us: Span = Span(30 * SECOND)
    """How long it may ring."""


@command
class Recall:
    """Begin a new contact that calls somebody back: into the queue, without a customer yet."""

    of: ContactId | None
    """The contact that asked for it; None if nobody was there."""
    queue: QueueId
    first: str = "agent"
    lane: int = 1
    priority: int = 0
    need: str | None = None
    since: Instant | None = None
    contact: ContactId | None = None
    """Drawn by the shell where None."""
    subject: SubjectId | None = None
    """Whom to call; None is who the contact ``of`` is of."""
    channel: str = "voice"


@command
class Cancel:
    """Take a contact that waits without its customer out of the queue, and close it.

    Who kept their place and is still on the line waits on, and is not called any more.
    """

    contact: ContactId
    reason: str = "cancelled"
    """cancelled, callback_failed or merged."""


@command
class Overflow:
    """Move a waiting contact to another queue; its wait goes on."""

    contact: ContactId
    queue: QueueId


@command
class Estimate:
    """Announce to a waiting contact how long it will be."""

    contact: ContactId


@command
class Identify:
    """Say who the customer is, and how sure that is."""

    contact: ContactId
    subject: SubjectId
    method: str
    level: int = 1


@command
class SetAttributes:
    contact: ContactId
    values: InClear[dict[str, str]] = attrs.field(factory=dict)


@command
class Link:
    """Say that a contact belongs to the matter of another one."""

    contact: ContactId
    other: ContactId
    kind: str = "same_matter"
    """``same_matter`` or ``reopened``; the other kinds of links are the floor's own."""


@command
class Send:
    """Write to the customer."""

    contact: ContactId
    body: InClear[str] | None = None
    template: str | None = None


@command
class MoveChannel:
    """Go on with a contact on another channel: a new contact with all that is known."""

    contact: ContactId
    channel: str
    queue: QueueId | None = None
    """None is where it waited last."""
    to: InClear[str] | None = None
    """The customer's address there."""
    new_contact: ContactId | None = None
    """Drawn by the shell where None."""


@command
class Transfer:
    """Hand the contact on at once; its agent wraps up."""

    contact: ContactId
    to_kind: str
    """agent, queue or external."""
    to: Outside
    need: str | None = None
    """What the new agent needs; None keeps the steps that the contact waited with."""
    since: Instant | None = None
    """Where the new wait counts from; None is now, and for an agent the old since."""


@command
class Consult:
    """Call somebody about a contact; the customer is held meanwhile."""

    contact: ContactId
    to_kind: str
    to: Outside
    consult: ContactId | None = None
    """The id of the contact between the two; drawn by the shell where None."""


@command
class CompleteTransfer:
    """Give the customer to whom was consulted, and leave."""

    contact: ContactId


@command
class CancelConsult:
    """End the consultation and go back to the customer."""

    contact: ContactId


@command
class Conference:
    """Let customer, agent and whom was consulted hear each other."""

    contact: ContactId


@command
class Assign:
    """Give a waiting contact to one agent, whatever the queue would do."""

    contact: ContactId
    agent: AgentId


@command
class Pull:
    """Take a contact from its agent or its queue and put it into a queue again."""

    contact: ContactId
    queue: QueueId | None = None
    """None is where it waited last."""
    keep_since: bool = True
