"""Wiring only: the settings become rules, the hooks ask them."""

from collections.abc import Mapping, Sequence

from cckit.core import Actor, Canonical, Verdict
from cckit.hooks import PolicyHooks, RegisterHooks, hookimpl

from .policy import decide
from .settings import Settings, read


class Plugin(RegisterHooks, PolicyHooks):
    """Roles, teams and actions."""

    version = "0.1.0"

    def __init__(self) -> None:
        self.settings = Settings()

    @hookimpl
    def cckit_configure(self, settings: Mapping[str, Canonical]) -> None:
        self.settings = read(settings)

    @hookimpl
    def cckit_register_roles(self) -> Sequence[str]:
        return sorted(self.settings.rules.roles)

    @hookimpl
    def cckit_register_first_roles(self) -> Sequence[tuple[str, str]]:
        admin = self.settings.first_admin
        return () if admin is None else ((admin, "admin"),)

    @hookimpl
    def cckit_authorize(
        self, actor: Actor, roles: Sequence[str], action: str, target: str
    ) -> Verdict | None:
        return decide(self.settings.rules, actor, roles, action, target)
