"""Does `radhard fit` add up what the runs of an accelerator's structures say?"""

import json

import pytest

import radhard as rh
from radhard.cli import main
from radhard.engines import Replay
from radhard.faults import BitFlip
from radhard.formats import Float32, Int
from radhard.samplers import PerTensor
from radhard.structures import accelerator_fit
from radhard.targets import Registers, Weights
from tests.accelerators.arrays import network
from tests.test_structures import ARRAY

MODEL, INPUTS = network()


OTHER = "Systolic(2, 2, word=Int(4), accumulator=Int(12))"


def built():
    """The model, as a run file names it."""
    return network()[0]


def inputs():
    """Its data."""
    return INPUTS


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    names = {"model": f"{__name__}:built", "data": f"{__name__}:inputs"}
    cases = {
        "registers": (Registers(ARRAY), ARRAY.formats),
        "weights": (Weights("*"), Int(4)),
        "floats": (Weights("*"), Float32()),
    }
    for name, (target, formats) in cases.items():
        space = rh.FaultSpace.of(MODEL, target, BitFlip(), formats, data=INPUTS)
        rh.run(
            MODEL,
            INPUTS,
            space,
            PerTensor(30),
            engine=Replay(),
            store=folder / f"{name}.db",
            names=names,
            progress=False,
            audit=0,
        )
    return folder


def line(runs, *options: str) -> list[str]:
    return ["fit", "--trust", "--registers", str(runs / "registers.db"), *options]


def test_the_total_is_that_of_python(runs, capsys):
    options = ["--weight-buffer", str(runs / "weights.db"), "--fit-per-bit", "1e-3", "--json"]
    assert main(line(runs, *options)) == 0
    facts = json.loads(capsys.readouterr().out)
    files = {"registers": "registers.db", "weight buffer": "weights.db"}
    campaigns = {key: rh.Results.open(runs / name) for key, name in files.items()}
    expected = accelerator_fit(MODEL, INPUTS, ARRAY, campaigns, fit_per_bit=1e-3)
    assert facts["total"]["value"] == pytest.approx(expected.total.value)
    assert facts["total"]["low"] == pytest.approx(expected.total.low)
    assert set(facts["structures"]) == set(expected)
    assert facts["structures"]["weight buffer"]["bits"] == 4 * 48
    assert facts["left out"] == expected.left_out


def test_the_screen_names_each_structure_and_what_is_left_out(runs, capsys):
    assert main(line(runs, "--fit-per-bit", "1e-3")) == 0
    shown = capsys.readouterr().out
    assert all(f"{register} registers" in shown for register in ARRAY.registers)
    assert "not in the total: weight buffer" in shown


def test_a_narrow_terminal_gets_every_number(runs, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    assert main(line(runs, "--fit-per-bit", "1e-3")) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 40
    assert "\N{HORIZONTAL ELLIPSIS}" not in shown
    assert all(f"{register} registers" in shown for register in ARRAY.registers)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--fit-per-bit", "much"], "much"),
        (["--fit-per-bit", "-1"], "-1"),
        (["--fit-per-bit", "1", "--fit-per-bit", "sum registers=1"], "one number"),
        (["--fit-per-bit", "sum registers=1"], "no raw rate"),
        (["--fit-per-bit", "1", "--array", "Systolic(0, 3)"], "0 x 3"),
        (["--fit-per-bit", "1", "--array", OTHER], "is of Systolic("),
        (["--fit-per-bit", "1", "--weight-buffer", "{runs}/floats.db"], "32 bits|Float32"),
        (["--fit-per-bit", "1", "--input-buffer", "{runs}/weights.db"], "Activations or Inputs"),
        (["--fit-per-bit", "1", "--model", "mlp", "--data", "mnist"], "computes no layer"),
    ],
)
def test_what_does_not_go_together_is_one_line(runs, options, told, capsys):
    assert main(line(runs, *(option.format(runs=runs) for option in options))) == 2
    error = capsys.readouterr().err.strip()
    assert any(words in error for words in told.split("|"))
    assert len(error.splitlines()) == 1


def test_without_a_run_or_an_array_it_says_what_to_give(runs, capsys):
    assert main(["fit", "--fit-per-bit", "1"]) == 2
    assert "--weight-buffer" in capsys.readouterr().err
    weights = ["--weight-buffer", str(runs / "weights.db"), "--trust"]
    assert main(["fit", *weights, "--fit-per-bit", "1"]) == 2
    assert "--array" in capsys.readouterr().err
