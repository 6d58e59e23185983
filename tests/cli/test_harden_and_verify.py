"""Do ``radhard harden`` and ``radhard verify`` protect, keep, replay, and judge?"""

import io
import json
import shlex
import sys
from pathlib import Path

import pytest
import torch

from radhard import hardenings
from radhard.campaign import run
from radhard.cli import main
from radhard.factory import function
from radhard.hardenings.base import applied
from radhard.manifest import fingerprint
from radhard.results import Results

pytestmark = pytest.mark.filterwarnings("ignore:.*too few samples")

CODE = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2)).eval()

def samples():
    torch.manual_seed(1)
    x = torch.randn(8, 3)
    return x, build()(x).argmax(1)

def unlabelled():
    return samples()[0]

def linear():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2)).eval()
"""

NAMED = ["parts_of_mine.py:build", "--data", "parts_of_mine.py:samples"]
RANGER = ["--with", "Ranger()", "--no-time"]
EXPONENT = ["--fault", "BitFlip(bits=30)"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a user's own network and data."""
    (tmp_path / "parts_of_mine.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("COLUMNS", "200")
    yield tmp_path
    sys.modules.pop("parts_of_mine", None)


@pytest.fixture
def made(folder, capsys):
    """A campaign and a hardened model."""
    run = ["run", *NAMED, *EXPONENT, "--sampler", "Exhaustive()", "--store", "base.db"]
    assert main(run) == 0
    assert main(["harden", *NAMED, *RANGER, "-o", "hard"]) == 0
    capsys.readouterr()
    return folder


VERIFY = ["verify", "base.db", "--model", "hard", "--no-time", "--trust"]


def test_hardened_model_is_that_of_python(folder, capsys):
    assert main(["harden", *NAMED, *RANGER, "-o", "hard"]) == 0
    told = capsys.readouterr().out
    assert "added by Ranger(): 1 x Bound (bounds a module" in told
    assert "bits stored" in told
    assert "samples): 100 % before, 100 % after" in told
    model, (inputs, labels) = (function(f"parts_of_mine.py:{n}")() for n in ("build", "samples"))
    direct = hardenings.Ranger()(model, (inputs, labels))
    assert fingerprint(hardenings.load("hard", foreign=True)) == fingerprint(direct)


def test_several_hardenings_go_in_order_with_scores_made_for_each(folder, capsys):
    both = ["--with", "ChannelDuplication(share=0.5)", "--with", "Ranger()", "--no-time"]
    assert main(["harden", *NAMED, *both, "--scores", "MaxValue()", "-o", "hard"]) == 0
    told = capsys.readouterr().out
    assert "Edac" in told
    assert "Bound" in told
    assert set(applied(hardenings.load("hard", foreign=True))) == {
        "ChannelDuplication(share=0.5)",
        "Ranger()",
    }


def test_scores_come_from_a_file_too(folder, capsys):
    assert main(["analyze", *NAMED, "--with", "MaxValue()", "-o", "scores.json"]) == 0
    both = ["--with", "ChannelDuplication(share=0.5)", "--with", "Ranger()", "--no-time"]
    assert main(["harden", *NAMED, *both, "--scores", "scores.json", "-o", "a"]) == 0
    assert main(["harden", *NAMED, *both, "--scores", "MaxValue()", "-o", "b"]) == 0
    assert fingerprint(hardenings.load("a", foreign=True)) == fingerprint(
        hardenings.load("b", foreign=True)
    )


def test_accuracy_is_told_on_data_that_were_not_profiled(folder, capsys):
    options = [*RANGER, "--validate", "parts_of_mine.py:samples", "-o", "hard"]
    assert main(["harden", *NAMED, *options]) == 0
    assert capsys.readouterr().out.count("fault-free accuracy") == 2
    facts = json.loads(Path("hard/recipe.json").read_text())["facts"]
    assert facts["accuracy (validate)"] == [1.0, 1.0]


@pytest.mark.parametrize(
    ("hardening", "bounded"), [("Ranger()", True), ("HammingInPlace()", False)]
)
def test_bounds_are_named_only_where_there_are_some(folder, capsys, hardening, bounded):
    assert main(["harden", *NAMED, "--with", hardening]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "time measured on parts_of_mine.py:samples" in told
    assert ("within the bounds" in told) == bounded


def test_every_verb_takes_the_folder_for_a_model(made, capsys):
    named = ["hard", "--data", "parts_of_mine.py:samples", "--trust"]
    assert main(["run", *named, "--sampler", "Uniform(5)", "--store", "again.db"]) == 0
    assert main(["analyze", *named, "--with", "MaxValue()"]) == 0
    more = ["--with", "Triplication(share=0.5)", "--scores", "MaxValue()", "--no-time"]
    assert main(["harden", *named, *more, "-o", "more"]) == 0
    assert json.loads(Path("more/recipe.json").read_text())["base"] == NAMED[0]
    assert len(applied(hardenings.load("more", foreign=True))) == 2
    assert main(["run", "--from", "again.db", "--store", "twice.db", "--trust"]) == 0
    assert Results.open("twice.db").rate() == Results.open("again.db").rate()


def test_code_that_a_recipe_names_is_run_only_if_it_is_trusted(made, capsys):
    (made / "parts_of_mine.py").write_text("open('ran', 'w').close()\n" + CODE)
    for arguments in (
        ["run", "hard", "--data", "mnist"],
        ["analyze", "hard", "--data", "mnist", "--with", "MaxValue()"],
        ["harden", "hard", "--data", "mnist", "--with", "Triplication()"],
        ["verify", "base.db", "--model", "hard"],
    ):
        assert main(arguments) == 2
        assert "names code outside radhard, 'parts_of_mine.py:build'" in capsys.readouterr().err
    assert not (made / "ran").exists()


def test_same_faults_are_replayed_with_cost_beside(made, capsys):
    assert main([*VERIFY, "--store", "hard.db", "--by", "tensor", "--fit-per-bit", "1"]) == 0
    told = capsys.readouterr().out
    assert "the same faults" in told
    assert "bits stored" in told
    assert "2.weight " in told
    assert "FIT" in told
    before, after = Results.open("base.db"), Results.open("hard.db")
    assert str(after.rate()) in told
    assert after.rate().value < before.rate().value
    assert after.manifest["model"] == "hard"


def test_exit_code_says_whether_limits_are_surely_kept(made, capsys):
    rate = 0.999
    assert main([*VERIFY, "--max-rate", str(rate), "--max-drop", str(rate)]) == 0
    assert main([*VERIFY, "--max-rate", "0"]) in (0, 1)
    main([*VERIFY, "--store", "hard.db"])
    found = Results.open("hard.db").rate().value
    assert main([*VERIFY, "--max-rate", str(found)]) == 0
    if found > 0:
        assert main([*VERIFY, "--max-rate", str(found * 0.99)]) == 1
        assert "FAIL  critical SDC rate" in capsys.readouterr().out
    assert main([*VERIFY, "--max-drop", "-0.5"]) == 1
    assert "FAIL  accuracy loss" in capsys.readouterr().out


def test_run_is_continued_and_ends_with_the_same(made, capsys):
    assert main([*VERIFY, "--store", "one.db"]) == 0
    first = capsys.readouterr().out
    assert main([*VERIFY, "--store", "one.db"]) == 0
    assert capsys.readouterr().out == first


def test_reports_are_written(made, capsys):
    options = ["--store", "hard.db", "--report", "hard.html", "--fit-per-bit", "1"]
    assert main([*VERIFY, *options]) == 0
    text = Path("hard.md").read_text("utf-8")
    assert "More bits, more upsets" in text
    assert f"{100 * Results.open('hard.db').rate().value:.1f} %" in text
    assert Path("hard.html").read_text("utf-8").startswith("<!DOCTYPE html>")


def refused(capsys, *arguments):
    capsys.readouterr()
    assert main(list(arguments)) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    # A hardening before the one refused may have warned of few samples.
    (line,) = [line for line in told.err.splitlines() if "warning: " not in line]
    return line


def test_several_fault_models_have_an_answer_each(folder, capsys):
    several = ["--fault", "BitFlip(bits=30)", "--fault", "BitFlip(bits=0)"]
    run = ["run", *NAMED, *several, "--sampler", "Exhaustive()", "--store", "base.db"]
    assert main(run) == 0
    assert main(["harden", *NAMED, *RANGER, "-o", "hard"]) == 0
    capsys.readouterr()
    again = ["verify", "base.db", "--model", "hard", "--no-time", "--added", "2", "--trust"]
    assert main(again) == 0
    told = capsys.readouterr().out
    assert "under BitFlip(bits=30): the hardening helps." in told
    assert "under BitFlip(bits=0): whether the hardening helps cannot be told." in told
    assert main([*again, "-q"]) == 0
    assert capsys.readouterr().out.count("under BitFlip") == 2
    assert main([*again, "--json"]) == 0
    groups = [row["group"] for row in json.loads(capsys.readouterr().out)["by"]["rows"]]
    assert groups == ["BitFlip(bits=30)", "BitFlip(bits=0)"]
    assert main([*again, "--by", "tensor"]) == 0
    assert "under BitFlip" not in capsys.readouterr().out


def test_where_weights_were_found_is_said_when_a_run_is_made_and_not_again(folder, capsys):
    sys.path.insert(0, str(folder))
    state = function("parts_of_mine.py:build")().state_dict()
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, "weights.pt")
    loaded = [*NAMED, "--weights", "weights.pt"]
    assert main(["run", *loaded, "--sampler", "Uniform(5)", "--store", "base.db"]) == 0
    assert capsys.readouterr().err.count("'module.'") == 1
    for again in (
        ["run", *loaded, "--sampler", "Uniform(5)", "--store", "base.db"],
        ["run", "--from", "base.db", "--trust"],
        ["analyze", "--with", "MaxValue()", "--against", "base.db", "--trust"],
    ):
        assert main(again) == 0
        assert "'module.'" not in capsys.readouterr().err
    # Weights of the campaign are not tried on another model, which is named as such.
    other = ["mlp", "--data", "mnist", "--n", "2", "--with", "MaxValue()"]
    assert "is not the model of" in refused(capsys, "analyze", *other, "--against", "base.db")
    assert main(["run", *other[:5], "--from", "base.db", "--sampler", "Uniform(2)"]) == 0
    assert main(["harden", *loaded, *RANGER, "-o", "hard"]) == 0
    capsys.readouterr()
    again = ["--model", "hard", "--no-time", "--added", "2", "--trust"]
    assert main(["verify", "base.db", *again]) == 0
    assert "'module.'" not in capsys.readouterr().err


def test_run_made_in_python_with_weights_of_its_own_is_verified_with_them(folder, capsys):
    sys.path.insert(0, str(folder))
    build, samples = (function(f"parts_of_mine.py:{name}") for name in ("build", "samples"))
    trained, data = build(), samples()
    with torch.no_grad():
        trained[0].weight.mul_(1.5)
    torch.save(trained.state_dict(), "trained.pt")
    torch.save(build().state_dict(), "untrained.pt")
    results = run(trained, data, None, "Uniform(20)", store="base.db", progress=False)
    hard = hardenings.Ranger()(trained, data)
    hardenings.save(hard, "hard", base="parts_of_mine.py:build")
    verify = [*VERIFY, "--data", "parts_of_mine.py:samples", "--added", "2", "--store", "hard.db"]
    assert "--weights" in refused(capsys, *verify)
    said = refused(capsys, *verify, "--weights", "untrained.pt")
    assert results.manifest["model fingerprint"][:12] in said
    assert main([*verify, "--weights", "trained.pt", "--report", "hard.html"]) == 0
    assert "parameters" in capsys.readouterr().out  # the cost, beside the unprotected model
    repeated = [line for line in Path("hard.md").read_text().splitlines() if " verify " in line]
    assert "--weights trained.pt" in repeated[0]
    assert "nowhere.pt" in refused(capsys, *verify, "--weights", "nowhere.pt")


def test_commands_on_pages_of_ones_own_network_run_as_they_are_printed(made, capsys):
    assert main(["report", "base.db", "-o", "base.html"]) == 0
    one = ["verify", "base.db", "--model", "hard", "--no-time", "--added", "4", "--trust"]
    assert main([*one, "--store", "hard.db", "--report", "hard.html"]) == 0
    assert main(["report", "hard.db", "-o", "alone.html"]) == 0
    printed = []
    for page in ("base.md", "hard.md", "alone.md"):
        text = Path(page).read_text()
        printed += [line for line in text.splitlines() if line.startswith("radhard ")]
    verbs = [shlex.split(line)[1] for line in printed]
    assert verbs == ["report", "run", "verify", "report", "report", "run"]
    for line, verb in zip(printed, verbs, strict=True):
        assert ("--trust" in line) == (verb != "report"), line
        assert main(shlex.split(line)[1:]) == 0, capsys.readouterr().err


def test_harden_says_what_cannot_be_used(folder, capsys):
    for options, said in (
        ([], "for example --with 'Ranger()'"),
        (["--with", "Rangr()"], "did you mean Ranger"),
        (["--with", "Ranger()", "--with", "Ranger()"], "already"),
        (["--with", "ChannelDuplication()"], "requires scores"),
        (["--with", "ChannelDuplication()", "--scores", "MaxValues()"], "did you mean MaxValue"),
        (["--with", "ChannelDuplication()", "--scores", "none.json"], "none.json"),
        (["--with", "ChannelDuplication(share=2.0)"], "share=2.0"),
        (["--with", "Ranger()", "--validate", "nothing"], "nothing"),
        (["--with", "Ranger()", "-o", "parts_of_mine.py"], "cannot be written"),
    ):
        assert said in refused(capsys, "harden", *NAMED, *options, "--no-time"), options
    assert "nothing" in refused(capsys, "harden", "parts_of_mine.py:linear", *NAMED[1:], *RANGER)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no such file system")
def test_a_folder_that_cannot_be_made_is_refused_before_the_model_is_built(
    made, capsys, monkeypatch
):
    def built(*_):
        raise AssertionError("built")

    monkeypatch.setattr("radhard.cli.actions.harden_action.HardenAction.load", built)
    for folder in ("/proc/h", "/proc/h/deeper", "n" * 300):
        said = refused(capsys, "harden", *NAMED, *RANGER, "--no-time", "-o", folder)
        assert "cannot be written" in said


def test_verify_says_what_cannot_be_used(made, capsys):
    torch.save({}, "weights.pt")
    Path("broken").mkdir()
    Path("broken/recipe.json").write_text("{}")
    for arguments, said in (
        (["verify", "none.db", "--model", "hard"], "there is no run file"),
        (["verify", "base.db", "--model", "soft", "--trust"], "unknown model 'soft'"),
        (["verify", "base.db", "--model", "broken", "--trust"], "not a recipe of radhard"),
        (["verify", "base.db"], "radhard verify base.db --model"),
        ([*VERIFY, "--data", "mnist"], "is not the data of the campaign"),
        ([*VERIFY, "--n", "3"], "is not the data of the campaign"),
        ([*VERIFY, "--max-rate", "2"], "--max-rate"),
        ([*VERIFY, "--by", "colour"], "by='colour'"),
        (["run", "hard", *NAMED[1:], "--trust", "--weights", "weights.pt"], "leave out --weights"),
    ):
        assert said in refused(capsys, *arguments), arguments


def test_drop_without_labels_is_no_success(folder, capsys):
    bare = ["parts_of_mine.py:build", "--data", "parts_of_mine.py:unlabelled"]
    assert main(["run", *bare, "--sampler", "Uniform(5)", "--store", "base.db"]) == 0
    assert main(["harden", *bare, *RANGER, "-o", "hard"]) == 0
    assert "with labels" in refused(capsys, *VERIFY, "--max-drop", "0.5")


def test_base_model_that_has_changed_is_told(made, capsys):
    # Of another length, as Python knows a compiled file by the second and the size of its source.
    (made / "parts_of_mine.py").write_text(CODE.replace("manual_seed(0)", "manual_seed(1234)"))
    sys.modules.pop("parts_of_mine", None)
    assert "no longer the model" in refused(capsys, *VERIFY)


def test_format_is_that_of_the_campaign_or_it_is_told(made, capsys):
    format = ["--format", "Fixed(1, 6)"]
    run = ["run", *NAMED, *format, "--sampler", "Uniform(9)", "--store", "fixed.db"]
    assert main(run) == 0
    said = refused(capsys, "verify", "fixed.db", *VERIFY[2:])
    assert "harden the model in that format" in said
    assert main(["harden", *NAMED, *format, *RANGER, "-o", "fixed"]) == 0
    assert main(["verify", "fixed.db", "--model", "fixed", "--no-time", "--trust"]) == 0
    assert "What was added is stored as Float32()." in capsys.readouterr().out


def test_model_that_lost_channels_is_compared_without_pairs(made, capsys):
    prune = ["--with", "VulnerabilityPruning(linear=0.3)", "--scores", "MaxValue()", "--no-time"]
    assert main(["harden", *NAMED, *prune, "-o", "cut"]) == 0
    assert main(["verify", "base.db", "--model", "cut", "--no-time", "--trust"]) == 0
    assert "not paired: other tensors" in capsys.readouterr().out


def test_page_of_several_runs_is_of_hardened_ones(made, capsys):
    timed = [argument for argument in VERIFY if argument != "--no-time"]
    assert main([*timed, "--store", "hard.db"]) == 0
    assert main(["report", "base.db", "hard.db", "-o", "ways.html"]) == 0
    text = Path("ways.md").read_text("utf-8")
    assert "Ranger()" in text
    assert "unprotected" in text
    assert "to compare other runs" in refused(capsys, "report", *["base.db"] * 3)


def test_training_data_are_profiled_where_there_are_some_and_said(folder, capsys):
    build = folder / "parts_of_mine.py"
    build.write_text(
        build.read_text()
        + """
def wide():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 10)).eval()
"""
    )
    named = ["parts_of_mine.py:wide", "--data", "digits", "--n", "80"]
    assert main(["harden", *named, *RANGER, "-o", "hard"]) == 0
    told = capsys.readouterr()
    assert "1 of 1 activation functions" in told.out
    # Accuracy on the samples profiled, and on those for tests.
    assert told.out.count("fault-free accuracy") == 2
    (record,) = hardenings.records(hardenings.load("hard", foreign=True))
    assert "train" in record.data
    run = ["run", *named, "--sampler", "Uniform(5)", "--store", "base.db"]
    assert main(run) == 0
    assert main(["verify", "base.db", "--model", "hard", "--no-time", "--trust"]) == 0
    told = capsys.readouterr().out
    assert "1 of 1 activation functions" in told
    assert "was profiled on" not in told
    test = ["parts_of_mine.py:wide", "--data", "digits(split='test')", "--n", "80"]
    assert main(["harden", *test, *RANGER, "-o", "same"]) == 0
    assert main(["verify", "base.db", "--model", "same", "--no-time", "--trust"]) == 0
    assert "100 % of the samples" in capsys.readouterr().out


def test_a_reader_that_has_gone_leaves_the_hardened_model(folder, monkeypatch):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

        def fileno(self):
            return 1

    monkeypatch.setattr(sys, "stdout", Gone())
    assert main(["harden", *NAMED, *RANGER, "--no-time", "-o", "hard"]) == 141
    hard = hardenings.load("hard", model=function("parts_of_mine.py:build")())
    assert applied(hard) == ["Ranger()"]


@pytest.mark.parametrize(
    "options",
    [["--report", "x.docx"], ["--report", "own_code/x.html"], ["--report", "/dev/full"]],
)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(folder, capsys, options):
    Path("own_code").touch()
    line = ["run", "lenet5", "--data", "mnist", "--sampler", "Uniform(100000)", "--store", "a.db"]
    assert main([*line, *options]) == 2
    assert not Path("a.db").exists()


def test_json_of_verify_and_compare_are_the_figures_of_python(made, capsys):
    assert main([*VERIFY, "--store", "hard.db", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    before, after = Results.open("base.db"), Results.open("hard.db")
    (row,) = told["comparison"]["rows"]
    assert row["before"]["value"] == before.rate().value
    assert row["after"]["value"] == after.rate().value
    assert told["hardenings"] == ["Ranger()"]
    assert told["files"]["run file"] == ["hard.db"]
    assert main(["compare", "base.db", "hard.db", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [row]


def test_json_of_harden_and_analyze_and_report(made, capsys):
    assert main(["harden", *NAMED, *RANGER, "-o", "again", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cost"] == json.loads(Path("again/recipe.json").read_text())["facts"]["cost"]
    assert main(["analyze", *NAMED, "--with", "MaxValue()", "-o", "s.json", "--json"]) == 0
    (analysis,) = json.loads(capsys.readouterr().out)["analyses"]
    best = json.loads(Path("s.json").read_text())
    assert analysis["analysis"] == best["by"]
    assert main(["report", "base.db", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"]["report"] == ["base.html", "base.md"]


def test_quiet_verify_is_short(made, capsys):
    assert main(VERIFY) == 0
    usual = capsys.readouterr().out
    assert main([*VERIFY, "-q"]) == 0
    quiet = capsys.readouterr().out
    assert len(quiet.splitlines()) < len(usual.splitlines())
    assert "difference" in quiet


def test_a_folder_that_is_not_empty_is_replaced_only_if_forced(made, capsys):
    before = Path("hard/recipe.json").read_text()
    clamp = ["--with", "Ranger(mode='clamp')", "--no-time", "-o", "hard"]
    assert "--force" in refused(capsys, "harden", *NAMED, *clamp)
    assert Path("hard/recipe.json").read_text() == before
    Path("empty").mkdir()
    assert main(["harden", *NAMED, *RANGER, "-o", "empty"]) == 0
    assert main(["harden", *NAMED, *clamp, "--force"]) == 0
    assert applied(hardenings.load("hard", foreign=True)) == ["Ranger(mode='clamp')"]
