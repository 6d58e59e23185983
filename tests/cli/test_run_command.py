"""Does ``radhard run`` do what it was asked, say what it did, and stop when it is told to?"""

import json
import re
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import asdict

import pytest

from radhard.cli import main
from radhard.errors import InputError
from radhard.results import Results
from tests.forked import ForkedPython
from tests.small import digest

CODE = """
import json
import signal
import torch
from torch import nn

class Net(nn.Module):
    passes, stop = 0, -1

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 2)

    def forward(self, x):
        Net.passes += 1
        if Net.passes == Net.stop:
            signal.raise_signal(signal.SIGINT)
        return self.layer(x)

def build(stop=-1):
    Net.passes, Net.stop = 0, stop
    return Net().eval()

def answers():
    return nn.ModuleDict({"net": Net()}).eval()

def samples():
    torch.manual_seed(1)
    x = torch.randn(6, 3)
    return x, (x[:, 0] > 0).long()

def logits(model, batch):
    return model["net"](batch)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with a user's own network and data."""
    (tmp_path / "own_code.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("own_code", None)


@contextmanager
def interruptible():
    """Ctrl-C as in a terminal, also where whoever runs the tests has switched it off."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


OWN = ["run", "own_code.py:build", "--data", "own_code.py:samples", "--sampler", "Uniform(50)"]


def test_own_network_and_data_from_a_file(folder, capsys):
    assert main([*OWN, "--store", "a.db"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert "Critical SDC rate" in told.out
    assert "run file: a.db" in told.out
    assert Results.open("a.db").complete


def test_own_network_from_a_module_in_the_working_folder(folder):
    before = list(sys.path)
    code = ["run", "own_code:build", "--data", "own_code:samples", "--sampler", "Uniform(5)"]
    assert main([*code, "--store", "a.db"]) == 0
    assert sys.path[: len(before)] == before  # nothing here stands in for a package


def test_logits_from_a_function_of_ones_own(folder):
    arguments = ["run", "own_code.py:answers", "--data", "own_code.py:samples"]
    arguments += ["--call", "own_code.py:logits", "--sampler", "Uniform(5)", "--store", "a.db"]
    assert main(arguments) == 0
    assert Results.open("a.db").manifest["call"] == "own_code.py:logits"


def test_same_command_twice_gives_the_same_trials_to_the_last_bit(tmp_path):
    for name in "ab":
        arguments = ["--target", "Weights('*')", "--fault", "BitFlip()", "--format", "Float32()"]
        arguments += ["--sampler", "PerTensor(n=10)", "--seed", "1", "--n", "20"]
        store = str(tmp_path / f"{name}.db")
        assert main(["run", "lenet5", "--data", "mnist", *arguments, "--store", store]) == 0
    assert len(digest(tmp_path / "a.db")) == 50
    assert digest(tmp_path / "a.db") == digest(tmp_path / "b.db")


@pytest.mark.parametrize("stop", [2, 12, 30])
def test_interrupted_run_exits_130_says_how_to_go_on_and_goes_on(folder, capsys, stop):
    stopping = [OWN[0], f"own_code.py:build(stop={stop})", *OWN[2:], "--store", "a.db"]
    stopping += ["--engine", "Serial()"]
    with interruptible():
        assert main(stopping) == 130
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    assert told.err.strip() == "radhard: interrupted"
    if stop == 2:
        assert "no results are stored" in told.out or "0 trials" in told.out
    else:
        kept = len(Results.open("a.db"))
        assert 0 < kept <= stop - 3  # some passes are fault-free
        assert f"interrupted: {kept} trials are in a.db; the same command" in told.out
    assert main([*OWN, "--store", "a.db"]) == 0
    assert main([*OWN, "--store", "whole.db"]) == 0
    assert digest("a.db") == digest("whole.db")


def test_interrupted_run_without_a_file_says_that_nothing_is_kept(folder, capsys):
    with interruptible():
        assert main([OWN[0], "own_code.py:build(stop=2)", *OWN[2:]]) == 130
    assert "without --store" in capsys.readouterr().out


# The slowest engine, so that there is time to stop it.
LENET = ["run", "lenet5", "--data", "mnist", "--n", "20", "--sampler", "PerTensor(n=400)"]
LENET += ["--engine", "Serial()"]


def started(store):
    """The command in a process of its own, once it has written some of its trials."""
    command = "import sys; from radhard.cli import main; sys.exit(main())"
    with interruptible():  # what is ignored here would be ignored there
        process = ForkedPython(command, *LENET, "--store", store, folder=store.parent)
    while not process.ended():
        try:
            if len(Results.open(store)) >= 20:
                break
        except InputError:
            pass  # not there yet
        time.sleep(0.02)
    return process


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The trials of the command, run without an interruption."""
    path = tmp_path_factory.mktemp("whole") / "run.db"
    assert main([*LENET, "--store", str(path)]) == 0
    return digest(path)


@pytest.mark.parametrize(
    ("sent", "code"),
    [pytest.param(signal.SIGKILL, -9, marks=pytest.mark.slow), (signal.SIGINT, 130)],
)
def test_process_that_was_stopped_is_continued_to_the_same_trials(tmp_path, whole, sent, code):
    store = tmp_path / "run.db"
    with started(store) as process:
        process.kill(sent)
        found, out, err = process.result()
    assert found == code, err
    assert "Traceback" not in err
    if code == 130:
        assert "the same command, or --from with the same --store, continues" in out
    assert 20 <= len(digest(store)) < len(whole)
    assert main([*LENET, "--store", str(store)]) == 0
    assert digest(store) == whole


def test_a_run_is_repeated_from_its_file(folder, capsys):
    options = ["--fault", "BitFlip(field='exponent')", "--target", "Weights('layer')"]
    options += ["--target", "Biases('layer')", "--seed", "7", "--batch", "2", "--n", "5"]
    options += ["--metric", "Sdc()", "--metric", "Accuracy()"]
    assert main([*OWN, *options, "--store", "a.db"]) == 0
    assert main(["run", "--from", "a.db", "--trust", "--store", "b.db"]) == 0
    assert digest("a.db") == digest("b.db")
    one, two = Results.open("a.db").manifest, Results.open("b.db").manifest
    assert {k: v for k, v in one.items() if k != "environment"} == {
        k: v for k, v in two.items() if k != "environment"
    }
    assert main(["run", "--from", "a.db", "--trust", "--store", "a.db"]) == 0  # nothing to do
    assert main(["run", "--from", "a.db", "--trust", "--seed", "0", "--store", "c.db"]) == 0
    assert Results.open("c.db").seed == 0


def test_code_that_a_file_names_is_run_only_if_it_is_trusted(folder, capsys):
    assert main([*OWN, "--store", "a.db"]) == 0
    (folder / "own_code.py").write_text("open('ran', 'w').close()\n" + CODE)
    capsys.readouterr()
    assert main(["run", "--from", "a.db", "--store", "b.db"]) == 2
    told = capsys.readouterr().err
    assert "names code outside radhard, 'own_code.py:build'" in told
    assert "--trust" in told
    assert not (folder / "ran").exists()
    # What is on the command line is the user's own word.
    own = ["--data", "own_code.py:samples"]
    assert main(["run", "own_code.py:build", *own, "--from", "a.db", "--store", "b.db"]) == 0
    assert digest("a.db") == digest("b.db")


def test_shipped_names_need_no_trust(tmp_path):
    first, second = str(tmp_path / "a.db"), str(tmp_path / "b.db")
    arguments = ["--n", "5", "--sampler", "Uniform(5)"]
    assert main(["run", "mlp", "--data", "mnist", *arguments, "--store", first]) == 0
    assert main(["run", "--from", first, "--store", second]) == 0
    assert digest(first) == digest(second)


@pytest.mark.parametrize(("limit", "code"), [("100%", 0), ("0.000001", 1), ("0", 1)])
def test_threshold_is_missed_unless_the_rate_is_surely_below(folder, capsys, limit, code):
    assert main([*OWN, "--max-rate", limit]) == code
    told = capsys.readouterr().out
    assert ("FAIL  critical SDC rate" in told, "PASS  critical SDC rate" in told) == (
        bool(code),
        not code,
    )


def test_threshold_holds_for_each_error_rate(folder, capsys):
    sampler = ["--sampler", "ErrorRate((1e-6, 0.9), trials=30)"]
    assert main([*OWN[:4], *sampler, "--max-rate", "0.2"]) == 1
    told = capsys.readouterr().out
    assert "FAIL  critical SDC rate at 0.9 " in told
    assert "PASS  critical SDC rate at 1e-06 " in told


def test_model_in_training_mode_is_said(folder, capsys):
    text = CODE.replace("return Net().eval()", "return nn.Sequential(Net(), nn.Dropout(0.9))")
    (folder / "own_code.py").write_text(text)
    assert main([*OWN, "--store", "a.db"]) == 0
    assert "note: The model was in training mode" in capsys.readouterr().out
    # The run file has it from then on.
    for again in ([*OWN, "--store", "a.db"], ["run", "--from", "a.db", "--trust"]):
        assert main(again) == 0
        assert "training mode" not in capsys.readouterr().out
        assert main([*again, "-v"]) == 0
        assert "training mode" in capsys.readouterr().out


def test_narrow_terminal_gets_every_number(folder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "44")
    sampler = ["--sampler", "PerBit(3)", "-v"]
    assert main([*OWN[:4], *sampler, "--store", "a.db"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 44
    rate = str(Results.open("a.db").rate()).rpartition(" (")[0]
    assert lines[1] == f"Critical SDC rate  {rate}"
    assert any(line.startswith("31 ") or line.startswith("30 ") for line in lines)
    assert not any("…" in line for line in lines)


def test_a_run_is_one_screen_with_the_fault_free_accuracy_beside_the_faulty_one(folder, capsys):
    assert main([*OWN, "--store", "a.db"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 24
    results = Results.open("a.db")
    (free,) = [line for line in lines if line.startswith("accuracy without faults")]
    (faulty,) = [line for line in lines if line.startswith("accuracy under a fault")]
    golden = results.values("accuracy") + results.values("drop")
    assert float(free.split()[3]) == pytest.approx(100 * golden[0], abs=0.05)
    assert float(faulty.split()[4]) == pytest.approx(100 * results.rate("accuracy").value, abs=0.05)
    # Points are aligned, and everything is rounded alike.
    assert len({line.index(" %") for line in (free, faulty)}) == 1


def test_error_rates_are_rows_of_one_table(folder, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*OWN[:4], "--sampler", "ErrorRate((1e-3, 0.5), trials=9)"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (head,) = [line for line in lines if line.startswith("error rate")]
    assert "critical SDC, %" in head
    assert "accuracy under a fault, %" in head
    names = [line.split()[0] for line in lines[lines.index(head) + 1 :][:3]]
    assert names == ["no", "0.001", "0.5"]


def test_quiet_prints_the_headline_only_and_verbose_every_note(folder, capsys):
    assert main([*OWN, "--store", "a.db"]) == 0
    usual = capsys.readouterr().out
    assert main([*OWN, "--store", "a.db", "-q"]) == 0
    (headline,) = capsys.readouterr().out.splitlines()
    assert headline == f"Critical SDC rate  {str(Results.open('a.db').rate()).rpartition(' (')[0]}"
    assert main([*OWN, "--store", "a.db", "-v"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "by bit" in told
    assert "by bit" not in usual
    for note in Results.open("a.db").notes:
        assert f"note: {' '.join(str(note).split())}" in told


@pytest.mark.parametrize("sampler", ["Uniform(50)", "ErrorRate((1e-3, 0.5), trials=9)"])
def test_json_has_every_figure_of_the_run_and_nothing_else_is_printed(folder, capsys, sampler):
    code = [*OWN[:4], "--sampler", sampler, "--store", "a.db", "--report", "a.html", "--json"]
    assert main(code) == 0
    told = json.loads(capsys.readouterr().out)
    results = Results.open("a.db")
    assert told["trials"] == told["planned"] == len(results)
    assert told["files"] == {"run file": ["a.db"], "report": ["a.html", "a.md"]}
    assert set(told["figures"]) == set(results.columns)
    figure = told["figures"]["Outcome().critical"]
    if results.usual_split is None:
        assert figure["rate"] == asdict(results.rate())
        assert set(told["headline by"]["layer"]) == {"layer"}
    else:
        rates = results.rate(by="rate")
        assert figure["by rate"] == {key: asdict(rate) for key, rate in rates.items()}


@pytest.mark.parametrize("options", [["--json", "-q"], ["-v", "--json"]])
def test_json_is_printed_wherever_it_is_asked_for(folder, capsys, options):
    assert main([*OWN[:4], "--sampler", "Uniform(5)", *options]) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == 5


def test_layers_without_a_trial_are_counted(capsys):
    command = ["run", "lenet5", "--data", "mnist", "--n", "4", "--sampler"]
    assert main([*command, "Uniform(3)", "--seed", "2"]) == 0
    told = capsys.readouterr().out
    shown = int(re.search(r"rate of (\d) of 5 layers", told)[1])
    assert f"no trials in {5 - shown} layer" in told
    assert main([*command, "PerTensor(1)"]) == 0
    told = capsys.readouterr().out
    assert "rate by layer" in told
    assert "no trials" not in told
