"""Inputs that are almost right: a sound one, changed in a few places."""

from collections.abc import Sequence
from random import Random
from typing import Final

TELLING: Final = (
    b"",
    b"\x00",
    b"\xff" * 4,
    b"\xc1",
    b"\xdd\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc9\xff\xff\xff\xff\x01",
    b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xd3\x80\x00\x00\x00\x00\x00\x00\x00",
    b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
    b"\x91" * 40,
    b"\x81\x80" * 20,
    b"\n",
    b"\r\n",
    b"\n\n",
    b"\xe2\x80\x94 ",
    b"==",
    b"0",
    b"-1",
    b"9" * 30,
    b"[[",
    b'"""',
    b"{}",
)
"""What parsers stumble over: lengths that lie, numbers at the edge, nesting, line ends."""


class Mutation:
    """Draws changed copies of sound inputs, the same for one seed."""

    def __init__(self, seed: int, corpus: Sequence[bytes]) -> None:
        self._random = Random(seed)
        self._corpus = corpus

    def draw(self) -> bytes:
        random = self._random
        data = random.choice(self._corpus)
        kind = random.random()
        if kind < 0.02:
            return random.randbytes(random.randrange(200))
        for _ in range(1 if kind < 0.6 else random.randrange(1, 5)):
            data = self._changed(data)
        return data

    def _changed(self, data: bytes) -> bytes:
        random = self._random
        size = len(data)
        at = random.randrange(size + 1)
        kind = random.randrange(8)
        if kind == 0 and at < size:  # One bit.
            return data[:at] + bytes((data[at] ^ 1 << random.randrange(8),)) + data[at + 1 :]
        if kind == 1:  # One byte.
            return data[:at] + bytes((random.randrange(256),)) + data[at + 1 :]
        if kind == 2:  # Something telling, put in or over.
            telling = random.choice(TELLING)
            return data[:at] + telling + data[at + random.choice((0, len(telling))) :]
        end = min(size, at + random.randrange(1, 40))
        if kind == 3:  # A part is missing.
            return data[:at] + data[end:]
        if kind == 4:  # A part is there twice.
            return data[:end] + data[at:]
        if kind == 5:  # Cut off.
            return data[:at]
        if kind == 6:  # Two inputs in one.
            other = random.choice(self._corpus)
            return data[:at] + other[random.randrange(len(other) + 1) :]
        return data[:at] + data[at:end][::-1] + data[end:]  # A part runs backwards.
