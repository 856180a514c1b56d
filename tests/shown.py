"""Personal values as a test looks at them: by the way that everybody has to take."""

from typing import Any

from cckit import Center
from cckit.core.events import SYSTEM, Recorded


async def shown(center: Center, recorded: Recorded[Any]) -> Any:
    """An event's data in clear, written down in the access ledger."""
    return await center.unmask(recorded, actor=SYSTEM, purpose="a test")
