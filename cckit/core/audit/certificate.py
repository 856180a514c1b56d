"""What an audit came to, as one map of integers, text and null: the replay certificate.

The same log gives the same bytes. ``verdict`` is ``holds`` only if nothing at all speaks
against it and every pin was compared: a doubt is never a yes.
"""

from typing import Any, Final, NamedTuple

from cckit.core.ledger import Miscount
from cckit.core.verify import Verdict

from .audit import Audit
from .pins import NOT_COMPARED

CERTIFICATE: Final = 1
"""The version of this shape."""
HOLDS: Final = "holds"
DIFFERS: Final = "differs"
NOT_PROVABLE: Final = "not provable"


class Subject(NamedTuple):
    """Which log, and how far."""

    origin: str
    log_id: bytes
    head: bytes
    """Chain of the frame that holds the last audited event."""
    chain: Verdict
    closed: bool | None
    """Whether the file was closed; None where only a part of it is audited."""


class Beside(NamedTuple):
    """What was checked beside the log; None where there is none of it."""

    checkpoints: dict[str, Any] | None = None
    keys: dict[str, Any] | None = None
    signers_given: bool = False
    """The auditor named public keys, so somebody of them must have signed."""


def certificate(subject: Subject, audit: Audit, beside: Beside) -> dict[str, Any]:
    """The whole certificate, as ``docs/reference/json.md`` has its shape."""
    reasons = _against(subject, audit, beside)
    doubts = [] if reasons else _doubts(subject, audit, beside)
    verdict = DIFFERS if reasons else NOT_PROVABLE if doubts else HOLDS
    error = subject.chain.error
    return {
        "certificate": CERTIFICATE,
        "verdict": verdict,
        "because": reasons or doubts,
        "log": {"origin": subject.origin, "id": subject.log_id.hex(), "closed": subject.closed},
        "position": audit.events - 1 if audit.events else None,
        "head": subject.head.hex(),
        "as_of": audit.as_of,
        "events": audit.events,
        "frames": audit.frames,
        "redacted": audit.redacted,
        "chain": {
            "ok": subject.chain.ok,
            "error": None if error is None else {"position": error[0], "reason": error[1]},
        },
        "projections": _projections(audit),
        "pins": _pins(audit),
        "counts": {
            "checked": audit.counting.checked,
            "covered": audit.counting.last,
            "wrong": audit.wrong_counts,
            "first": [_miscount(one) for one in audit.miscounts],
        },
        "checkpoints": beside.checkpoints,
        "keys": beside.keys,
        "anomalies": audit.anomalies.found.as_json(),
        "changes": audit.anomalies.changes.as_json(),
        "access": {
            "granted": {
                name: audit.anomalies.granted[name] for name in sorted(audit.anomalies.granted)
            },
            "refused": audit.anomalies.refused,
            "disclosed": audit.anomalies.disclosed,
        },
    }


def _against(subject: Subject, audit: Audit, beside: Beside) -> list[str]:
    """Why the certificate cannot hold."""
    reasons = []
    if not subject.chain.ok:
        reasons.append("the log is not whole")
    if audit.first is not None:
        reasons.append("a projection comes out otherwise than it was pinned")
    if audit.wrong_counts:
        reasons.append("the log counts otherwise than its events do")
    if beside.checkpoints is not None and not beside.checkpoints["ok"]:
        reasons.append("a checkpoint is not of this log")
    if beside.keys is not None and not beside.keys["ok"]:
        reasons.append("the keys are not those that the log says")
    return reasons


def _doubts(subject: Subject, audit: Audit, beside: Beside) -> list[str]:
    """Why nothing speaks against it, and it is still not proved."""
    doubts = []
    if audit.compared == 0:
        doubts.append("nothing is pinned")
    if any(tally.not_compared for tally in audit.tallies.values()):
        doubts.append("a pin could not be compared")
    if audit.redacted and not subject.chain.proved:
        doubts.append("no checkpoint covers what was redacted")
    if beside.signers_given and (beside.checkpoints is None or not beside.checkpoints["verified"]):
        doubts.append("no checkpoint is signed by a key that was given")
    return doubts


def _projections(audit: Audit) -> dict[str, Any]:
    found = {}
    for name in sorted(audit.rebuilt):
        one = audit.rebuilt[name]
        digest, identity = one.digest(), one.identity
        found[name] = {
            "version": identity.version,
            "digest": None if digest is None else digest.hex(),
            "code": identity.code.hex(),
            "schemas": identity.schemas.hex(),
            "zones": identity.zones.hex(),
            "failure": one.failure,
        }
    return found


def _pins(audit: Audit) -> dict[str, Any]:
    first = audit.first
    told = None if first is None else {**first.as_json(), "after": audit.after}
    same = [tally.last_same for tally in audit.tallies.values() if tally.last_same is not None]
    return {
        "compared": sum(tally.same + tally.differs for tally in audit.tallies.values()),
        "covered": max(same, default=None),
        "first": told,
        "by_projection": {
            name: {
                "same": tally.same,
                "differs": tally.differs,
                "not_compared": tally.not_compared,
                "last_same": tally.last_same,
            }
            for name, tally in sorted(audit.tallies.items())
        },
        "others": [one.as_json() for one in audit.others],
    }


def _miscount(one: Miscount) -> dict[str, Any]:
    return {
        "position": one.position,
        "kind": one.kind,
        "part": one.part,
        "counter": one.counter,
        "counted": one.counted,
        "found": one.found,
    }


def unloaded(document: dict[str, Any]) -> list[str]:
    """The projections that are pinned and that nothing loaded folds."""
    others = document["pins"]["others"]
    named = (o["projection"] for o in others if o["status"] == NOT_COMPARED)
    loaded = document["projections"]
    return sorted({name for name in named if name not in loaded})
