"""Who holds which role: the fold of ``permission.changed``."""

from .events import Recorded
from .facts import PermissionChanged
from .projection import Canonical

Roles = dict[str, set[str]]
"""Who to the roles held; nobody stands here without one."""


class RolesHeld:
    """The roles that the log gives, as a projection.

    .. versionadded:: 0.1
    """

    name = "access.roles"
    version = 1
    types = (PermissionChanged,)

    def initial(self) -> Roles:
        return {}

    def apply(self, state: Roles, recorded: Recorded[PermissionChanged]) -> None:
        _, data = recorded
        held = state.setdefault(data.who, set())
        if data.given:
            held.add(data.role)
        else:
            held.discard(data.role)
        if not held:
            del state[data.who]

    def dump(self, state: Roles) -> Canonical:
        return {who: sorted(held) for who, held in sorted(state.items())}


def roles_of(state: Roles, who: str) -> tuple[str, ...]:
    """The roles of one person, sorted."""
    return tuple(sorted(state.get(who, ())))
