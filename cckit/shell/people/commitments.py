"""The keys beside a log, held to what the log committed to and to whom it has erased."""

import os
from typing import Any, NamedTuple

from cckit.core.codec import Codec
from cckit.core.facts import FACTS, SubjectErasureStarted, SubjectKeyMade
from cckit.core.redaction import readable
from cckit.core.registry import Registry
from cckit.hooks.store import Store
from cckit.hooks.vault import Keks
from cckit.stores.beside import kek_beside, keys_beside
from cckit.stores.commitments import Committed, committed


class KeyCheck(NamedTuple):
    """What became of the keys of people; each list is of subjects, as hex, sorted.

    .. versionadded:: 0.2
    """

    keys: int
    """In the key file."""
    wrong: tuple[str, ...]
    """Somebody whose key is not the one that the log committed to."""
    survived: tuple[str, ...]
    """Somebody erased, a key of whom is there all the same."""
    lost: tuple[str, ...]
    """Somebody a key of whom is gone, though nobody erased them."""

    @property
    def ok(self) -> bool:
        """Every key is the one that was committed to, and no erased one is left."""
        return not self.wrong and not self.survived

    def as_json(self) -> dict[str, Any]:
        """The check in the shape that scripts rely on."""
        return {
            "ok": self.ok,
            "keys": self.keys,
            "wrong": list(self.wrong),
            "survived": list(self.survived),
            "lost": list(self.lost),
        }


def check_keys(
    store: Store,
    keys: str | os.PathLike[str],
    *,
    kek: bytes | None = None,
    keks: Keks | None = None,
    end: int | None = None,
) -> KeyCheck:
    """Hold every key in a key file to the commitment in its log; nothing is opened or written.

    ``kek``, ``keks``: who has the KEK; NAME.kek unless given. ``end``: look at keys
    that were committed to before this position alone.

    :raises FormatError: no key file of this log, or without its KEK.
    :raises StoreError: a disk failed.

    .. versionadded:: 0.2
    """
    made: dict[tuple[bytes, bytes], int] = {}
    erased: dict[bytes, int] = {}
    codec, kinds = Codec(Registry(FACTS)), (SubjectKeyMade, SubjectErasureStarted)
    size = 0
    for frame in store.read():
        size = frame.end
        for envelope, data in readable(codec, frame, kinds):
            subject = bytes.fromhex(envelope.stream.partition("/")[2])
            if type(data) is SubjectKeyMade:
                made[subject, data.commitment] = envelope.position
            else:
                erased[subject] = envelope.position
    end = size if end is None else min(end, size)
    # A center at work has keys whose events are still on their way.
    found = [o for o in committed(keys, store.log_id, kek=kek, keks=keks) if o.at < end]
    made = {key: at for key, at in made.items() if at < end}
    places = {(one.subject, one.commitment) for one in found}
    return KeyCheck(
        len(found),
        _names(one.subject for one in found if not _is_right(one, made)),
        _names(s for (s, c), at in made.items() if (s, c) in places and at < erased.get(s, -1)),
        _names(s for (s, c), at in made.items() if (s, c) not in places and at > erased.get(s, -1)),
    )


def check_keys_beside(store: Store, log: str, end: int | None = None) -> KeyCheck | None:
    """The same for NAME.keys beside a log; None where the keys or their KEK are elsewhere.

    :raises StoreError: see ``check_keys``.
    """
    keys = keys_beside(log)
    if not (os.path.exists(keys) and os.path.exists(kek_beside(log))):
        return None
    return check_keys(store, keys, end=end)


def _is_right(one: Committed, made: dict[tuple[bytes, bytes], int]) -> bool:
    position = made.get((one.subject, one.commitment))
    return position is not None and one.at in (-1, position)


def _names(subjects: Any) -> tuple[str, ...]:
    return tuple(sorted({subject.hex() for subject in subjects}))
