"""Whom to offer what, and why.

Two questions, never a poll. *Who takes this entry?* is asked when one entered or came
back. *What does this agent take?* is asked when one was freed or turned ready. The rest
follows from I8: whoever waits has nobody idle who fits. ``follow`` asks both in the
decision that gives the cause, on the floor as its events have made it, and sees each
offer before it makes the next.

A strategy gives each candidate an integer; the least wins, ties go to the longest idle,
then to the smaller id.
"""

from .choosing import MAX_CANDIDATES, apart, call, enough_called, offer_entry
from .following import MAX_OFFERS, best_entry, follow, pending, unmatched
from .stepping import deserted, ended, move, next_step, staffed
from .strategies import MAX_TIER, NAMES, STRATEGIES, Key, key_of

__all__ = [
    "MAX_CANDIDATES",
    "MAX_OFFERS",
    "MAX_TIER",
    "NAMES",
    "STRATEGIES",
    "Key",
    "apart",
    "best_entry",
    "call",
    "deserted",
    "ended",
    "enough_called",
    "follow",
    "key_of",
    "move",
    "next_step",
    "offer_entry",
    "pending",
    "staffed",
    "unmatched",
]
