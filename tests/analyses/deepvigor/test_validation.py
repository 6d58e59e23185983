"""Do faults bear out the ranges, and does the validation count them as it says?"""

import runpy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from radhard.analyses import DeepVigor, Ranges, Validation, validate
from radhard.datasets import mnist
from radhard.errors import InputError
from radhard.manifest import fingerprint
from radhard.models import load
from radhard.vulnerability_ranges import Limits
from tests.analyses.deepvigor.hand import data, of_three_neurons

LIMIT = 0.999
"""Share of verdicts that are to be true."""


@cache
def ranges(name: str) -> Ranges:
    neurons, n = {"mlp": (None, 400), "lenet5": (12, 120)}[name]
    return DeepVigor(neurons=neurons).ranges(load(name), mnist(n=n, split="train"))


@pytest.mark.parametrize("name", ["mlp", "lenet5"])
@pytest.mark.parametrize("analysed", [True, False], ids=["analysed", "unseen"])
def test_verdicts_are_true_in_999_of_1000_faults(name: str, analysed: bool) -> None:
    own = ranges(name)
    samples = mnist(n=own.samples, split="train") if analysed else mnist()
    found = validate(own, load(name), samples, n=3000)
    assert [of.layer for of in found.layers] == list(own.layers)
    for of in found.layers:
        kept, changed = of.true_noncritical(), of.true_critical()
        assert kept is not None
        assert changed is not None
        # The faults do not contradict it, however few of them there are of a kind.
        assert kept.high >= LIMIT
        assert changed.high >= LIMIT
        assert of.semi < 0.15
    kinds = ("noncritical", "noncritical_kept"), ("critical", "critical_changed")
    for said, true in kinds:
        all_ = sum(getattr(of, said) for of in found.layers)
        assert sum(getattr(of, true) for of in found.layers) >= 0.995 * all_ > 100


def with_limits(safe: float, unsafe: float) -> Ranges:
    """Ranges of ``of_three_neurons`` that say the same of every neuron."""
    ends = [np.full((3, 2), value) for value in (safe, unsafe, safe, unsafe)]
    limits = Limits((3,), np.arange(3), *ends)
    return Ranges("Mine()", "Float32()", {"0": limits}, 3)


def test_ranges_that_say_harmless_of_all_are_true_as_often_as_faults_are() -> None:
    of = validate(with_limits(np.inf, np.inf), of_three_neurons(), data(), n=2000)["0"]
    # Infinite deviations and NaN are no finite ones: they are not called harmless.
    assert of.noncritical + of.critical + round(of.semi * of.faults) == of.faults == 2000
    assert of.noncritical_kept < of.noncritical
    true = of.true_noncritical()
    assert true is not None
    assert true.value == of.noncritical_kept / of.noncritical
    assert true.high < LIMIT


def test_ranges_that_say_harmful_of_all_are_refuted() -> None:
    of = validate(with_limits(-1.0, 0.0), of_three_neurons(), data(), n=2000)["0"]
    assert of.critical == of.faults
    assert of.critical_changed == of.changed
    assert of.true_noncritical() is None
    true = of.true_critical()
    assert true is not None
    assert true.high < 0.5


def test_as_many_faults_are_tried_as_the_sample_size_asks_for() -> None:
    own = DeepVigor().ranges(of_three_neurons(), data())
    sizes = {name: validate(own, of_three_neurons(), data())[name].faults for name in ("0", "2")}
    # N = 96 and 64 bits, e = 1 %: 95.06 and 63.58.
    assert sizes == {"0": 96, "2": 64}
    coarse = validate(own, of_three_neurons(), data(), margin=0.1)
    assert coarse["0"].faults == 49


def test_the_same_seed_tries_the_same_faults() -> None:
    own, model = ranges("mlp"), load("mlp")
    one, same, other = (validate(own, model, mnist(n=50), n=300, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one != other


def test_it_prints_a_line_a_layer_and_gives_a_frame() -> None:
    own = DeepVigor().ranges(of_three_neurons(), data())
    found = validate(own, of_three_neurons(), data())
    lines = str(found).splitlines()
    assert lines[0] == "DeepVigor() on data, intervals 95 %"
    assert lines[1].split()[:3] == ["layer", "faults", "semi"]
    assert len(lines) == 4
    assert "100.000 %" in lines[2]
    frame = found.to_frame()
    assert frame["layer"].tolist() == ["0", "2"]
    assert (frame["true_noncritical_low"] <= frame["true_noncritical"]).all()
    assert frame["true_critical"].tolist() == [1.0, 1.0]
    with pytest.raises(InputError, match="tried in 0, 2"):
        found["1"]


def test_a_layer_without_a_fault_of_a_kind_prints_none() -> None:
    found = validate(with_limits(-1.0, 0.0), of_three_neurons(), data(), n=5)
    assert "none" in str(found)
    assert np.isnan(found.to_frame()["true_noncritical"][0])
    assert isinstance(found, Validation)


def test_the_model_comes_back_and_another_one_is_refused() -> None:
    own, model = DeepVigor().ranges(of_three_neurons(), data()), of_three_neurons().train()
    before = fingerprint(model)
    state = torch.get_rng_state()
    validate(own, model, data())
    assert fingerprint(model) == before
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(InputError, match="another model"):
        validate(own, nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 2)), data())
    with pytest.raises(InputError, match="n=0"):
        validate(own, of_three_neurons(), data(), n=0)


def test_the_full_protocol_is_a_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example = Path(__file__).parents[3] / "examples" / "deepvigor_validation.py"
    given = ["mlp", "--analysed", "10", "--neurons", "0.05", "--faults", "20"]
    monkeypatch.setattr("sys.argv", [str(example), *given])
    runpy.run_path(str(example), run_name="__main__")
    said = capsys.readouterr().out
    assert said.count("true non-critical") == 6
    assert "fc1: 3 neurons" in said
    assert "rank correlation of LVF" in said
