"""Permission, access and personal data: streams ``center`` and ``subject/ID``."""

from cckit.core.events import event
from cckit.core.ids import SubjectId


@event("permission.changed", version=1)
class PermissionChanged:
    who: str
    role: str
    given: bool


@event("access.granted", version=1)
class AccessGranted:
    actor: str
    action: str
    component: str
    kind: str
    object: str
    purpose: str


@event("access.refused", version=1)
class AccessRefused:
    actor: str
    action: str
    object: str
    purpose: str | None
    n: int
    """How many refusals this one stands for. At most 10 a minute an actor are written; what
    is over is counted in one more, with the next refusal of anybody in a later minute."""


@event("data.disclosed", version=1)
class DataDisclosed:
    """What the log knows about somebody was told to them, or given to another center."""

    subject: SubjectId
    how: str
    """``access`` or ``portability``."""
    purpose: str


@event("hold.changed", version=1)
class HoldChanged:
    """Somebody's data must be kept, whatever else asks for its end; or need not any more."""

    scope: str
    """``subject/ID``, or ``center`` for everybody."""
    on: bool
    ground: str


@event("subject.erasure_started", version=1)
class SubjectErasureStarted:
    """In stream ``subject/ID``: from here on nobody may open what is sealed for them."""

    ground: str
    """Who asked and by which right, or ``rule:NAME`` of a retention rule."""


@event("subject.erased", version=1)
class SubjectErased:
    """In stream ``subject/ID``: their keys are gone."""

    ground: str
    keys: int
    """Keys destroyed."""
    coverage: dict[str, int]
    """Place (``keys``, ``lookups``, ``views``, a plugin's name …) to things erased in it."""
    failures: dict[str, str]
    """Place that was not reached, and why."""


@event("subject.key_made", version=1)
class SubjectKeyMade:
    """In stream ``subject/ID``: commits to a key without showing it."""

    commitment: bytes
    """SHA-256("cckit-dek" + subject + key number + key)."""


@event("subject.merged", version=1)
class SubjectMerged:
    """In stream ``subject/ID``: this is the same person as another one."""

    into: SubjectId
