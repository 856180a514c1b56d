"""The page needs nothing, runs nothing, and believes no text."""

import re
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cckit.core.errors import ConfigError
from cckit.core.render import fingerprint, render_html
from cckit.core.render.catalog import ENGLISH, HEBREW
from cckit.core.render.html import formula
from cckit.core.render.plot import Bar, Series, rows, stacked
from cckit.core.render.printed import duration, instant, interval, percent
from cckit.core.reports import REPORTS, Catalogue, Document
from cckit.core.reports.catalogue import OTHERS, WAIT_P90
from cckit.core.reports.definitions import SERVICE_LEVELS

Make = Callable[..., Document]
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Checks that tags nest, and collects what the tests ask for."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def every(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_its_tags_nest(make: Make) -> None:
    assert Page(render_html(make())).open == []


@pytest.mark.parametrize(("lang", "direction"), [("en", "ltr"), ("he", "rtl")])
def test_it_speaks_english_and_hebrew(make: Make, lang: str, direction: str) -> None:
    page = Page(render_html(make(), lang))
    assert page.every("html") == [{"lang": lang, "dir": direction}]
    assert ("תורים לפי מרווחי זמן" in page.text) == (lang == "he")


def test_another_language_is_refused(make: Make) -> None:
    with pytest.raises(ConfigError, match="take one of en, he"):
        render_html(make(), "tlh")


def test_both_languages_have_the_same_words() -> None:
    ours = {d.name for d in (*SERVICE_LEVELS, *OTHERS)}
    assert set(HEBREW) == set(ENGLISH) | ours
    assert set(REPORTS) <= set(ENGLISH)


def test_it_loads_and_runs_nothing(make: Make) -> None:
    text = render_html(make()).decode()
    page = Page(text.encode())
    assert not {"script", "link", "img", "iframe", "object", "embed"} & {t for t, _ in page.tags}
    assert not re.search(r"https?:|//|url\(|@import|\bon\w+=", text.partition("<body>")[2])
    assert not any(name in a for _, a in page.tags for name in ("src", "href", "onload"))
    policy = [a["content"] for a in page.every("meta") if "http-equiv" in a]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


HOSTILE = "<script>alert('1')</script>\"&\u202egnp\x00"


def test_text_is_escaped_and_keeps_its_direction_to_itself(make: Make) -> None:
    content = render_html(make(HOSTILE)).decode()
    page = Page(content.encode())
    assert "<script" not in content
    assert page.open == []
    assert "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&quot;&amp;" in content
    assert "\x00" not in content
    assert "<bdi>&lt;script" in content


@settings(max_examples=60)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_no_text_breaks_the_page(make: Make, listed: Make, text: str) -> None:
    for document in (make(text), listed(text)):
        page = Page(render_html(document, "he"))
        assert page.open == []
        assert not page.every("script")


def test_who_cannot_see_it_can_read_it(make: Make) -> None:
    page = Page(render_html(make()))
    assert len(page.every("caption")) == len(page.every("table")) == 1
    assert {a["scope"] for a in page.every("th")} == {"col", "row"}
    for svg in page.every("svg"):
        labels = (svg["aria-labelledby"] or "").split()
        ids = {a["id"] for tag in ("title", "desc") for a in page.every(tag) if "id" in a}
        assert svg["role"] == "img" and len(labels) == 2 and set(labels) <= ids


def test_it_names_the_json_that_it_was_made_from(make: Make) -> None:
    text = Page(render_html(make())).text
    assert fingerprint(make()) in text
    assert Catalogue().find("sl.offered").hash in text
    assert "ab" * 32 in text


def test_numbers_are_printed_as_people_read_them(make: Make) -> None:
    text = Page(render_html(make())).text
    for part in ("33.33 %", "1 / 3", "0:14", "0:23", "1999-02-08 10:00 +02:00", "none"):
        assert part in text


def test_a_column_that_was_not_measured_is_named_once(make: Make) -> None:
    assert Page(render_html(make())).text.count("not measured: gone.") == 1


def test_long_lists_are_cut_and_say_so(listed: Make) -> None:
    page = Page(render_html(listed(*(str(n) for n in range(5001)))))
    assert len(page.every("tr")) == 5001
    assert "The first 5,000 of 5,001 rows" in page.text


def test_an_empty_report_says_so(listed: Make) -> None:
    assert "There are no rows in this range." in Page(render_html(listed())).text


@pytest.mark.parametrize("lang", ["en", "he"])
def test_its_bytes_are_stable(make: Make, lang: str) -> None:
    again = {sha256(render_html(make(), lang)).hexdigest() for _ in range(3)}
    assert len(again) == 1


def test_percent_has_two_decimals() -> None:
    found = [percent(ppm) for ppm in (0, 1_000_000, 811_321, 49, 50, -811_321, 1_234_567)]
    assert found == ["0.00 %", "100.00 %", "81.13 %", "0.00 %", "0.01 %", "-81.13 %", "123.46 %"]


def test_durations_are_clock_like() -> None:
    found = [duration(s * 500_000) for s in (0, 1, 2, 119, 120, 7200, -3)]
    assert found == ["0:00", "0:01", "0:01", "1:00", "1:00", "1:00:00", "-0:02"]


def test_instants_carry_their_offset(make: Make) -> None:
    assert instant(918_460_800_999_999, make().zone) == "1999-02-08 10:00:00 +02:00"
    assert interval("1999-02-08T07:30+02:00") == "1999-02-08 07:30 +02:00"
    assert interval("1999-02-08") == "1999-02-08"


def test_a_formula_reads_like_its_definition() -> None:
    found = [
        formula(Catalogue().find(name)) for name in ("sl.answered", "sl.ignored", "sl.removed")
    ]
    assert found == ["A_T / A", "A_T / (A + B − B_T)", "(A_T + B_T + D_T) / (A + B + F + D)"]


def test_a_line_is_broken_where_there_is_no_value() -> None:
    labels = [f"1999-02-08T10:0{n}+02:00" for n in range(5)]
    series = [Series("x", "good", [1, 2, 3, 4, 5])]
    svg = stacked("n", "title", "desc", labels, series, [0, 500_000, None, 1_000_000, 1_000_000])
    assert svg.count("<polyline") == 2
    assert svg.count("<circle") == 4


def test_bars_end_where_their_values_say() -> None:
    svg = stacked(
        "n", "t", "d", ["a", "b"], [Series("x", "good", [4, 2]), Series("y", "bad", [0, 2])]
    )
    heights = re.findall(r'<rect class="(\w+)"[^>]*height="(\d+)"', svg)
    assert heights == [("good", "220"), ("good", "110"), ("bad", "110")]
    svg = rows("n", "t", "d", [Bar("one", [("good", 1, ""), ("bad", 3, "")], "")], 4)
    widths = [int(w) for w in re.findall(r'<rect class="(?:good|bad)"[^>]*width="(\d+)"', svg)]
    assert widths == [160, 480]


def test_a_percentile_reads_as_one() -> None:
    assert formula(WAIT_P90) == "p90(wait_A)"


def test_a_name_that_does_not_fit_is_cut() -> None:
    svg = rows("n", "t", "d", [Bar("a" * 100, [("good", 1, "")], "")], 1)
    assert f">{'a' * 23}…</text>" in svg


@pytest.mark.parametrize(("lang", "said"), [("en", "30 min"), ("he", "30 דק׳")])
def test_the_length_of_intervals_is_said_in_its_language(make: Make, lang: str, said: str) -> None:
    page = Page(render_html(make(), lang))
    assert said in page.text
    assert lang == "en" or "30 min" not in page.text


def test_a_plot_on_a_narrow_screen_is_scrolled_and_not_shrunk(make: Make) -> None:
    text = render_html(make()).decode()
    narrow = text.partition("@media screen and (max-width: 50rem) {")[2].partition("\n}")[0]
    assert "figure { overflow-x: auto" in narrow
    assert "figure svg { min-inline-size: 50rem; }" in narrow
