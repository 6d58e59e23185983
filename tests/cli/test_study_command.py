"""Does ``radhard study`` list the studies, make one, and say what it cannot do?"""

import json
from dataclasses import replace

import pytest

from radhard.cli import main
from radhard.studies import NETWORKS, STUDIES
from radhard.studies.vulnerability_pruning_study import VULNERABILITY_PRUNING
from tests.studies.tiny import tiny_network


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(NETWORKS, "tiny", lambda _: tiny_network())


def test_without_a_name_the_studies_are_listed(capsys):
    assert main(["study"]) == 0
    told = " ".join(capsys.readouterr().out.split())  # a long title is wrapped
    assert {"activation-bounds", "data-encoding", "memory-codes"} <= set(STUDIES)
    assert all(name in told and study.title in told for name, study in STUDIES.items())


def test_help_has_an_example(capsys):
    assert main(["study", "--help"]) == 0
    assert "radhard study activation-bounds" in capsys.readouterr().out


def test_study_writes_its_page_with_the_line_that_asks_for_it(tmp_path, capsys):
    line = ["study", "channel-duplication", "--network", "tiny", "--runs", "2", "--images", "8"]
    assert main([*line, "--no-time", "-o", str(tmp_path)]) == 0
    page = (tmp_path / "channel-duplication.md").read_text("utf-8")
    assert f"`radhard {' '.join(line)} --seed 0`" in page
    numbers = json.loads((tmp_path / "channel-duplication.json").read_text("utf-8"))
    assert numbers["networks"][0]["images"] == 8
    told = capsys.readouterr().out
    assert "channel-duplication.md" in told
    assert "triplicated" in told


def test_study_of_pruning_writes_its_page_with_the_line_that_asks_for_it(
    tmp_path, capsys, monkeypatch
):
    design = replace(VULNERABILITY_PRUNING.design, ratios=(0.5,), more=())
    small = replace(VULNERABILITY_PRUNING, design=design)
    monkeypatch.setitem(STUDIES, small.name, small)
    line = ["study", "vulnerability-pruning", "--network", "tiny"]
    assert main([*line, "-o", str(tmp_path)]) == 0
    page = (tmp_path / "vulnerability-pruning.md").read_text("utf-8")
    assert f"`radhard {' '.join(line)} --seed 0`" in page
    assert "tiny: at random 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    "option",
    [
        ["--runs", "5"],
        ["--images", "9"],
        ["--store", "runs"],
        ["--no-time"],
        ["--workers", "1"],
        ["--quick"],
    ],
    ids=lambda option: option[0],
)
def test_option_that_says_nothing_to_a_study_of_pruning_is_refused(option, tmp_path, capsys):
    line = ["study", "vulnerability-pruning", "--network", "tiny", "-o", str(tmp_path / "pages")]
    assert main([*line, *option]) == 2
    said = capsys.readouterr().err
    assert option[0] in said
    assert "vulnerability-pruning" in said
    assert not (tmp_path / "pages").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["study", "activation"], "activation-bounds"),
        (["study", "activation-bounds", "--network", "lenet"], "lenet5"),
        (["study", "activation-bounds", "--runs", "0"], "--runs"),
        (["study", "vulnerability-pruning", "--network", "lenet"], "lenet5"),
    ],
)
def test_what_does_not_exist_is_told_in_a_line(line, said, capsys):
    assert main(line) == 2
    assert said in capsys.readouterr().err
