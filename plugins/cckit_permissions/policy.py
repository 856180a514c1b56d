"""The rules: pure, and the same for every center.

A role names the actions it allows. ``own`` actions are allowed towards oneself, and
towards a contact or an offer that no agent has, and where the role names the action, not
all by ``*``, towards a queue; ``team`` actions towards an agent of a team that one leads;
``any`` actions towards everything. What no role allows is denied.

An action is a command's name, ``SetNotReady``, or ``*``; ``Record`` is to store ready
facts, which no rule looks at. A target is ``agent/anna``, also for an offer made to anna
and a contact that she has, else ``contact/…``, ``offer/…`` or another thing; a contact
that waits and is taken or given is its ``queue/…``.
"""

from collections.abc import Mapping, Sequence

import attrs

from cckit.core import Actor, Verdict

OWN = (
    "LogIn",
    "LogOut",
    "SetReady",
    "SetNotReady",
    "EndWrapup",
    "ExtendWrapup",
    "LeaveContact",
    "AcceptOffer",
    "RejectOffer",
    "Hold",
    "Retrieve",
    "Close",
    "Transfer",
    "Consult",
    "CompleteTransfer",
    "CancelConsult",
    "Conference",
    "Dial",
    "Send",
    "MoveChannel",
    "Identify",
    "SetAttributes",
    "GiveConsent",
    "Link",
    "KeepPlace",
    "Estimate",
    "RequestCallback",
    "Reschedule",
    "CancelCallback",
)
"""What agents do for themselves and for the contacts that they have; also by plugins' names."""
LEADING = ("Pull", "Monitor", "StopMonitor", "TakeOver")
"""What supervisors do with those whom they lead; whoever waits in a queue has no agent."""
WAITING = ("Enqueue", "Dequeue")
FLOOR = ("SetPriority", "Deflect", "SetMode", "Assign", "Overflow", "Acknowledge")
CASES = ("OpenCase", "ChangeCase", "SetCase")
NOBODYS = ("contact", "offer")
"""Kinds of targets that may be nobody's: if an agent had it, the target would be the agent."""


@attrs.frozen(slots=True)
class Role:
    """What one role allows."""

    own: frozenset[str] = frozenset()
    team: frozenset[str] = frozenset()
    any: frozenset[str] = frozenset()


ROLES: Mapping[str, Role] = {
    "agent": Role(own=frozenset(OWN), any=frozenset((*WAITING, *CASES))),
    "supervisor": Role(
        own=frozenset((*OWN, "Pull", "StopMonitor")),
        team=frozenset((*OWN, *LEADING)),
        any=frozenset((*WAITING, *CASES, *FLOOR)),
    ),
    "admin": Role(any=frozenset("*")),
}
"""The roles that there are unless the configuration says more."""


@attrs.frozen(slots=True)
class Rules:
    """Roles by name, and who leads whom."""

    roles: Mapping[str, Role] = ROLES
    leads: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    """Supervisor to the agents of the teams led; nobody else is in the team."""


def decide(rules: Rules, actor: Actor, held: Sequence[str], action: str, target: str) -> Verdict:
    """Allow it by the first role that does, by name; else deny and say why."""
    for name in sorted(held):
        role = rules.roles.get(name)
        if role is not None and _allows(rules, role, actor, action, target):
            return Verdict(True, f"role {name}")
    if not held:
        return Verdict(False, "holds no role")
    return Verdict(False, f"no role of {', '.join(sorted(held))} allows it")


def _allows(rules: Rules, role: Role, actor: Actor, action: str, target: str) -> bool:
    if action in role.any or "*" in role.any:
        return True
    kind, _, whom = target.partition("/")
    own = action in role.own or "*" in role.own
    if kind != "agent":
        return (own and kind in NOBODYS) or (kind == "queue" and action in role.own)
    if own and whom == actor.id:
        return True
    led = rules.leads.get(actor.id, frozenset())
    return whom in led and (action in role.team or "*" in role.team)
