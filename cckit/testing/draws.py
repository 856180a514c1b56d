"""Chance by seed: one stream of numbers for each concern, and lengths of time drawn from it.

A stream depends on the seed and its own name alone, so that more patience does not shift
the arrivals. Only ``Random.random`` and ``Random.getrandbits`` are used: their sequences
are the same in every Python. A draw leaves here as whole microseconds; no float goes on.
"""

import math
from collections.abc import Sequence
from hashlib import sha256
from random import Random
from typing import Final, Protocol

import attrs

from cckit.core.instant import Span


def stream(seed: int, concern: str) -> Random:
    """Return the numbers of one concern, a pure function of both arguments.

    .. versionadded:: 0.1
    """
    return Random(int.from_bytes(digest(seed, concern)[:16]))


def digest(seed: int, concern: str) -> bytes:
    """Return 32 bytes of this seed for one concern: what ids and nonces are made of.

    .. versionadded:: 0.1
    """
    return sha256(f"cckit world\n{seed}\n{concern}".encode()).digest()


class Lengths(Protocol):
    """A distribution of lengths of time."""

    def draw(self, random: Random) -> Span | None:
        """Draw one length, 0 or more, in microseconds; None is without end."""
        ...


@attrs.frozen
class Fixed:
    """Always the same."""

    us: int

    def draw(self, random: Random) -> Span:
        return Span(self.us)


@attrs.frozen
class Endless:
    """Never over: a customer who does not give up."""

    def draw(self, random: Random) -> None:
        return None


@attrs.frozen
class Exponential:
    """Without memory, by inversion: -mean * ln(1 - u)."""

    mean_us: int

    def draw(self, random: Random) -> Span:
        return Span(int(-math.log(1.0 - random.random()) * self.mean_us))


@attrs.frozen
class Uniform:
    """Anything from ``from_us`` to ``to_us``, both possible."""

    from_us: int
    to_us: int

    def draw(self, random: Random) -> Span:
        return Span(self.from_us + int(random.random() * (self.to_us - self.from_us + 1)))


@attrs.frozen
class Lognormal:
    """Handling times of real centers (Brown et al. 2005, section 4), by Box and Muller."""

    mean_us: int
    sd_us: int

    def draw(self, random: Random) -> Span:
        ratio = self.sd_us / self.mean_us
        sigma = math.sqrt(math.log1p(ratio * ratio))
        radius = math.sqrt(-2.0 * math.log(1.0 - random.random()))
        normal = radius * math.cos(2.0 * math.pi * random.random())
        return Span(int(self.mean_us * math.exp(sigma * normal - sigma * sigma / 2)))


@attrs.frozen
class Observed:
    """One of the lengths that were observed, each as likely."""

    lengths_us: Sequence[int]
    """At least one."""

    def draw(self, random: Random) -> Span:
        return Span(self.lengths_us[int(random.random() * len(self.lengths_us))])


AT_ONCE: Final = Fixed(0)
NEVER: Final = Endless()
