"""From the event that a decision begins with to the command that it answered.

Which event that is depends on what else the decision says: ``lead_of``. ``NEUTRAL`` are
commands on which no decision about contacts or agents depends, and ``NOT_MODELLED`` those
that another run could not be asked again.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cckit.core import commands as c
from cckit.core import facts as f
from cckit.core.events import Envelope, Recorded

from . import leads_agents as agents
from . import leads_contacts as contacts
from . import leads_handing as handing
from .noted import Step

if TYPE_CHECKING:
    from .reading import Reader

Read = Callable[["Reader", Step, Envelope, Any], None]

LEADS: Final[dict[type, Read]] = {
    f.RunStarted: agents.run,
    f.ConfigApplied: agents.configured,
    f.ModeChanged: agents.mode,
    f.AdapterLinkChanged: agents.adapter,
    f.SubjectMerged: agents.merged,
    f.ContactCreated: contacts.created,
    f.QueueEntered: contacts.entered,
    f.QueuePriorityChanged: contacts.priority,
    f.QueueLeft: contacts.left,
    f.QueuePlaceKept: contacts.kept,
    f.QueueEstimateGiven: contacts.estimated,
    f.ContactClosed: contacts.closed,
    f.ContactIdentified: contacts.identified,
    f.MessageReceived: contacts.received,
    f.LegCleared: contacts.cleared,
    f.LegOrdered: contacts.ordered,
    f.LegDelivered: contacts.delivered,
    f.LegEstablished: contacts.established,
    f.LegHeld: contacts.told,
    f.LegRetrieved: contacts.told,
    f.ContactTransferred: handing.transferred,
    f.ContactConferenced: handing.conferenced,
    f.ContactAgentLeft: handing.part_ended,
    f.AgentWrapupStarted: handing.part_ended,
    f.OfferAlerting: agents.alerting,
    f.OfferAccepted: agents.answered,
    f.OfferRejected: agents.rejected,
    f.OfferFailed: agents.failed,
    f.ContactConnected: agents.bridged,
    f.ContactConnectFailed: agents.bridged,
    f.AgentProfileSet: agents.profile,
    f.CertificationChanged: agents.certified,
    f.AgentLinkChanged: agents.linked,
    f.AgentLoggedIn: agents.logged_in,
    f.AgentLoggedOut: agents.logged_out,
    f.AgentReady: agents.ready,
    f.AgentNotReady: agents.not_ready,
    f.AgentNextStatusSet: agents.next_status,
    f.AgentWrapupEnded: agents.wrapped,
    f.AgentWrapupExtended: agents.extended,
}
"""The event that a command is about to what reads the command from it."""

SILENT: Final[frozenset[type]] = frozenset(
    {
        f.SchemaDeclared,
        f.RecoveryReconciled,
        f.ClockStepped,
        f.PluginFailed,
        f.InvariantBroken,
        f.FactSuperseded,
        f.FactQuarantined,
        f.FactFlagged,
        f.LedgerCounted,
        f.LogRestored,
        f.ProjectionPinned,
        f.PermissionChanged,
        f.AccessGranted,
        f.AccessRefused,
        f.DataDisclosed,
        f.HoldChanged,
        f.SubjectErasureStarted,
        f.SubjectErased,
        f.SubjectKeyMade,
        f.ContactAttributesSet,
        f.ContactConsentRecorded,
        f.ContactLinked,
        f.MessageSent,
        f.MessageStatusSet,
        f.OfferMade,
        f.OfferRescinded,
        f.QueueRequirementRelaxed,
    }
)
"""What no decision about contacts or agents depends on; or what only ``Route`` begins with."""

NEUTRAL: Final[frozenset[type]] = frozenset(
    {
        c.SetAttributes,
        c.GiveConsent,
        c.Link,
        c.Send,
        c.ReportStatus,
        c.SetPermission,
        c.SetHold,
        c.Erase,
    }
)
"""Commands whose events are ``SILENT``: left out, and nothing comes out otherwise for it."""
NOT_MODELLED: Final[frozenset[type]] = frozenset({c.ReportSessions})
"""Commands that say what a switch had lost; what they led to is counted as not modelled."""

ASIDE: Final = frozenset({f.OfferRescinded, f.SubjectKeyMade, f.FactSuperseded})
"""What may stand before the event that a command is about."""
TELLING: Final = frozenset({f.ContactTransferred, f.ContactConferenced})
"""Events that say what a decision is, wherever they stand in it."""
AMBIGUOUS: Final = frozenset(
    {
        f.QueueLeft,
        f.LegOrdered,
        f.ContactConnected,
        f.ContactClosed,
        f.AgentWrapupStarted,
        f.ContactAgentLeft,
    }
)
"""Events that several commands begin with."""


def lead_of(step: Step) -> Recorded[Any]:
    """The event that the command was about."""
    events = step.events
    first = type(events[0][1])
    if len(events) == 1 or (first in LEADS and first not in AMBIGUOUS):
        return events[0]
    for recorded in events:
        kind = type(recorded[1])
        if kind in TELLING:
            return recorded
        if kind is f.ContactAgentLeft and recorded[1].why == handing.PULLED:
            return recorded
    if first is not f.QueueLeft and first in LEADS and first is not f.LegOrdered:
        return events[0]
    created = step.find(f.ContactCreated)
    if created is not None:  # What it ended of another contact, or held, stands before it.
        return created
    kept = step.find(f.QueuePlaceKept)
    if kept is not None:
        return kept
    for recorded in events:
        if type(recorded[1]) not in ASIDE:
            return recorded
    return events[0]
