"""What can be asked of the floor, and what can be reported to it.

A *request* may be refused; a *report* (a name that starts with ``Report``) says what
happened outside and is never refused as late: the loser of a race becomes
``fact.superseded``. All are frozen; ids that the shell draws may be None.
"""

from collections.abc import Mapping
from typing import Final, get_args

from .admin import (
    ApplyConfig,
    Erase,
    Merge,
    SetCertification,
    SetHold,
    SetMode,
    SetPermission,
    SetProfile,
)
from .agent import (
    AcceptOffer,
    Dial,
    EndWrapup,
    ExtendWrapup,
    LogIn,
    LogOut,
    RejectOffer,
    SetNotReady,
    SetReady,
)
from .contact import (
    Assign,
    Cancel,
    CancelConsult,
    Close,
    CompleteTransfer,
    Conference,
    Consult,
    Deflect,
    Dequeue,
    DialBack,
    Enqueue,
    Estimate,
    Hold,
    Identify,
    KeepPlace,
    LeaveContact,
    Link,
    MoveChannel,
    Overflow,
    Pull,
    Recall,
    Retrieve,
    Send,
    SetAttributes,
    SetPriority,
    Transfer,
)
from .internal import (
    Route,
    TimerDue,
)
from .making import Saying, command, said_in, sayings
from .reports import (
    GiveConsent,
    ReportAgentLink,
    ReportAlerting,
    ReportAnswered,
    ReportArrived,
    ReportBridged,
    ReportCleared,
    ReportDelivered,
    ReportEstablished,
    ReportFailed,
    ReportHeld,
    ReportLink,
    ReportMessage,
    ReportRetrieved,
    ReportSessions,
    ReportStatus,
)

Command = (
    ReportArrived
    | ReportAlerting
    | ReportAnswered
    | ReportFailed
    | ReportBridged
    | ReportHeld
    | ReportRetrieved
    | ReportCleared
    | ReportDelivered
    | ReportEstablished
    | ReportMessage
    | ReportStatus
    | ReportLink
    | ReportAgentLink
    | ReportSessions
    | GiveConsent
    | Enqueue
    | Dequeue
    | SetPriority
    | Deflect
    | Close
    | Hold
    | Retrieve
    | LeaveContact
    | KeepPlace
    | DialBack
    | Recall
    | Cancel
    | Overflow
    | Estimate
    | Identify
    | SetAttributes
    | Link
    | Send
    | MoveChannel
    | Transfer
    | Consult
    | CompleteTransfer
    | CancelConsult
    | Conference
    | Assign
    | Pull
    | LogIn
    | LogOut
    | SetReady
    | SetNotReady
    | AcceptOffer
    | RejectOffer
    | EndWrapup
    | ExtendWrapup
    | Dial
    | ApplyConfig
    | SetProfile
    | SetPermission
    | Erase
    | SetHold
    | SetMode
    | SetCertification
    | Merge
    | TimerDue
    | Route
)

COMMANDS: Final[tuple[type, ...]] = get_args(Command)

DRAWN: Final[Mapping[type, str]] = {
    ReportArrived: "contact",
    Recall: "contact",
    Dial: "contact",
    Consult: "consult",
    MoveChannel: "new_contact",
}
"""The field that names a contact which begins: drawn by chance where it is None."""

__all__ = [
    "COMMANDS",
    "DRAWN",
    "Saying",
    "Command",
    "AcceptOffer",
    "ApplyConfig",
    "Assign",
    "Cancel",
    "CancelConsult",
    "Close",
    "CompleteTransfer",
    "Conference",
    "Consult",
    "Deflect",
    "Dequeue",
    "Dial",
    "DialBack",
    "EndWrapup",
    "Enqueue",
    "Erase",
    "Estimate",
    "ExtendWrapup",
    "GiveConsent",
    "Hold",
    "Identify",
    "KeepPlace",
    "LeaveContact",
    "Link",
    "LogIn",
    "LogOut",
    "Merge",
    "MoveChannel",
    "Overflow",
    "Pull",
    "Recall",
    "RejectOffer",
    "ReportAgentLink",
    "ReportAlerting",
    "ReportAnswered",
    "ReportArrived",
    "ReportBridged",
    "ReportCleared",
    "ReportDelivered",
    "ReportEstablished",
    "ReportFailed",
    "ReportHeld",
    "ReportLink",
    "ReportMessage",
    "ReportRetrieved",
    "ReportSessions",
    "ReportStatus",
    "Retrieve",
    "Route",
    "Send",
    "SetAttributes",
    "SetCertification",
    "SetHold",
    "SetMode",
    "SetNotReady",
    "SetPermission",
    "SetPriority",
    "SetProfile",
    "SetReady",
    "TimerDue",
    "Transfer",
    "command",
    "said_in",
    "sayings",
]
