"""Who is at fault, and what to do about it.

``Refused`` is a value, never raised: the floor moved on, or the request was not allowed.
Everything else is an exception whose type names who has to act. All carry ``where``,
``what`` and ``remedy``; none carries personal data.
"""

from typing import Final

import attrs

DIGITS_MIN: Final = 5
"""So many may be a number that somebody can be called at."""


@attrs.frozen(slots=True)
class Refused:
    """A command that was not carried out. Nothing of it was stored."""

    reason: str
    """Stable, ``machine.word``: ``offer.stale_fence``."""
    where: str
    """The stream, field or file that is concerned."""
    what: str
    """What is wrong, in words."""
    remedy: str
    """What the sender can do."""

    def __str__(self) -> str:
        return f"{self.where}: {self.what} ({self.reason}); {self.remedy}"


def repeated(name: str) -> str:
    """A name as a message may repeat it: a typed one may be somebody's number or address."""
    known = sum(map(str.isdigit, name)) < DIGITS_MIN and "@" not in name
    return repr(name[:80]) if known else "of this name"


def raised(error: BaseException) -> str:
    """What a message says of an exception: its type and where, for its text may be anything."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    code = trace.tb_frame.f_code
    return f"{type(error).__name__} in {code.co_name}, line {trace.tb_lineno}"


class CckitError(Exception):
    """What all our exceptions share: where it is, what is wrong, what to do."""

    def __init__(self, where: str, what: str, remedy: str) -> None:
        super().__init__(f"{where}: {what}; {remedy}")
        self.where = where
        self.what = what
        self.remedy = remedy


class UsageError(CckitError):
    """The embedding code calls us wrongly: fix the call."""


class ConfigError(CckitError):
    """The operator's file is wrong: it names file, key, value and what is allowed."""


class PeerError(CckitError):
    """A system behind an adapter broke its protocol."""


class PluginError(CckitError):
    """A plugin, which is named, failed."""


class StoreError(CckitError):
    """The disk or the log is at fault: the store is poisoned; stop and reopen."""


class FormatError(StoreError):
    """These bytes are not a log of ours, or not one that this version can read."""


class ProofError(CckitError):
    """A proof or a signature does not hold: whoever made it claims what is not so."""


class UnknownSignerError(ProofError):
    """Nobody whose key is trusted here has signed: nothing is refuted, and nothing proved."""


class HistoryError(ProofError):
    """A key would sign a second history of a log: nothing is signed until it has a new name.

    .. versionadded:: 0.2
    """
