"""``cckit follow``: sign a log while a center writes it, in a process of its own."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGINT, SIGTERM, signal
from typing import Final

from cckit.shell.proof.notary import EVERY_EVENTS, EVERY_S, Notary

from .checkpoint import as_json, grown, notary_of, plain_note
from .codes import GOOD
from .options import Json
from .streams import pause
from .text import plain_json

POLL_S: Final = 0.1
"""Between two looks at the log."""


def follow(log: Path, /, *, key: Path, once: bool = False, json: Json = False) -> int:
    """Build the tree of a log behind its writer, and sign it every second or 1,000 events.

    It reads what is durable, and holds the writer up by nothing but the disk that they
    share. It goes on until interrupted, then signs what is there. Only one may build: a
    center that was opened with a signer does so itself.

    :param log: the log, NAME.db. It is only read; NAME.tiles beside it is written.
    :param key: the file of the log's private keys, as `cckit keys new` wrote it.
    :param once: sign what is there now, and end.
    :param json: print each checkpoint as a line, {origin, size, root, checkpoint}.
    """
    with notary_of(log, key) as notary:
        if once:
            _print(grown(notary), json)
            return GOOD
        with stopped() as stop:
            while not stop:
                wait_for_more(notary, stop)
                note = step(notary)
                if note is not None:
                    _print(note, json)
    return GOOD


@contextmanager
def stopped() -> Iterator[list[int]]:
    """Filled when the process is told to stop: what it is at is then done to its end."""
    told: list[int] = []
    numbers = (SIGINT, SIGTERM)
    before = [signal(number, lambda got, _: told.append(got)) for number in numbers]
    try:
        yield told
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal(number, handler)


def wait_for_more(notary: Notary, stop: list[int]) -> None:
    """Return when a checkpoint is due, or nobody wants more."""
    for _ in range(round(EVERY_S / POLL_S)):
        if stop or notary.behind() >= EVERY_EVENTS:
            return
        pause(POLL_S)


def step(notary: Notary) -> bytes | None:
    """Hash what is durable now and sign it; None if there is nothing new."""
    end = notary.tiles.size + notary.behind()
    while notary.grow(end):
        pass
    return notary.sign()


def _print(note: bytes, json: bool) -> None:
    sys.stdout.write(plain_json(as_json(note)) + "\n" if json else plain_note(note) + "\n")
    sys.stdout.flush()
