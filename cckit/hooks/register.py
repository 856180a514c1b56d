"""Doors by which a plugin adds things. Kind: register; fold: collected in load order.

They are called once, while the center opens. A plugin that raises here is no runtime
fault: the center does not open and names it (closed).
"""

from collections.abc import Mapping, Sequence

from cckit.core.engine import Machine
from cckit.core.process import AnyProcess
from cckit.core.projection import AnyProjection, Canonical
from cckit.core.registry import Upcaster

from .channel import Channel
from .eraser import Eraser
from .markers import hookspec
from .reactor import Reactor


class RegisterHooks:
    """What a plugin brings along.

    .. versionadded:: 0.1
    """

    @hookspec
    def cckit_configure(self, settings: Mapping[str, Canonical]) -> None:
        """Take the plugin's own table of ``CENTER.toml``, empty where there is none.

        Register, of the named plugin alone, before all others. Closed: raise
        ``ConfigError`` for a value that can't be; the file is put before its ``where``. What
        it was given is stored as ``config.applied`` of the plugin's name.

        .. versionadded:: 0.1
        """

    @hookspec
    def cckit_check_queues(self, queues: Sequence[str]) -> None:
        """Hold the plugin's table to the queues of ``CENTER.toml``, given by name.

        Register, of the named plugin alone, after its ``cckit_configure``. Closed: raise
        ``ConfigError`` for a queue that there is not. Not called where the configuration
        names no queues, for then a program makes them by commands.

        .. versionadded:: 0.3
        """

    @hookspec
    def cckit_register_events(self) -> Sequence[type]:
        """Event classes of the plugin, each made by ``@event``.

        Register, collected. Closed. They are declared in the log before the run starts.

        .. versionadded:: 0.1
        """
        return ()

    @hookspec
    def cckit_register_upcasters(self) -> Sequence[Upcaster]:
        """How stored events of old versions are lifted to the plugin's classes.

        Register, collected. Closed. Each lifts one event by one version, and stays for as
        long as there may be a log with that version; one step has one upcaster.

        .. versionadded:: 0.1
        """
        return ()

    @hookspec
    def cckit_register_machines(self) -> Sequence[Machine]:
        """Machines of the plugin: which commands they decide, which events they see.

        Register, collected. Closed. A command has one machine.

        .. versionadded:: 0.1
        """
        return ()

    @hookspec
    def cckit_register_projections(self) -> Sequence[AnyProjection]:
        """Folds of the log, rebuilt by ``cckit replay``.

        Register, collected. Closed. A name stands once.

        .. versionadded:: 0.1
        """
        return ()

    @hookspec
    def cckit_register_processes(self) -> Sequence[AnyProcess]:
        """Stories that go on: durable events in, commands out.

        Register, collected. Closed. A name stands once.

        .. versionadded:: 0.1
        """
        return ()

    @hookspec
    def cckit_register_reactors(self) -> Sequence[Reactor]:
        """Effects: what is done in the world after an event is durable.

        Register, collected. Closed. A name stands once.

        .. versionadded:: 0.1
        """
        return ()

    @hookspec
    def cckit_register_channels(self) -> Sequence[Channel]:
        """Adapters to the systems that carry contacts.

        Register, collected. Closed. A name stands once.

        .. versionadded:: 0.1
        """
        return ()

    @hookspec
    def cckit_register_erasers(self) -> Sequence[Eraser]:
        """Who erases what the plugin keeps of people outside the log.

        Register, collected. Closed. A name stands once. Each is called for everybody who is
        erased; one that fails is named in ``subject.erased``.

        .. versionadded:: 0.2
        """
        return ()

    @hookspec
    def cckit_register_roles(self) -> Sequence[str]:
        """The names of the roles that the plugin judges by.

        Register, collected. Closed. Where any are named, no other role is given
        (``permission.unknown_role``), and somebody must hold one when a run starts.

        .. versionadded:: 0.1
        """
        return ()

    @hookspec
    def cckit_register_first_roles(self) -> Sequence[tuple[str, str]]:
        """Who holds which role while the log gives nobody any: (who, role).

        Register, collected. Closed. Written as ``permission.changed`` by the system when
        a run starts and nobody holds a role, so that somebody can give the others theirs.

        .. versionadded:: 0.1
        """
        return ()
