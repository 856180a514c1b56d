"""The facts of the core: every event that cckit itself writes, a file a machine.

Names and fields are for ever: a changed event is a new version with an upcaster. Streams:
``contact/ID`` (contact, leg, message, queue and offer events), ``agent/ID``, ``subject/ID``,
``center``. Events of a leg, an entry or an offer start with its id.
"""

from typing import Final, get_args

from .agent import (
    AgentLinkChanged,
    AgentLoggedIn,
    AgentLoggedOut,
    AgentNextStatusSet,
    AgentNotReady,
    AgentProfileSet,
    AgentReady,
    AgentWrapupEnded,
    AgentWrapupExtended,
    AgentWrapupStarted,
    CertificationChanged,
)
from .contact import (
    ContactAgentLeft,
    ContactAttributesSet,
    ContactClosed,
    ContactConferenced,
    ContactConnected,
    ContactConnectFailed,
    ContactConsentRecorded,
    ContactCreated,
    ContactIdentified,
    ContactIdled,
    ContactLinked,
    ContactTransferred,
    MessageReceived,
    MessageSent,
    MessageStatusSet,
)
from .leg import (
    LegAdopted,
    LegCleared,
    LegDelivered,
    LegEstablished,
    LegHeld,
    LegLost,
    LegOrdered,
    LegRetrieved,
)
from .log import (
    AdapterLinkChanged,
    ClockStepped,
    ConfigApplied,
    FactFlagged,
    FactQuarantined,
    FactSuperseded,
    GapClosed,
    GapOpened,
    InvariantBroken,
    LedgerCounted,
    LogRestored,
    ModeChanged,
    PluginFailed,
    ProjectionPinned,
    RecoveryReconciled,
    RunStarted,
    SchemaDeclared,
)
from .offer import (
    OfferAccepted,
    OfferAlerting,
    OfferExpired,
    OfferFailed,
    OfferMade,
    OfferRejected,
    OfferRescinded,
)
from .people import (
    AccessGranted,
    AccessRefused,
    DataDisclosed,
    HoldChanged,
    PermissionChanged,
    SubjectErased,
    SubjectErasureStarted,
    SubjectKeyMade,
    SubjectMerged,
)
from .queue import (
    QueueEntered,
    QueueEstimateGiven,
    QueueLeft,
    QueuePlaceKept,
    QueuePriorityChanged,
    QueueRequirementRelaxed,
    QueueResumed,
)

Fact = (
    SchemaDeclared
    | RunStarted
    | ClockStepped
    | RecoveryReconciled
    | ConfigApplied
    | PluginFailed
    | InvariantBroken
    | FactSuperseded
    | FactQuarantined
    | FactFlagged
    | LedgerCounted
    | LogRestored
    | ProjectionPinned
    | GapOpened
    | GapClosed
    | AdapterLinkChanged
    | ModeChanged
    | PermissionChanged
    | AccessGranted
    | AccessRefused
    | DataDisclosed
    | HoldChanged
    | SubjectErasureStarted
    | SubjectErased
    | SubjectKeyMade
    | SubjectMerged
    | ContactCreated
    | ContactConnected
    | ContactConnectFailed
    | ContactAgentLeft
    | ContactClosed
    | ContactIdentified
    | ContactAttributesSet
    | ContactConsentRecorded
    | ContactLinked
    | ContactTransferred
    | ContactConferenced
    | ContactIdled
    | MessageReceived
    | MessageSent
    | MessageStatusSet
    | LegOrdered
    | LegHeld
    | LegRetrieved
    | LegCleared
    | LegDelivered
    | LegEstablished
    | LegLost
    | LegAdopted
    | QueueEntered
    | QueuePriorityChanged
    | QueueLeft
    | QueueRequirementRelaxed
    | QueuePlaceKept
    | QueueResumed
    | QueueEstimateGiven
    | OfferMade
    | OfferAlerting
    | OfferAccepted
    | OfferRejected
    | OfferExpired
    | OfferRescinded
    | OfferFailed
    | AgentProfileSet
    | AgentLoggedIn
    | AgentLoggedOut
    | AgentReady
    | AgentNotReady
    | AgentNextStatusSet
    | AgentWrapupStarted
    | AgentWrapupExtended
    | AgentWrapupEnded
    | AgentLinkChanged
    | CertificationChanged
)

FACTS: Final[tuple[type, ...]] = get_args(Fact)

__all__ = [
    "FACTS",
    "Fact",
    "AccessGranted",
    "AccessRefused",
    "AdapterLinkChanged",
    "AgentLinkChanged",
    "AgentLoggedIn",
    "AgentLoggedOut",
    "AgentNextStatusSet",
    "AgentNotReady",
    "AgentProfileSet",
    "AgentReady",
    "AgentWrapupEnded",
    "AgentWrapupExtended",
    "AgentWrapupStarted",
    "CertificationChanged",
    "ClockStepped",
    "ConfigApplied",
    "ContactAgentLeft",
    "ContactAttributesSet",
    "ContactClosed",
    "ContactConferenced",
    "ContactConnectFailed",
    "ContactConnected",
    "ContactConsentRecorded",
    "ContactCreated",
    "ContactIdentified",
    "ContactIdled",
    "ContactLinked",
    "ContactTransferred",
    "DataDisclosed",
    "FactFlagged",
    "FactQuarantined",
    "FactSuperseded",
    "GapClosed",
    "GapOpened",
    "HoldChanged",
    "InvariantBroken",
    "LedgerCounted",
    "LegAdopted",
    "LegCleared",
    "LegDelivered",
    "LegEstablished",
    "LegHeld",
    "LegLost",
    "LegOrdered",
    "LegRetrieved",
    "LogRestored",
    "MessageReceived",
    "MessageSent",
    "MessageStatusSet",
    "ModeChanged",
    "OfferAccepted",
    "OfferAlerting",
    "OfferExpired",
    "OfferFailed",
    "OfferMade",
    "OfferRejected",
    "OfferRescinded",
    "PermissionChanged",
    "PluginFailed",
    "ProjectionPinned",
    "QueueEntered",
    "QueueEstimateGiven",
    "QueueLeft",
    "QueuePlaceKept",
    "QueuePriorityChanged",
    "QueueRequirementRelaxed",
    "QueueResumed",
    "RecoveryReconciled",
    "RunStarted",
    "SchemaDeclared",
    "SubjectErased",
    "SubjectErasureStarted",
    "SubjectKeyMade",
    "SubjectMerged",
]
