"""What may happen, and what follows: one rule a command.

A rule reads the floor and returns drafts, or why not; it writes nothing. ``RULES`` is
the whole table. A *report* is never refused as late: it then yields
``fact.superseded``, or nothing where what it says is known already.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from cckit.core import commands as m
from cckit.core.ask import Ask
from cckit.core.errors import Refused
from cckit.core.events import Actor, Pair
from cckit.core.floor import Floor

from . import (
    admin,
    agents,
    callbacks,
    consults,
    contacts,
    dialing,
    estimates,
    legs,
    links,
    matters,
    messages,
    modes,
    offers,
    queues,
    subjects,
    timers,
    transfers,
)

Drafts = list[Pair]
Rule = Callable[[Floor, Any, int, Ask, Actor], Drafts | Refused]

RULES: Final[Mapping[type, Rule]] = {
    m.ReportArrived: contacts.arrived,
    m.ReportHeld: contacts.report_held,
    m.ReportRetrieved: contacts.report_retrieved,
    m.ReportCleared: contacts.cleared,
    m.ReportDelivered: legs.delivered,
    m.ReportEstablished: legs.established,
    m.ReportLink: links.link,
    m.ReportAgentLink: links.agent_link,
    m.ReportSessions: links.sessions,
    m.Deflect: contacts.deflect,
    m.Close: contacts.close,
    m.ReportMessage: messages.received,
    m.ReportStatus: messages.status,
    m.Send: messages.send,
    m.MoveChannel: matters.move_channel,
    m.Identify: matters.identify,
    m.SetAttributes: matters.set_attributes,
    m.GiveConsent: matters.consent,
    m.Link: matters.link,
    m.Merge: matters.merge,
    m.Hold: contacts.hold,
    m.Retrieve: contacts.retrieve,
    m.LeaveContact: contacts.leave,
    m.KeepPlace: callbacks.keep_place,
    m.DialBack: callbacks.dial_back,
    m.Recall: callbacks.recall,
    m.Cancel: callbacks.cancel,
    m.Enqueue: callbacks.enqueue,
    m.Transfer: transfers.transfer,
    m.Pull: transfers.pull,
    m.Assign: transfers.assign,
    m.Consult: consults.consult,
    m.CompleteTransfer: consults.complete,
    m.CancelConsult: consults.cancel,
    m.Conference: consults.conference,
    m.Dial: dialing.dial,
    m.Dequeue: queues.dequeue,
    m.SetPriority: queues.set_priority,
    m.Overflow: queues.overflow,
    m.Estimate: estimates.estimate,
    m.ReportAlerting: offers.alerting,
    m.ReportAnswered: offers.accept,
    m.AcceptOffer: offers.accept,
    m.RejectOffer: offers.reject,
    m.ReportFailed: offers.failed,
    m.ReportBridged: offers.bridged,
    m.LogIn: agents.log_in,
    m.LogOut: agents.log_out,
    m.SetReady: agents.set_ready,
    m.SetNotReady: agents.set_not_ready,
    m.EndWrapup: agents.end_wrapup,
    m.ExtendWrapup: agents.extend_wrapup,
    m.ApplyConfig: admin.apply_config,
    m.SetProfile: admin.set_profile,
    m.SetMode: modes.set_mode,
    m.SetPermission: admin.set_permission,
    m.SetCertification: agents.set_certification,
    m.Erase: subjects.erase,
    m.SetHold: subjects.set_hold,
    m.TimerDue: timers.due,
    m.Route: queues.route,
}
