"""What a contact needs of an agent, as text: ``billing >= 3 and (he >= 2 or en >= 4)``.

Grammar: ``or`` of ``and`` of ``not`` of ``skill >= level`` or a bracket; a bare skill
means level 1; empty text is anyone. Equal needs have equal text, so they share a group.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final

import attrs

Atom = tuple[str, int]
Levels = dict[str, tuple[int, int]]
Tree = tuple[str, "tuple[Tree, ...]"] | Atom

_TOKEN: Final = re.compile(r"\s*(?:(>=|\(|\))|([^\s()>=]+))")
_WORDS: Final = frozenset({"and", "or", "not"})
MAX_ATOMS: Final = 64
MAX_LEVEL: Final = 5
TRIES_MAX: Final = 20_000
MAX_DEPTH: Final = 32
"""Brackets and nots within each other."""


@attrs.frozen(slots=True)
class Need:
    """A parsed requirement."""

    text: str
    """Canonical: equal needs have equal text."""
    tree: Tree | None
    atoms: tuple[Atom, ...]
    """Every (skill, level) it mentions, sorted."""
    skills: tuple[str, ...] = ()
    """Every skill it mentions, sorted."""

    def fits(self, skills: Mapping[str, int]) -> bool:
        """Tell whether an agent with these skills has what is needed."""
        return self.tree is None or _holds(self.tree, skills)

    def level(self, skills: Mapping[str, int]) -> int:
        """Sum the agent's levels in the skills it mentions."""
        return sum(skills.get(skill, 0) for skill in self.skills)

    def mask(self, holders: Callable[[Atom], int], everyone: int) -> int:
        """Combine the bitsets of each atom's holders into one of who fits."""
        return everyone if self.tree is None else _mask(self.tree, holders, everyone)


def _holds(tree: Tree, skills: Mapping[str, int]) -> bool:
    word, rest = tree
    if isinstance(rest, int):
        return skills.get(word, 0) >= rest
    if word == "and":
        return all(_holds(part, skills) for part in rest)
    if word == "or":
        return any(_holds(part, skills) for part in rest)
    return not _holds(rest[0], skills)


def _mask(tree: Tree, holders: Callable[[Atom], int], everyone: int) -> int:
    word, rest = tree
    if isinstance(rest, int):
        return holders((word, rest)) & everyone
    if word == "not":
        return everyone & ~_mask(rest[0], holders, everyone)
    masks = [_mask(part, holders, everyone) for part in rest]
    mask = masks[0]
    for other in masks[1:]:
        mask = mask & other if word == "and" else mask | other
    return mask


@lru_cache(maxsize=4096)
def parse(text: str) -> Need:
    """Read a requirement.

    :raises ValueError: the text is no requirement; the message says where.
    """
    tokens = _tokens(text)
    if not tokens:
        return Need("", None, ())
    tree, rest = _either(tokens, 0, 0)
    if rest != len(tokens):
        raise ValueError(f"need {text!r}: unexpected {tokens[rest]!r}")
    atoms = tuple(sorted(set(_atoms(tree))))
    if len(atoms) > MAX_ATOMS:
        raise ValueError(f"need {text!r}: {len(atoms)} conditions, at most {MAX_ATOMS}")
    skills = tuple(sorted({skill for skill, _ in atoms}))
    return Need(_text(tree, 0), tree, atoms, skills)


@lru_cache(maxsize=4096)
def possible(text: str) -> bool:
    """Tell whether some profile could meet a requirement: ``a >= 3 and not a`` none can.

    What is too tangled to find out within ``TRIES_MAX`` steps counts as possible.

    :raises ValueError: the text is no requirement.
    """
    tree = parse(text).tree
    tries = iter(range(TRIES_MAX))
    return tree is None or _possible([(tree, True)], {}, tries)


def _possible(goals: "list[tuple[Tree, bool]]", levels: Levels, tries: Iterator[int]) -> bool:
    """Look for levels that make every goal true, or false where it is to be.

    :param levels: skill to the least and the most that the goals so far leave.
    """
    if not goals or next(tries, None) is None:
        return True
    (word, rest), wanted = goals[-1]
    goals = goals[:-1]
    if isinstance(rest, int):
        low, high = levels.get(word, (0, MAX_LEVEL))
        low, high = (max(low, rest), high) if wanted else (low, min(high, rest - 1))
        return low <= high and _possible(goals, {**levels, word: (low, high)}, tries)
    if word == "not":
        return _possible([*goals, (rest[0], not wanted)], levels, tries)
    parts = [(part, wanted) for part in rest]
    if (word == "and") is wanted:
        return _possible([*goals, *parts], levels, tries)
    return any(_possible([*goals, part], levels, tries) for part in parts)


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"need {text!r}: unreadable at {text[at:]!r}")
        tokens.append(match[1] or match[2])
        at = match.end()
    return tokens


def _either(tokens: list[str], at: int, depth: int) -> tuple[Tree, int]:
    return _joined(tokens, at, depth, "or", lambda t, a, d: _joined(t, a, d, "and", _single))


def _joined(
    tokens: list[str],
    at: int,
    depth: int,
    word: str,
    part: Callable[[list[str], int, int], tuple[Tree, int]],
) -> tuple[Tree, int]:
    """Read parts joined by a word: sorted, each once, none of them joined by it again."""
    first, at = part(tokens, at, depth)
    parts = set(_parts(first, word))
    while at < len(tokens) and tokens[at] == word:
        more, at = part(tokens, at + 1, depth)
        parts.update(_parts(more, word))
    if len(parts) == 1:
        return parts.pop(), at
    return (word, tuple(sorted(parts, key=lambda tree: _text(tree, 2)))), at


def _parts(tree: Tree, word: str) -> "tuple[Tree, ...]":
    joined, rest = tree
    return rest if joined == word and not isinstance(rest, int) else (tree,)


def _single(tokens: list[str], at: int, depth: int) -> tuple[Tree, int]:
    if depth > MAX_DEPTH:
        raise ValueError(f"need: more than {MAX_DEPTH} brackets and nots within each other")
    if at >= len(tokens):
        raise ValueError("need: it ends where a skill should stand")
    word = tokens[at]
    if word == "not":
        part, at = _single(tokens, at + 1, depth + 1)
        return ("not", (part,)), at
    if word == "(":
        part, at = _either(tokens, at + 1, depth + 1)
        if at >= len(tokens) or tokens[at] != ")":
            raise ValueError("need: a bracket is not closed")
        return part, at + 1
    if word in _WORDS or word in (">=", ")"):
        raise ValueError(f"need: a skill should stand where {word!r} does")
    if at + 1 < len(tokens) and tokens[at + 1] == ">=":
        level = tokens[at + 2] if at + 2 < len(tokens) else ""
        if level not in ("1", "2", "3", "4", "5"):
            raise ValueError(f"need: the level of {word!r} is {level!r}, allowed are 1 to 5")
        return (word, int(level)), at + 3
    return (word, 1), at + 1


def _text(tree: Tree, inside: int) -> str:
    word, rest = tree
    if isinstance(rest, int):
        return f"{word} >= {rest}"
    if word == "not":
        return f"not {_text(rest[0], 2)}"
    text = f" {word} ".join(_text(part, 2 if word == "and" else 1) for part in rest)
    return f"({text})" if inside == 2 or (inside == 1 and word == "or") else text


def _atoms(tree: Tree) -> list[Atom]:
    word, rest = tree
    if isinstance(rest, int):
        return [(word, rest)]
    return [atom for part in rest for atom in _atoms(part)]
