"""Does whatever cannot be used end in one line and exit code 2, and never in a stack trace?"""

import sqlite3
import sys

import pytest
import torch

from radhard.cli import main
from radhard.results import Results
from tests.small import without_checksums

CODE = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2)).eval()

class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
    def forward(self, x):
        return self.layer(x) + torch.rand(1)

def noisy():
    return Noisy().eval()

def broken():
    raise RuntimeError("no such weights\\non any disk")

def number():
    return 3

def samples():
    return torch.ones(6, 3), torch.zeros(6).long()

def unlabelled():
    return torch.ones(6, 3)

def uneven():
    return torch.ones(6, 3), torch.zeros(5).long()

def empty():
    return torch.ones(0, 3)

def undefined():
    return torch.full((6, 3), float("nan"))

def wide():
    return torch.ones(6, 4)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def refused(capsys, *arguments):
    """What is said about arguments that cannot be used."""
    capsys.readouterr()
    assert main(list(arguments)) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    assert len(told.err.splitlines()) == 1
    assert told.err.startswith("radhard: ")
    return told.err


OWN = {"model": "own.py:build", "--data": "own.py:samples", "--sampler": "Uniform(5)"}


def asked(**changed):
    options = {**OWN, **{(k if k == "model" else f"--{k}"): v for k, v in changed.items()}}
    model = options.pop("model")
    given = [part for pair in options.items() if pair[1] is not None for part in pair]
    return ["run", *([model] if model else []), *given]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": None}, "no model was given"),
        ({"data": None}, "no data were given"),
        ({"model": "lenet"}, "did you mean lenet5 or"),
        ({"data": "mnits"}, "did you mean mnist or"),
        ({"fault": "BitFlop()"}, "did you mean BitFlip?"),
        ({"format": "Float31"}, "did you mean Float32"),
        ({"sampler": "PerTensors(3)"}, "did you mean PerTensor or"),
        ({"metric": "Outcom()"}, "did you mean Outcome?"),
        ({"target": "Weight('*')"}, "did you mean Weights or"),
        ({"engine": "Seriall()"}, "did you mean Serial?"),
        ({"fault": "BitFlip(count='x')"}, "count='x' is not allowed"),
        ({"fault": "BitFlip(kount=1)"}, "kount"),
        ({"fault": "BitFlip("}, "cannot be read"),
        ({"fault": "BitFlip(bits=32)"}, "32"),
        ({"target": "Weights('conv*')"}, "conv*"),
        ({"target": "Activations('nothing')"}, "nothing"),
        ({"sampler": "Uniform(1000000)"}, "asks for 1,000,000 distinct faults"),
        ({"data": "own.py:uneven"}, "5 labels for 6 samples"),
        ({"data": "own.py:empty"}, "no samples"),
        ({"data": "own.py:undefined"}, "NaN for 6 of 6 samples"),
        ({"data": "own.py:unlabelled", "metric": "Accuracy()"}, "but the data have none"),
        ({"data": "own.py:wide"}, "do model and data suit each other?"),
        ({"data": "own.py:wide", "target": "Activations('*')"}, "do model and data suit"),
        ({"n": "7"}, "n=7 is not allowed"),
        ({"n": "0"}, "--n"),
        ({"model": "own.py:noisy"}, "--allow-nondeterministic"),
        ({"model": "own.py:broken"}, "failed: RuntimeError: no such weights"),
        ({"model": "own.py:number"}, "returned int; it must return a nn.Module"),
        ({"model": "own.py:biuld"}, "did you mean build"),
        ({"model": "none.py:build"}, "there is no file none.py"),
        ({"model": "none.pt2"}, "none.pt2"),
        ({"model": "mlp", "data": "mnist", "weights": "none.safetensors"}, "none.safetensors"),
        ({"call": "own.py:nothing"}, "there is no 'nothing'"),
        ({"device": "gpu"}, "--device 'gpu'"),
        ({"device": "meta"}, "--device 'meta' cannot compute"),
        ({"device": "cuda:99"}, "--device 'cuda:99'"),
        ({"seed": "-1"}, "--seed -1 is not allowed"),
        ({"seed": "x"}, "--seed"),
        ({"batch": "0"}, "--batch"),
        ({"max-rate": "2"}, "--max-rate"),
        ({"from": "none.db"}, "there is no run file 'none.db'"),
        ({"from": "own.py"}, "own.py"),
        ({"store": "."}, "is a folder"),
        ({"store": "own.py"}, "own.py"),
        ({"store": "own.py/run.db"}, "own.py"),
        ({"nonsense": "1"}, "there is no option --nonsense"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_run_says_what_cannot_be_used(capsys, folder, changed, said):
    assert said in refused(capsys, *asked(**changed))
    assert sorted(p.name for p in folder.iterdir() if p.name != "__pycache__") == ["own.py"]


def test_an_unused_verb_is_told(capsys):
    assert "there is no verb 'runn'" in refused(capsys, "runn")


def test_what_is_said_of_models_that_may_differ_can_be_accepted(capsys):
    assert main([*asked(model="own.py:noisy"), "--allow-nondeterministic", "--store", "a.db"]) == 0
    assert "note: Fault-free passes were allowed to differ." in capsys.readouterr().out
    assert main(["run", "--from", "a.db", "--trust", "--sampler", "Uniform(6)"]) == 0


def test_another_run_on_the_same_file_is_refused_and_the_file_left_as_it_is(capsys, folder):
    assert main([*asked(), "--store", "a.db"]) == 0
    before = (folder / "a.db").read_bytes()
    assert "seed is 0 there, 1 here" in refused(capsys, *asked(seed="1"), "--store", "a.db")
    assert (folder / "a.db").read_bytes() == before


@pytest.mark.parametrize("verb", [["report", "{}"], ["compare", "{}", "{}"]])
def test_other_verbs_refuse_what_is_no_run(capsys, folder, verb):
    (folder / "text.db").write_text("no run at all\n" * 100)
    sqlite3.connect(folder / "other.db").close()
    for name, said in (("none.db", "there is no run file"), ("text.db", "text.db")):
        assert said in refused(capsys, *(part.format(name) for part in verb))


def test_a_run_that_has_not_begun_is_told(capsys, folder):
    from radhard.store import Store

    Store("a.db", write=True).close()
    assert "contains no run yet" in refused(capsys, "report", "a.db")
    assert "contains no run yet" in refused(capsys, "run", "--from", "a.db")


def test_hostile_manifests_end_in_one_line(capsys, folder):
    assert main([*asked(), "--store", "a.db"]) == 0
    for key, value in [("seed", '"x"'), ("space", "3"), ("model", "7"), ("metrics", "[1]")]:
        copy = folder / f"{key}.db"
        copy.write_bytes((folder / "a.db").read_bytes())
        without_checksums(copy)
        with sqlite3.connect(copy) as db:
            db.execute("UPDATE manifest SET value = ? WHERE key = ?", (value, key))
        db.close()
        assert "manifest" in refused(capsys, "run", "--from", str(copy))


def test_list_knows_its_families(capsys):
    assert "did you mean samplers" in refused(capsys, "list", "sampler")


def test_compare_names_what_it_does_not_know(capsys):
    assert main([*asked(), "--store", "a.db"]) == 0
    assert "is not a figure" in refused(capsys, "compare", "a.db", "a.db", "--figure", "nonsense")
    assert "one of tensor" in refused(capsys, "compare", "a.db", "a.db", "--by", "nonsense")


def test_report_that_cannot_be_written_is_told(capsys, folder):
    assert main([*asked(), "--store", "a.db"]) == 0
    (folder / "file").touch()
    refused(capsys, "report", "a.db", "-o", "file/report.html")


def test_wrong_input_leaves_a_model_that_was_given_alone():
    """Through Python the same mistakes are errors of one kind, and nothing is touched."""
    from radhard.errors import InputError
    from tests.small import campaign, network

    model = network().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(InputError):
        campaign(model=model, data=torch.zeros(0, 3))
    with pytest.raises(InputError):
        campaign(model=model, data=torch.full((4, 3), torch.nan))
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_unfinished_run_can_be_classifier_workload(capsys, folder):
    assert main([*asked(), "--store", "a.db"]) == 0
    without_checksums("a.db")
    with sqlite3.connect("a.db") as db:
        db.execute("DELETE FROM trials WHERE trial > 1")
    db.close()
    assert repr(Results.open("a.db")).startswith("2 of 5 trials")
    capsys.readouterr()
    assert main(["compare", "a.db", "a.db"]) == 0
    assert "2 pairs: 0 lower, 2 equal, 0 higher" in capsys.readouterr().out
