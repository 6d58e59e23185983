"""Can a run file of somebody else make a report do anything but show text?"""

import csv
import functools
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radhard import report
from radhard.escaping import visible
from radhard.formats import Int
from radhard.report.blocks import Table
from radhard.report.figures.ink import label
from radhard.report.markdown_escaping import fenced, plain

from .made import OUTCOME, made

NAMES = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</svg></style></title><b>",
    "$\\frac{$ & $x^2$",
    "a|b\n# head `code` [x](javascript:alert(1)) *bold* <b>",
    "]]> --> {{ 7 * 7 }} {% raw %}",
    "\x00\x1b[31m\u202ename\ud800",
    "层.权重",
]


@functools.cache
def named(name: str) -> tuple[str, str]:
    """The page and the twin of a run whose every name is this one."""
    texts = {"model": name, "data": name, "engine": name, "notes": [name]}
    names = {**texts, "environment": {name: name}}
    results = made(rename=name, names=names, columns=OUTCOME, format=Int(8))
    store = f"runs/{visible(name)}.db"
    return report.html(results, store=store), report.markdown(results, store=store)


@pytest.mark.parametrize("name", NAMES)
def test_name_is_shown_and_never_markup(name: str) -> None:
    page, _ = named(name)
    page.encode("utf-8")
    # The script at the end is the page's own, which no name gets into.
    body = page[page.index("<body>") : page.rindex("<script>")]
    for part in ("<script", "<img", "<b>", "\x00", "\u202e"):
        assert part not in body
    assert body.count("</svg>") == body.count("<svg")
    for figure in re.findall(r"<svg.*?</svg>", body, flags=re.DOTALL):
        ElementTree.fromstring(figure)


@pytest.mark.parametrize("name", NAMES)
def test_name_is_one_cell_of_plain_text_in_the_twin(name: str) -> None:
    _, text = named(name)
    text.encode("utf-8")
    prose = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert "<" not in prose
    assert not re.search(r"(?<!\\)\]\(", prose)
    assert "\n# head" not in prose
    rows = [line for line in prose.splitlines() if line.startswith("|")]
    widths = []
    for at, line in enumerate(rows):
        cells = len(re.findall(r"(?<!\\)\|", line)) - 1
        if at and rows[at].startswith("| ---"):
            assert cells == widths[-1]
        widths.append(cells)


def test_a_name_is_no_formula_in_a_spreadsheet() -> None:
    table = Table("t", ("name", "value"), (("=HYPERLINK(1)", "-1 %"), ("@x", "+2"), ("a", "b")))
    rows = list(csv.reader(table.csv.splitlines()))
    assert rows[1:] == [["'=HYPERLINK(1)", "-1 %"], ["'@x", "'+2"], ["a", "b"]]


@given(st.text())
def test_plain_text_holds_no_markup(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown
    assert "<" not in shown
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*|~]", shown)
    shown.encode("utf-8")


@given(st.text(alphabet="`ab\n"))
def test_fence_is_longer_than_any_run_inside(text: str) -> None:
    first, *inside, last = fenced(text, "sh").split("\n")
    assert first == last + "sh"
    assert all(last not in line for line in inside)


@given(st.text(), st.integers(3, 40))
@settings(max_examples=60)
def test_label_fits(text: str, length: int) -> None:
    shown = label(text, length)
    assert len(shown) <= length
    ElementTree.fromstring(f"<a>{shown.replace('&', '').replace('<', '')}</a>")
