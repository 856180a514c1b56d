"""Doors by which something is made by name. None or two that answer are an error."""

from .markers import hookspec
from .store import Store
from .vault import Keks


class FactoryHooks:
    """Makers.

    .. versionadded:: 0.1
    """

    @hookspec
    def cckit_open_store(self, url: str) -> Store | None:
        """Open the log that ``url`` names, for writing.

        Factory: exactly one plugin answers, the others return None. Closed: the center
        does not open. Paths without a scheme are the core's own SQLite store.

        .. versionadded:: 0.1
        """
        return None

    @hookspec
    def cckit_open_keks(self, log_id: bytes) -> Keks | None:
        """Say who keeps the key-encryption keys of a log: a key service, a safe.

        Factory: exactly one plugin answers, the others return None; where all do, they are
        in NAME.kek beside NAME.keys. Closed: the center does not open.

        .. versionadded:: 0.2
        """
        return None
