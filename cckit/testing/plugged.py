"""Plugins in a simulated world: the production relay, in virtual time, all chance by seed.

What processes send is decided right after the decision that they heard of, and before
anybody on the floor or on the lines reacts to it: first what the first decision led to, then
what came of that. A process or a policy that fails is named in the log, as in a center that
runs. A machine that raises ends the run: its error is what a test is about. What they say
of people is left out of the log, as of somebody who is erased.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import attrs

from cckit.core.codec import canonical
from cckit.core.commands import ApplyConfig, SetPermission
from cckit.core.errors import CckitError, Refused
from cckit.core.events import SYSTEM, Actor, Decision, Recorded
from cckit.core.facts import FACTS
from cckit.core.ids import ContactId, Stream
from cckit.core.process import Running, Sent, Stories, check_command
from cckit.core.projection import Canonical
from cckit.core.registry import Registry
from cckit.hooks import Relay
from cckit.shell.config import Config
from cckit.shell.people import personal_fields
from cckit.shell.people.whose import completed, digested
from cckit.shell.plugins import load
from cckit.shell.requests import Requests

from .draws import digest

Batch = Sequence[Recorded[Any]]
Settings = Mapping[str, Mapping[str, Canonical]]


class Plugged:
    """The plugins of one world.

    :param now: what time it is there, in microseconds.
    :param decide: decides a command now and keeps what was decided.
    :param route: what was recorded, and what the floor matches after it.
    :param note: records facts now; what was recorded.
    :raises ConfigError: a table that a plugin refuses.
    :raises PluginError: see ``cckit.shell.plugins.load``.
    """

    def __init__(
        self,
        seed: int,
        plugins: Mapping[str, object],
        settings: Settings,
        now: Callable[[], int],
        decide: Callable[..., Decision | Refused],
        route: Callable[[Batch], Batch],
        note: Callable[..., Batch],
    ) -> None:
        self.relay = Relay(plugins, now)
        tables = {name: dict(table) for name, table in settings.items()}
        loaded = load(Config("world", settings=tables), plugins, self.relay)
        self.events = loaded.events
        self.upcasters = loaded.upcasters
        self.machines = loaded.machines
        self._personal = personal_fields(Registry((*FACTS, *loaded.events)))
        self.names = tuple(plugins)
        self.versions = {k: v for k, v in loaded.versions.items() if k.startswith("plugin")}
        """Not those of cckit and Python: the same seed gives the same bytes under all."""
        self._first_roles = loaded.first_roles
        self._tables = tables
        self._decide, self._route, self._note = decide, route, note
        running = [Running(plugin, process) for plugin, process in loaded.processes]
        self._stories = Stories(running, self.relay.failures.append)
        self._requests = Requests()
        self._contacts = digest(seed, "contacts of processes")
        self._drawn = 0

    def seal(self, position: int, stream: Stream, data: Any) -> Any:
        """An event without what is said of people: nobody keeps keys in a simulated world."""
        said = self._personal.get(type(data))
        return data if said is None else attrs.evolve(data, **dict.fromkeys(said))

    def setting_up(self) -> Sequence[tuple[Any, Actor]]:
        """What is decided before anybody comes: the plugins' tables, the first roles."""
        tables = [
            (ApplyConfig(name, name, canonical(table)), SYSTEM)
            for name, table in sorted(self._tables.items())
        ]
        return [*tables, *((SetPermission(*pair), SYSTEM) for pair in self._first_roles)]

    def continued(self, recorded: Batch) -> Batch:
        """Let processes hear what was recorded; that, and all that came of it, in order."""
        heard = [*recorded, *self._failed()]
        for one in heard:  # It grows meanwhile.
            for sent in self._stories.tell(one):
                heard += self._carried_out(sent)
            heard += self._failed()
        return heard

    def _carried_out(self, sent: Sent) -> Batch:
        command: Any = sent.command
        actor = sent.by.actor
        try:
            check_command(command)
        except CckitError as error:
            self._stories.fail(sent.by, f"a command that can't be: {error.what}")
            return ()
        request = self._requests.request(actor, sent.request, digested(command))
        decision = self._decide(self._completed(command), actor, request=request, cause=sent.cause)
        if isinstance(decision, Refused):
            return ()
        self._stories.led_to(sent, [envelope.position for envelope, _ in decision.recorded])
        return self._route(decision.recorded)

    def _completed(self, command: Any) -> Any:
        """The command with the id that a running center would draw."""
        return completed(command, self._contact)

    def _contact(self) -> ContactId:
        self._drawn += 1
        return ContactId(sha256(self._contacts + str(self._drawn).encode()).hexdigest()[:32])

    def _failed(self) -> Batch:
        failures = self.relay.failures
        if not failures:
            return ()
        named = tuple(failures)
        failures.clear()
        return self._note(*named)
