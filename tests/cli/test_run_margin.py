"""Does `radhard run --margin` choose the sampler that a plan does, and keep to it?"""

import re

import pytest

from radhard.cli import main
from radhard.samplers import SAMPLERS, Adaptive
from radhard.store import Store

MODEL = ["run", "mlp", "--data", "mnist", "--n", "8"]


def test_a_margin_chooses_the_sampler_and_says_what_the_others_cost(tmp_path, capsys):
    path = str(tmp_path / "run.db")
    assert main([*MODEL, "--margin", "10%", "--store", path]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    with Store(path) as file:
        chosen = file.manifest()["sampler"]
    fastest, *_ = shown.split("; ")
    assert f"margin of 10 % without assumptions: {chosen} (" in fastest
    assert "with an assumption" not in fastest
    assert {"Exhaustive()", "Adaptive(0.1)"} <= set(re.findall(r"[A-Z]\w+\([^() ]*\)", shown))


def test_a_run_is_continued_with_its_own_sampler_whatever_a_pilot_would_choose(
    tmp_path, capsys, monkeypatch
):
    path = str(tmp_path / "run.db")
    begun = repr(Adaptive(0.1, by="tensor"))
    assert main([*MODEL, "--sampler", begun, "--store", path]) == 0
    with Store(path) as file:
        before = file.done()
    monkeypatch.setattr("radhard.cli.actions.run_action.plan", None)
    assert main([*MODEL, "--margin", "10%", "--by", "tensor", "--store", path]) == 0
    with Store(path) as file:
        assert SAMPLERS.parse(file.manifest()["sampler"]) == SAMPLERS.parse(begun)
        assert len(file.done()) == len(before)
    assert main([*MODEL, "--margin", "9%", "--by", "tensor", "--store", path]) == 2
    assert "not for a margin" in capsys.readouterr().err


def test_a_run_begun_for_a_margin_is_continued_whatever_a_pilot_chose(
    tmp_path, capsys, monkeypatch
):
    path = str(tmp_path / "run.db")
    options = ["--margin", "20%", "--confidence", "90%"]
    assert main([*MODEL, *options, "--store", path]) == 0
    monkeypatch.setattr("radhard.cli.actions.run_action.plan", None)
    assert main([*MODEL, *options, "--store", path]) == 0
    assert "continued with the sampler of the run file" in capsys.readouterr().out
    assert main([*MODEL, "--margin", "20%", "--store", path]) == 2


@pytest.mark.parametrize("sampler", ["PerTensor(margin=0.1)", "Uniform(5000)"])
def test_a_sampler_that_was_not_chosen_for_the_margin_is_refused(sampler, tmp_path, capsys):
    path = str(tmp_path / "run.db")
    assert main([*MODEL, "--sampler", sampler, "--store", path]) == 0
    assert main([*MODEL, "--margin", "10%", "--by", "bit", "--store", path]) == 2
    assert "not for a margin" in capsys.readouterr().err


def test_a_run_of_too_few_trials_for_the_margin_is_not_taken_for_it(tmp_path, capsys):
    path = str(tmp_path / "run.db")
    assert main([*MODEL, "--sampler", "Uniform(20)", "--store", path]) == 0
    capsys.readouterr()
    assert main([*MODEL, "--margin", "1%", "--store", path]) == 2
    assert "not for a margin" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--margin", "1%", "--sampler", "Uniform(5)"], "chooses the sampler"),
        (["--by", "tensor"], "--by belongs to a margin"),
        (["--confidence", "99%"], "--confidence belongs to a margin"),
        (["--margin", "0"], "--margin"),
    ],
)
def test_what_cannot_be_asked_is_one_line(options, told, capsys):
    assert main([*MODEL, *options]) == 2
    error = capsys.readouterr().err.strip()
    assert told in error
    assert len(error.splitlines()) == 1
