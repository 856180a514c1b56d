"""How old versions of the core's own events are lifted, for ever.

From 0.1 on an event class never changes: a change is a new version, and here stands the
``Upcaster`` from the one before, which is never taken out again. No event has a second
version yet. Plugins bring theirs by the hook ``cckit_register_upcasters``; whoever reads a
log passes both to its ``Registry``.
"""

from typing import Final

from .registry import Upcaster

UPCASTERS: Final[tuple[Upcaster, ...]] = ()
