"""Does a page of pruning say every number with its interval, and does its figure stand alone?"""

import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from radhard.errors import InputError
from radhard.studies import NETWORKS, Plan, conduct
from radhard.studies.vulnerability_pruning_study import VULNERABILITY_PRUNING
from tests.studies.tiny import tiny_network

NAME = VULNERABILITY_PRUNING.name


STUDY = replace(
    VULNERABILITY_PRUNING,
    design=replace(VULNERABILITY_PRUNING.design, ratios=(0.2, 0.5), more=((0.2, 0.5),)),
)
PLAN = Plan(seed=3)


@pytest.fixture(autouse=True, scope="module")
def tiny():
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "tiny", lambda _: tiny_network())
        yield


@pytest.fixture(scope="module")
def files(tmp_path_factory, tiny):
    folder = tmp_path_factory.mktemp("page")
    return conduct(STUDY, PLAN, folder, networks=["tiny"], command="a line")


def test_same_seed_gives_the_same_files(files, tmp_path):
    again = conduct(STUDY, PLAN, tmp_path, networks=["tiny"], command="a line")
    assert [p.read_bytes() for p in files] == [p.read_bytes() for p in again]


def test_page_numbers_and_a_figure_are_written(files):
    assert [path.name for path in files] == [f"{NAME}.md", f"{NAME}.json", f"{NAME}-tiny.svg"]
    page = files[0].read_text("utf-8")
    assert "`a line`" in page
    assert "Seed 3" in page
    assert f"]({NAME}-tiny.svg)" in page


def test_page_judges_every_claim_and_counts_its_verdicts(files):
    page, numbers = files[0].read_text("utf-8"), json.loads(files[1].read_text("utf-8"))
    claims = numbers["networks"][0]["claims"]
    rows = re.findall(r"\| (holds|does not hold|cannot be told) \|$", page, re.MULTILINE)
    assert rows == [claim["verdict"] for claim in claims]
    assert len({(claim["text"], claim["note"]) for claim in claims}) == len(claims) == 18
    assert f"Of {len(rows)} claims {rows.count('holds')} hold" in page


def test_all_rows_of_a_table_have_as_many_cells(files):
    tables = re.findall(r"(?:^\|.*\n)+", files[0].read_text("utf-8"), re.MULTILINE)
    assert len(tables) == 5
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1


def test_every_figure_has_an_interval_in_the_numbers(files):
    (network,) = json.loads(files[1].read_text("utf-8"))["networks"]
    assert network["test images"] == 20
    tried = {(c["ranking"], c["conv"], c["linear"], c["fine-tuned"]) for c in network["cuts"]}
    assert len(network["points lost"]) == len(tried)
    for row in network["points lost"]:
        for figure in ("points", "accuracy"):
            assert row[figure]["low"] <= row[figure]["value"] <= row[figure]["high"]
        assert row["points"]["trials"] == 20
    for cut in network["cuts"]:
        assert cut["cost"]["parameters"] <= network["cost"]["parameters"]
        assert cut["cost"]["bits"] == 32 * cut["cost"]["parameters"]


def test_points_lost_in_the_numbers_follow_from_the_counts_of_right_answers(files):
    (network,) = json.loads(files[1].read_text("utf-8"))["networks"]
    for row in network["points lost"]:
        right = [
            cut["right"]
            for cut in network["cuts"]
            if all(cut[key] == row[key] for key in ("ranking", "conv", "linear", "fine-tuned"))
        ]
        lost = 100 * (network["right"] - sum(right) / len(right)) / network["test images"]
        assert row["points"]["value"] == pytest.approx(lost)


def test_picture_is_xml_with_all_its_colours(files):
    text = files[2].read_text("utf-8")
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    used, known = set(re.findall(r"var\((--[\w-]+)\)", text)), re.findall(r"(--[\w-]+):", text)
    assert used
    assert used <= set(known)
    for said in ("VulnerabilityGain", "both, not fine-tuned", "linear layers, fine-tuned"):
        assert said in text


def test_setting_that_the_study_does_not_use_is_refused(tmp_path):
    with pytest.raises(InputError, match="runs"):
        conduct(VULNERABILITY_PRUNING, Plan(runs=1), tmp_path)
    assert not any(tmp_path.iterdir())
