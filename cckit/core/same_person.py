"""Which subjects are one person, once somebody said so (``subject.merged``).

Each of them keeps what was sealed for it, and its keys. What is asked about one of them, to
tell it or to erase it, is asked about all. A merge can't be taken back, since nobody could
say whose the facts after it are.
"""

from collections.abc import Mapping, MutableMapping

Groups = Mapping[str, tuple[str, ...]]
"""Subject to all that are the same person, sorted, itself among them; one alone is not in it."""


def same(groups: Groups, subject: str) -> tuple[str, ...]:
    """All subjects of one person, sorted; the one alone if nobody merged it."""
    return groups.get(subject, (subject,))


def unite(groups: MutableMapping[str, tuple[str, ...]], one: str, other: str) -> None:
    """Make two people one."""
    _set(groups, {*same(groups, one), *same(groups, other)})


def part(groups: MutableMapping[str, tuple[str, ...]], subject: str) -> None:
    """Take out whoever is erased: under this id is nobody, or somebody new."""
    left = {*same(groups, subject)} - {subject}
    groups.pop(subject, None)
    _set(groups, left)


def _set(groups: MutableMapping[str, tuple[str, ...]], people: set[str]) -> None:
    together = tuple(sorted(people))
    for one in together:
        if len(together) > 1:
            groups[one] = together
        else:
            groups.pop(one, None)
