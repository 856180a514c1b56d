"""Requirements as text: read, made canonical, and answered like a truth table."""

from collections.abc import Mapping
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cckit.core.need import MAX_ATOMS, MAX_DEPTH, Tree, parse

SKILLS = ("he", "en", "billing", "א")
ATOMS = st.tuples(st.sampled_from(SKILLS), st.integers(1, 5))
TREES: st.SearchStrategy[Tree] = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(st.just("not"), st.tuples(inner)),
        st.tuples(
            st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3).map(tuple)
        ),
    ),
    max_leaves=8,
)
HAVES = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 5))


def written(tree: Tree) -> str:
    """Every tree as text, each part in brackets."""
    word, rest = tree
    if isinstance(rest, int):
        return f"{word}>={rest}"
    if word == "not":
        return f"not ({written(rest[0])})"
    return "(" + f" {word} ".join(written(part) for part in rest) + ")"


def holds(tree: Tree, skills: Mapping[str, int]) -> bool:
    """The plain meaning."""
    word, rest = tree
    if isinstance(rest, int):
        return skills.get(word, 0) >= rest
    parts = [holds(part, skills) for part in rest]
    return {"and": all(parts), "or": any(parts), "not": not parts[0]}[word]


@given(TREES, HAVES)
def test_a_need_means_what_its_words_say(tree: Tree, skills: dict[str, int]) -> None:
    assert parse(written(tree)).fits(skills) is holds(tree, skills)


@given(TREES)
def test_the_canonical_text_reads_as_itself(tree: Tree) -> None:
    need = parse(written(tree))
    assert parse(need.text) == need


@given(TREES, st.lists(HAVES, min_size=1, max_size=9))
def test_bitsets_answer_as_agents_one_by_one(tree: Tree, team: list[dict[str, int]]) -> None:
    need = parse(written(tree))
    holders = {
        (skill, level): sum(1 << n for n, has in enumerate(team) if has.get(skill, 0) >= level)
        for skill, level in product(SKILLS, range(1, 6))
    }
    everyone = (1 << len(team)) - 1
    expected = sum(1 << n for n, has in enumerate(team) if need.fits(has))
    assert need.mask(holders.__getitem__, everyone) == expected


@given(TREES, st.permutations(range(4)))
def test_order_and_repetition_do_not_make_another_need(tree: Tree, order: list[int]) -> None:
    parts = [written(tree), "he>=2", "en", "he >= 2"]
    assert parse(" or ".join(parts)) == parse(" or ".join(parts[n] for n in order))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        ("  ", ""),
        ("he", "he >= 1"),
        ("he>=2", "he >= 2"),
        ("  he  >=  2 ", "he >= 2"),
        ("he and en", "en >= 1 and he >= 1"),
        ("he and he", "he >= 1"),
        ("not (he and he)", "not he >= 1"),
        ("a and (b and c)", "a >= 1 and b >= 1 and c >= 1"),
        ("(c or b) or a", "a >= 1 or b >= 1 or c >= 1"),
        ("a or b and c", "b >= 1 and c >= 1 or a >= 1"),
        ("(a or b) and c", "(a >= 1 or b >= 1) and c >= 1"),
        ("not (a or b)", "not (a >= 1 or b >= 1)"),
        ("עברית>=3", "עברית >= 3"),
    ],
)
def test_text_is_made_canonical(text: str, canonical: str) -> None:
    assert parse(text).text == canonical


@pytest.mark.parametrize(
    "text",
    [
        "he >=",
        "he >= 0",
        "he >= 6",
        "he >= -1",
        "he >= x",
        ">= 2",
        "he en",
        "he and",
        "and",
        "or he",
        "not",
        "(he",
        "he)",
        "()",
        "he > 2",
        "he = 2",
        "he >= 2 >= 3",
        "(" * 4000,
        "not " * 1000 + "he",
        "(" * (MAX_DEPTH + 1) + "he" + ")" * (MAX_DEPTH + 1),
        " and ".join(f"s{n}" for n in range(MAX_ATOMS + 1)),
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_requirement_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="need"):
        parse(text)


@given(st.text(alphabet="ab ()>=123not", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        need = parse(text)
    except ValueError as error:
        assert str(error).startswith("need")
    else:
        assert parse(need.text) == need


def test_the_deepest_and_the_widest_are_read() -> None:
    deep = "(" * MAX_DEPTH + "he" + ")" * MAX_DEPTH
    wide = " and ".join(f"s{n}" for n in range(MAX_ATOMS))
    assert parse(deep).text == "he >= 1"
    assert len(parse(wide).atoms) == MAX_ATOMS


def test_a_level_is_the_sum_over_the_skills_that_are_named() -> None:
    need = parse("he >= 2 and (en or not billing)")
    assert need.level({"he": 3, "en": 4, "cooking": 5}) == 7
    assert parse("he >= 2 or he >= 4").level({"he": 3}) == 3
    assert parse("").level({"he": 3}) == 0
