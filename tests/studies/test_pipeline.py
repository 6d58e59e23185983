"""Does a page say every number with its interval, and is each figure a file that stands alone?"""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from radhard.errors import InputError
from radhard.studies import Claim, Plan
from radhard.studies.activation_bounds import ACTIVATION_BOUNDS
from radhard.studies.pipeline import conduct, texts, write_files
from tests.studies.test_papers import BOUNDS_ADDED, BOUNDS_LOST
from tests.studies.tiny import fabricated, tiny_network

FOUND = fabricated(ACTIVATION_BOUNDS, BOUNDS_LOST, added=BOUNDS_ADDED)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    findings = [(tiny_network(), FOUND)]
    written = texts(ACTIVATION_BOUNDS, Plan(runs=400), findings, "radhard study x")
    return write_files(written, tmp_path_factory.mktemp("page"))


def test_page_numbers_and_two_figures_are_written(files):
    names = [path.name for path in files]
    assert names == [
        "activation-bounds.md",
        "activation-bounds.json",
        "activation-bounds-made up-own.svg",
        "activation-bounds-made up-common.svg",
    ]
    assert all(path.stat().st_size > 500 for path in files)


def test_page_counts_its_verdicts(files):
    page = files[0].read_text("utf-8")
    rows = re.findall(r"\| (holds|does not hold|cannot be told) \|$", page, re.MULTILINE)
    numbers = [rows.count(v) for v in ("holds", "does not hold", "cannot be told")]
    said = "Of {} claims {} hold, {} do not, {} cannot be told.".format(len(rows), *numbers)
    assert len(rows) == len(ACTIVATION_BOUNDS.claims(FOUND))
    assert said in page


def test_all_rows_of_a_table_have_as_many_cells(files):
    for table in re.findall(r"(?:^\|.*\n)+", files[0].read_text("utf-8"), re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(widths) == 1


def test_every_figure_has_an_interval_in_the_numbers(files):
    numbers = json.loads(files[1].read_text("utf-8"))
    (network,) = numbers["networks"]
    assert len(network["variants"]) == 6
    for variant in network["variants"]:
        for faults in ("own", "common"):
            assert [at["rate"] for at in variant[faults]["rates"]] == list(FOUND.rates)
            for at in variant[faults]["rates"]:
                for figure in ("accuracy", "drop"):
                    assert at[figure]["low"] <= at[figure]["value"] <= at[figure]["high"]
                    assert at[figure]["trials"] == 400


def test_picture_is_xml_with_all_its_colours(files):
    for path in files[2:]:
        text = path.read_text("utf-8")
        assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        used, known = set(re.findall(r"var\((--[\w-]+)\)", text)), re.findall(r"(--[\w-]+):", text)
        assert used
        assert used <= set(known)
        assert all(variant.name in text for variant in ACTIVATION_BOUNDS.design.variants)


def test_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(InputError, match="cannot be written"):
        write_files({"page.md": "text"}, tmp_path / "file")


def test_where_one_text_cannot_be_written_the_page_of_before_is_whole(tmp_path):
    write_files({"page.md": "before"}, tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        write_files({"page.md": "after", "none/picture.svg": "<svg/>"}, tmp_path)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("page.md", "before")]


def test_folder_that_cannot_be_written_is_refused_before_anything_is_measured(tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(InputError, match="cannot be written"):
        conduct(ACTIVATION_BOUNDS, Plan(), tmp_path / "file", networks=["there is none"])


def test_claims_between_networks_stand_at_the_end_of_the_page(tmp_path):
    asked = []

    def across(found):
        asked.append(len(found))
        return [Claim("one is better", None, "at least", 0.0, "nothing to judge by")]

    study = replace(ACTIVATION_BOUNDS, across=across)
    findings = [(tiny_network(), FOUND), (tiny_network(), FOUND)]
    written = texts(study, Plan(runs=400), findings, "radhard study x")
    page, numbers = (written[f"activation-bounds.{ending}"] for ending in ("md", "json"))
    assert asked == [2]
    assert page.index("## Between the networks") > page.rindex("## tiny")
    assert "Of 1 claims 0 hold, 0 do not, 1 cannot be told." in page
    assert [c["text"] for c in json.loads(numbers)["claims between networks"]] == ["one is better"]
