"""The facts of a case, in stream ``case/ID``.

Which contacts belong to it is said by ``contact.linked``, whose ``matter`` is the case's.
"""

from cckit.core import ContactId, Instant, Personal, Span, SubjectId, event


@event("case.opened", version=1)
class CaseOpened:
    """A matter is written down."""

    matter: ContactId
    """Its first contact."""
    kind: str
    """What it is about; its clocks are those of its kind."""
    owner: str
    """Who answers for it; empty is nobody yet."""
    reopen_us: Span
    """How long it can be reopened once it is resolved, by the rules of then."""


@event("case.changed", version=1)
class CaseChanged:
    """What is known of it."""

    subject: SubjectId | None
    """Under whose key the rest is sealed."""
    fields: Personal[dict[str, str]] | None
    """A name that comes again is replaced."""
    note: Personal[str] | None


@event("case.state_set", version=1)
class CaseStateSet:
    state: str
    """open, customer, second_line, supplier (for whom it waits), resolved or closed."""
    basis: str
    """Why: who decided it, ``reopened``, ``timer`` or ``merged:ID``."""


@event("case.clock_set", version=1)
class CaseClockSet:
    """A clock of what was promised runs, stands or has ended."""

    clock: str
    """``response`` or ``resolution``."""
    state: str
    """running, paused, met, breached or cancelled."""
    due: Instant | None
    """When it is breached; null unless it runs."""
    left_us: Span
    """How much was left then; below zero never: a breach leaves 0."""


Event = CaseOpened | CaseChanged | CaseStateSet | CaseClockSet
