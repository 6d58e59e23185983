"""Does ``radhard analyze`` predict what it was asked to, compare it, and keep it?"""

import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from radhard import datasets, models
from radhard.analyses import MaxValue
from radhard.cli import main
from radhard.factory import function
from radhard.formats import Fixed, stored_as
from radhard.manifest import fingerprint
from radhard.report.vulnerability import part_name
from radhard.results import Results
from radhard.scores import Scores

CODE = """
import numpy as np
import torch
from torch import nn
from radhard.analyses import Analysis
from radhard.analyses.base import AnalysisResult
from radhard.analyses.layers import torch_layers
from radhard.spec import component

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2)).eval()

def wrapped():
    return nn.ModuleDict({"net": build()}).eval()

def logits(model, batch):
    return model["net"](batch)

def samples():
    torch.manual_seed(1)
    x = torch.randn(6, 3)
    return x, (x[:, 0] > 0).long()

def pictures():
    return torch.randn(6, 1, 4, 4)

def unclassified():
    return nn.Sequential(nn.Conv2d(1, 2, 3)).eval()

SHAPES = {
    "tensor": ((), ()), "channel": ((6,), (2,)), "element": ((6, 3), (2, 6)), "bit": ((32,),) * 2
}

@component
class Own(Analysis):
    '''Random scores at any level.'''

    level: str = "channel"
    unit: str = "share"
    limits: bool = False

    def find(self, workload):
        chance = workload.random()
        names = [f"{layer.name}.weight" for layer in torch_layers(workload)]
        values = {n: chance.random(s) for n, s in zip(names, SHAPES[self.level])}
        low, high = ({n: v ** f for n, v in values.items()} for f in (1.1, 0.9))
        limits = (low, high) if self.limits else (None, None)
        return AnalysisResult(self.level, values, self.unit, *limits, facts={"forwards": 3})
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a user's own network, data and analysis, and a wide terminal."""
    (tmp_path / "own_parts.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("COLUMNS", "120")
    yield tmp_path
    sys.modules.pop("own_parts", None)


NAMED = ["own_parts.py:build", "--data", "own_parts.py:samples"]
OWN = ["analyze", *NAMED]


@pytest.fixture(scope="module")
def exhausted(tmp_path_factory):
    """A campaign on the network, every fault, as bytes of its run file."""
    place = tmp_path_factory.mktemp("campaign")
    (place / "own_parts.py").write_text(CODE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert main(["run", *NAMED, "--sampler", "Exhaustive()", "--store", "base.db"]) == 0
    return (place / "base.db").read_bytes()


@pytest.fixture
def base(folder, exhausted):
    """The run file of that campaign in the working folder."""
    (folder / "base.db").write_bytes(exhausted)
    return "base.db"


@pytest.mark.parametrize("level", ["tensor", "channel", "element", "bit"])
@pytest.mark.parametrize("more", ["", ", unit='relative'", ", limits=True"])
def test_scores_of_every_kind_are_shown_and_kept(folder, capsys, level, more):
    spec = f"own_parts:Own(level={level!r}{more})"
    assert main([*OWN, "--with", spec, "--top", "2", "-o", "scores.json"]) == 0
    told = capsys.readouterr().out
    scores = Scores.load("scores.json")
    assert scores.level == level
    assert scores.by in told
    assert "scores:   scores.json" in told
    first, second, third = scores.ranking(3) if level != "tensor" else [*scores.ranking(2), None]
    ranking = told.partition("Most vulnerable of")[2].partition("\n\n")[0]
    places = [ranking.index(f"\n{part_name(ranked, level)} ") for ranked in (first, second)]
    assert places == sorted(places)
    assert third is None or f"\n{part_name(third, level)} " not in ranking
    assert ("interval" in told) == ("limits" in more)
    how = "scores are relative" if "relative" in more else "predicted rate of critical faults"
    assert how in told


def test_what_is_printed_is_what_python_computes(folder, capsys):
    arguments = ["--n", "30", "--with", "MaxValue()", "--batch", "10"]
    assert main(["analyze", "lenet5", "--data", "mnist", *arguments, "-o", "scores.json"]) == 0
    told = capsys.readouterr().out
    scores = MaxValue()(models.load("lenet5"), datasets.load("mnist", n=30), batch=10)
    kept = Scores.load("scores.json")
    for name, value in scores.values.items():
        np.testing.assert_array_equal(kept[name], value)
    assert kept.model == scores.model == fingerprint(models.load("lenet5"))
    for place in scores.ranking(10):
        assert f"{place.tensor}{list(place.index)} " in told
        assert f" {place.value:.3g}" in told
    asked = {"model": "lenet5", "data": "mnist", "first samples": 30, "samples": 30, "batch": 10}
    assert asked.items() <= kept.names.items()


def test_a_seed_is_the_analysis_own(folder):
    for seed, name in ((1, "a"), (1, "b"), (2, "c")):
        options = ["--with", "own_parts:Own()", "--seed", str(seed), "-o", f"{name}.json"]
        assert main([*OWN, *options]) == 0
    a, b, c = (Scores.load(f"{name}.json")["0.weight"].tolist() for name in "abc")
    assert a == b != c


def test_the_format_is_stored_before_the_model_is_classifier_workload(folder):
    options = ["--with", "MaxValue()", "--format", "Fixed(1, 6)", "-o", "scores.json"]
    assert main([*OWN, *options]) == 0
    model = function("own_parts.py:build")()
    assert Scores.load("scores.json").model == fingerprint(stored_as(model, Fixed(1, 6)))
    assert Scores.load("scores.json").model != fingerprint(model)


def test_logits_come_from_a_function_of_ones_own(folder):
    given = ["own_parts.py:wrapped", *NAMED[1:], "--call", "own_parts.py:logits"]
    assert main(["analyze", *given, "--with", "MaxValue()", "-o", "a.json"]) == 0
    assert Scores.load("a.json").names["call"] == "own_parts.py:logits"


def test_agreement_with_a_campaign_is_that_of_the_scores(base, capsys):
    options = ["--with", "own_parts:Own()", "--against", base, "-o", "scores.json"]
    assert main([*OWN, *options]) == 0
    told = capsys.readouterr().out
    found = Scores.load("scores.json").agreement(Results.open(base))
    lines = told.partition("Compared with Outcome().critical")[2].splitlines()
    line = next(line for line in lines if line.startswith("channel  "))
    for said in (f"{found.rank.value:.2f}", f"[{found.rank.low:.2f}, {found.rank.high:.2f}]"):
        assert said in line
    assert line.split()[-1] == f"{100 * found.error:.3g}"
    assert "no comparison by tensor" in told  # two tensors are too few


def test_what_the_command_line_leaves_open_is_as_in_the_campaign(folder, capsys):
    stored = ["--format", "Fixed(1, 6)", "--n", "5", "--sampler", "Uniform(40)"]
    assert main(["run", *NAMED, *stored, "--store", "fixed.db"]) == 0
    options = ["--with", "MaxValue()", "--against", "fixed.db", "-o", "scores.json"]
    assert main(["analyze", "--trust", *options]) == 0
    names = Scores.load("scores.json").names
    assert names["model"] == "own_parts.py:build"
    assert names["format"] == "Fixed(1, 6)"
    assert names["samples"] == 5


def test_several_analyses_stand_side_by_side(base, capsys):
    several = ["--with", "own_parts:Own()", "--with", "own_parts:Own(level='element')"]
    several += ["--with", "MaxValue()"]
    assert main([*OWN, *several, "--against", base, "--compare", "-o", "s.json"]) == 0
    told = capsys.readouterr().out
    assert "By channel, compared with Outcome().critical in 960 trials" in told
    assert "Most vulnerable" not in told
    rows = [line for line in told.splitlines() if line.startswith(("own_parts:Own", "MaxValue"))]
    assert len(rows) == 3
    kept = {"s-Own-1.json", "s-Own-2.json", "s-MaxValue.json"}
    assert {path.name for path in Path().glob("s*.json")} == kept
    assert main([*OWN, *several, "--against", base]) == 0
    told = capsys.readouterr().out
    assert told.count("Most vulnerable") == 3
    assert "By channel, compared with" in told


def test_several_analyses_without_a_campaign_are_shown_one_after_the_other(folder, capsys):
    assert main([*OWN, "--with", "own_parts:Own()", "--with", "MaxValue()"]) == 0
    told = capsys.readouterr().out
    assert told.count("Most vulnerable") == 2
    assert "against" not in told


def test_report_is_written_and_written_again_from_the_scores(base, capsys, folder):
    options = ["--with", "own_parts:Own(limits=True)", "--against", base, "-o", "scores.json"]
    assert main([*OWN, *options, "--report", "first.html"]) == 0
    assert main(["report", "scores.json", "--against", base, "-o", "again.html"]) == 0
    told = capsys.readouterr().out
    assert "again.md" in told
    for end in (".html", ".md"):
        first, again = ((folder / f"{name}{end}").read_text("utf-8") for name in ("first", "again"))
        assert first == again
    assert "rank correlation" in first
    assert main(["report", "scores.json"]) == 0
    assert (folder / "scores.html").exists()


def test_scores_of_several_analyses_share_a_page(folder, capsys):
    both = ["--with", "own_parts:Own()", "--with", "MaxValue()"]
    assert main([*OWN, *both, "-o", "s.json"]) == 0
    assert main(["report", "s-Own.json", "s-MaxValue.json", "-o", "both.html"]) == 0
    assert "Comparison of the analyses" in (folder / "both.html").read_text("utf-8")


def test_line_to_repeat_it_repeats_it(folder, capsys):
    options = ["--with", "own_parts:Own(level='bit')", "--seed", "3", "-o", "a.json"]
    assert main([*OWN, *options, "--report", "a.html"]) == 0
    text = (folder / "a.md").read_text("utf-8")
    line = text.partition("```sh\n")[2].partition("```")[0].replace("\\\n", " ")
    program, *again = shlex.split(line)
    assert program == "radhard"
    assert main([*again, "-o", "b.json"]) == 0
    a, b = Scores.load("a.json"), Scores.load("b.json")
    assert all((a[name] == b[name]).all() for name in a.values)


def test_value_ranges_are_kept_and_pictured(folder, capsys):
    options = ["--with", "DeepVigor(neurons=2)", "--ranges", "ranges.npz", "-o", "scores.json"]
    assert main([*OWN, *options, "--report", "first.html"]) == 0
    assert main(["report", "scores.json", "--ranges", "ranges.npz", "-o", "again.html"]) == 0
    first, again = ((folder / f"{name}.html").read_text("utf-8") for name in ("first", "again"))
    assert first == again
    assert "Vulnerability value ranges" in first


@pytest.mark.parametrize("columns", ["44", "60"])
def test_narrow_terminal_gets_every_number(base, capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    both = ["--with", "own_parts:Own()", "--with", "MaxValue()", "--against", base]
    assert main([*OWN, *both]) == 0
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= int(columns)
    assert "…" not in told
    assert "rank correlation" in " ".join(told.split())


def refused(capsys, *arguments):
    """What is said about arguments that cannot be used."""
    capsys.readouterr()
    assert main(list(arguments)) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    assert len(told.err.splitlines()) == 1
    assert told.err.startswith("radhard: ")
    return told.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "for example --with 'MaxValue()'"),
        (["--with", "MaxValues()"], "did you mean MaxValue"),
        (["--with", "MaxValue(k=1)"], "MaxValue("),
        (["--with", "own_parts:None()"], "own_parts:None()"),
        (["--with", "own_parts:Own(level=3)"], "level=3 is not allowed"),
        (["--with", "MaxValue()", "--compare"], "--compare requires a campaign"),
        (["--with", "MaxValue()", "--against", "none.db"], "there is no run file 'none.db'"),
        (["--with", "MaxValue()", "--against", "own_parts.py"], "own_parts.py"),
        (["--with", "MaxValue()", "--top", "0"], "--top"),
        (["--with", "MaxValue()", "--ranges", "r.npz"], "an analysis that computes value ranges"),
        (["--with", "MaxValue()", "--n", "7"], "n=7 is not allowed"),
        (["--with", "MaxValue()", "--device", "meta"], "cannot compute"),
        (["--with", "MaxValue()", "--format", "Float31"], "did you mean Float32"),
        (["--with", "MaxValue()", "-o", "own_parts.py/scores.json"], "cannot be written"),
        (["--with", "MaxValue()", "--report", "page.md"], "base.html"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_analyze_says_what_cannot_be_used(folder, capsys, arguments, said):
    assert said in refused(capsys, *OWN, *arguments)


def test_model_and_data_have_to_be_named(folder, capsys):
    assert "no model was given" in refused(capsys, "analyze", "--with", "MaxValue()")
    said = refused(capsys, "analyze", "lenet5", "--with", "MaxValue()")
    assert "no data were given; for example: radhard analyze lenet5" in said


def test_a_network_that_does_not_classify_is_refused(folder, capsys):
    given = ["own_parts.py:unclassified", "--data", "own_parts.py:pictures"]
    said = refused(capsys, "analyze", *given, "--with", "MaxValue()")
    assert "needs a classifier" in said


def test_data_that_do_not_suit_the_model_are_refused(folder, capsys):
    given = ["own_parts.py:build", "--data", "own_parts.py:pictures"]
    said = refused(capsys, "analyze", *given, "--with", "MaxValue()")
    assert "do model and data suit each other?" in said


def test_campaign_on_another_model_is_refused(base, capsys):
    options = ["--with", "MaxValue()", "--against", base]
    said = refused(capsys, *OWN, *options, "--format", "Fixed(1, 6)")
    assert "'own_parts.py:build' stored as Fixed(1, 6) is not the model of 'base.db'" in said
    assert "stored as Float32()" in said


def test_campaign_at_error_rates_is_refused(folder, capsys):
    sampler = ["--sampler", "ErrorRate(0.01, trials=3)", "--store", "rates.db"]
    assert main(["run", *NAMED, *sampler]) == 0
    said = refused(capsys, *OWN, "--with", "MaxValue()", "--against", "rates.db")
    assert "error rates" in said


def test_code_that_a_campaign_names_is_run_only_if_it_is_trusted(base, capsys, folder):
    (folder / "own_parts.py").write_text("open('ran', 'w').close()\n" + CODE)
    said = refused(capsys, "analyze", "--with", "MaxValue()", "--against", base)
    assert "--trust" in said
    assert not (folder / "ran").exists()


def test_report_says_what_does_not_go_together(base, capsys, folder):
    assert main([*OWN, "--with", "MaxValue()", "-o", "s.json"]) == 0
    (folder / "text.json").write_text("{}")
    (folder / "ranges.npz").write_text("no value ranges")
    for arguments, said in (
        ([base, "s.json"], "a report covers one run"),
        ([base, base, base], "to compare other runs"),
        ([base, "--against", base], "--against applies to scores only"),
        ([base, "--ranges", "ranges.npz"], "--ranges applies to scores only"),
        (["s.json", "--fit-per-bit", "1"], "--fit-per-bit applies to run files"),
        (["s.json", "--ranges", "ranges.npz"], "ranges.npz"),
        (["text.json"], "no scores"),
        (["none.json"], "there is no run file or file of scores"),
        (["none.db"], "there is no run file"),
        ([], "FILES"),
    ):
        assert said in refused(capsys, "report", *arguments)


def test_layers_that_were_left_out_are_named_in_the_terminal_and_kept(capsys, tmp_path):
    path = tmp_path / "scores.json"
    arguments = ["lstm_classifier", "--data", "vowels", "--n", "2", "--with", "MaxValue()"]
    assert main(["analyze", *arguments, "-o", str(path)]) == 0
    shown = capsys.readouterr()
    for text in (" ".join(shown.out.split()), Scores.load(path).facts["analyzed"], shown.err):
        assert "1 of 2 layers with weights" in text
        assert "lstm" in text


def test_quiet_is_the_most_vulnerable_part_alone(capsys):
    command = ["analyze", "mlp", "--data", "mnist", "--n", "8", "--with", "MaxValue()"]
    assert main([*command, "--top", "1", "-q"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert main([*command, "--top", "1"]) == 0
    told = capsys.readouterr().out
    part, value = line.rpartition("most vulnerable: ")[2].split()
    assert part in told
    assert value in told
