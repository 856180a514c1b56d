"""The bugs that are planted to prove the harnesses: each must be caught by its own.

A test marked ``@pytest.mark.planted("K stale epoch")`` plants that one and shows that what
looks for it finds it. ``test_recall.py`` holds the marks to this list.
"""

from typing import Final

PLANTED: Final = (
    # Power cut.
    "P ack before sync",
    "P synchronous NORMAL",
    "P visible before durable",
    "P frontier not saved",
    "P checkpoint past durable head",
    # A sync that fails.
    "G sync error swallowed",
    "G fsync retried",
    "G same connection after EIO",
    # Processes that are killed.
    "K commit in two transactions",
    "K stale epoch",
    "K request id stored twice",
    "K witness answers before it persists",
    # The contract of a store.
    "S head not compared",
    "S newer format opened",
    # The history that callers saw.
    "H position burnt",
    "H tail skips a commit",
    # System calls that fail.
    "X unknown called refused",
    "X autocheckpoint on",
    # Bytes that change.
    "B chain over the body only",
    "B leaf without actor or time",
    # Proofs.
    "M size1 = 0",
    "M surplus hashes",
    "M bad known signature",
    # Erasure.
    "E key survives in a backup",
    "E plaintext in a view",
    # The whole center, simulated.
    "D agent offered twice",
    "D stale fence",
    "D transfer resets a timer",
    "D set order breaks a tie",
    # Guards.
    "A failed guard opens",
)
