"""Fifty people with names nobody else has, and a search for them in every byte of a folder."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

COUNT = 50
AGENTS = 10
"""So many of them work here; the others call."""

NAMES = ("Noa", "נועה", "Łukasz", "علي", "花子", "Zoë 🦜", "👩‍👧 Müller", "Иван")
WINDOW, STRIDE = 8, 4
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")


class Canary(NamedTuple):
    """Somebody, and everything that is said of them."""

    number: str
    name: str
    device: str

    @property
    def works_here(self) -> bool:
        return bool(self.device)


def canaries() -> list[Canary]:
    """All of them, always the same: the numbers are no pattern that a file could have."""
    found = []
    for n in range(COUNT):
        tail = (n + 1) * 7_654_321 % 100_000_000
        name = f"{NAMES[n % len(NAMES)]} Canary-{tail:08}"
        works = n < AGENTS
        found.append(
            Canary(
                "" if works else f"+97254{tail:08}",
                name,
                f"sip:{tail:08}@canary-😀.example" if works else "",
            )
        )
    return found


def needles(secret: str | bytes) -> Iterator[bytes]:
    """A value as it may lie in a file: UTF-8, UTF-16, base64, hex, backwards."""
    if isinstance(secret, bytes):
        forms = [secret]
    else:
        forms = [secret.encode(encoding) for encoding in ENCODINGS]
        forms += [secret[::-1].encode(encoding) for encoding in ENCODINGS]
        yield secret.encode("unicode_escape")  # As in JSON that is ASCII alone.
        yield secret.encode("ascii", "xmlcharrefreplace")
    for form in forms:
        yield form
        yield form[::-1]
        yield form.hex().encode()
        yield form.hex().upper().encode()
        for shift in range(3):
            # What stands before it moves the digits; those at both ends depend on others.
            digits = b64encode(bytes(shift) + form)
            yield digits[-(-shift * 8 // 6) : len(digits) // 4 * 4 - 4]


class Hit(NamedTuple):
    """Something that should not be there."""

    file: str
    whose: str
    needle: bytes


def search(folder: Path, secrets: Mapping[str, list[str | bytes]]) -> list[Hit]:
    """Every hit of any form of any secret in any file, in names of files too.

    ``secrets``: whose they are, to what to look for.
    """
    files = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    files["names"] = "\n".join(files).encode()
    wanted = {n: whose for whose, values in secrets.items() for v in values for n in needles(v)}
    assert min(map(len, wanted)) >= WINDOW + STRIDE - 1, "too short to be told from chance"
    hits = []
    for name, data in files.items():
        # Any needle covers a whole window at a multiple of the stride, wherever it begins.
        windows = {data[at : at + WINDOW] for at in range(0, len(data), STRIDE)}
        for needle, whose in wanted.items():
            if any(needle[n : n + WINDOW] in windows for n in range(STRIDE)) and needle in data:
                hits.append(Hit(name, whose, needle))
    return hits
