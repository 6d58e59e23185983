"""Is the sensitivity of a weight its gradient times the noise of its flips?"""

import struct
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.analyses import ANALYSES, WeightSensitivity
from radhard.analyses.weight_sensitivity import expected_noise
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.faults import BitFlip, StuckAt
from radhard.formats import MXFP8, BFloat16, Fixed, Float16, Float32, Float64, Int, Posit
from radhard.space import FaultSpace
from radhard.targets import Weights
from radhard.workload import Workload
from tests.analyses.pencil import one_by_one, small
from tests.zoo import named

LARGEST = float(torch.finfo(torch.float32).max)


def of(analysis, model, inputs, labels=None, **more):
    return analysis(model, Data(inputs, labels), progress=False, **more)


@settings(deadline=None)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_noise_of_a_single_is_that_of_its_32_words(value):
    (word,) = struct.unpack("<I", struct.pack("<f", value))
    distances = []
    for bit in range(32):
        (faulty,) = struct.unpack("<f", struct.pack("<I", word ^ (1 << bit)))
        distances.append(abs(faulty - value) if np.isfinite(faulty) else LARGEST)
    found = expected_noise(torch.tensor([value]), Float32(), BitFlip())
    np.testing.assert_allclose(found, [np.mean(distances)], rtol=1e-12)
    limited = expected_noise(torch.tensor([value]), Float32(), BitFlip(), limit=2.5)
    np.testing.assert_allclose(limited, [np.mean(np.minimum(distances, 2.5))], rtol=1e-12)


@given(st.integers(-127, 127))
def test_noise_of_an_integer_is_the_same_for_every_value(steps):
    # The last value sets the scale to 1.
    found = expected_noise(torch.tensor([float(steps), 127.0]), Int(8), BitFlip())
    np.testing.assert_allclose(found, [255 / 8] * 2, rtol=1e-12)


def test_a_flip_to_infinity_or_nan_counts_as_the_largest_number():
    # The top exponent bit makes 1.0 infinite and 1.5 NaN.
    for value in (1.0, 1.5):
        at = expected_noise(torch.tensor([value]), Float16(), BitFlip(bits=14))
        np.testing.assert_allclose(at, [65504.0])
    wide = expected_noise(torch.tensor([1.0]), BFloat16(), BitFlip(bits=14))
    np.testing.assert_allclose(wide, [torch.finfo(torch.bfloat16).max])
    double = expected_noise(torch.tensor([1.0], dtype=torch.float64), Float64(), BitFlip())
    assert double.isfinite().all()


def test_values_are_taken_as_they_are_stored():
    # 0.3 is stored as 0.25, from which the flips lead to 0, 0.75 and -0.75.
    found = expected_noise(torch.tensor([0.3]), Fixed(0, 2), BitFlip())
    np.testing.assert_allclose(found, [(0.25 + 0.5 + 1.0) / 3])


def test_other_faults_have_other_noise():
    # Stuck at 1 changes the two bits of 0.25 that are 0, the sign and the half; at 0 the other.
    found = expected_noise(torch.tensor([0.25]), Fixed(0, 2), StuckAt(1))
    np.testing.assert_allclose(found, [(0.5 + 1.0) / 3])


def test_sensitivities_of_two_layers_by_hand():
    # Logits 2, 1, -1. By the weights of the first hidden neuron, whose inputs are 2 and 1, the
    # slope is 2 p0 + p1 - p2 - 2 times these; the second neuron goes nowhere.
    p = torch.tensor([2.0, 1.0, -1.0]).softmax(0).tolist()
    slope = 2 - 2 * p[0] - p[1] + p[2]
    noise = (1 / 8 + 1 / 4 + 1 / 2 + 1 + 2 + 4) / 6
    scores = of(WeightSensitivity("Fixed(2, 3)"), small(), torch.tensor([[2.0, 1.0]]))
    np.testing.assert_allclose(
        scores["0.weight"], np.array([[2, 1], [0, 0]]) * slope * noise, rtol=1e-6
    )
    hidden, deltas = np.array([1.0, 5.0]), np.array([1 - p[0], p[1], p[2]])
    np.testing.assert_allclose(scores["2.weight"], np.outer(deltas, hidden) * noise, rtol=1e-6)


@pytest.mark.parametrize("name", ["residual", "lstm", "tied", "attention", "double", "embedding"])
@pytest.mark.parametrize("of_class", ["answer", "label"])
def test_gradients_are_those_of_autograd(name, of_class):
    network = named(name)
    model, inputs = network.build(), network.inputs()
    logits = network.call(model, inputs).detach()
    labels = torch.arange(len(logits)) % logits.shape[1]
    classes = labels if of_class == "label" else logits.argmax(1)
    # Sixteen bits whose noise is the same for all values in range.
    format = "Float64()" if name == "double" else "Fixed(5, 26)"
    noisy = {"format": format, "of": of_class, "fault": "BitFlip(field='sign')"}
    data = Data(inputs, labels)
    magnitude = WeightSensitivity(**noisy)(model, data, call=network.call, progress=False)
    gradient = WeightSensitivity(average="gradient", **noisy)(
        model, data, call=network.call, batch=2, progress=False
    )
    named_ = dict(model.named_parameters())
    assert all(p.grad is None for p in named_.values())
    sites = {site.name for site in Weights("*").sites(Workload(model))}
    assert set(magnitude.values) == sites == set(gradient.values)
    for site in sites:
        weight = named_[site]
        each = []
        for at, sample in enumerate(one_by_one(inputs)):
            loss = nn.functional.cross_entropy(network.call(model, sample), classes[at : at + 1])
            (slope,) = torch.autograd.grad(loss, weight, allow_unused=True)
            each.append(torch.zeros_like(weight) if slope is None else slope)
        slopes = torch.stack(each).double()
        noise = 2 * weight.detach().double().abs() if name == "double" else 2.0**6 / 2
        for scores, expected in (
            (magnitude, slopes.abs().mean(0)),
            (gradient, slopes.mean(0).abs()),
        ):
            np.testing.assert_allclose(
                scores[site], expected * (noise if name == "double" else 32.0), rtol=1e-3, atol=1e-6
            )


def test_it_scores_the_words_into_which_a_campaign_injects():
    network = named("residual")
    model = network.build()
    space = FaultSpace.of(model, Weights("*"), BitFlip(), Float32())
    scores = of(WeightSensitivity(), model, network.inputs())
    assert {s.name: s.shape for s in space.sites} == {n: v.shape for n, v in scores.values.items()}


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ({"format": "Float33()"}, "Float33"),
        ({"fault": "Flip"}, "Flip"),
        ({"limit": 0.0}, "limit"),
    ],
)
def test_senseless_arguments_are_refused(text, match):
    with pytest.raises(InputError, match=match):
        WeightSensitivity(**text)


@pytest.mark.parametrize("written", ["'strange_formats:Mine()'", "strange_formats:Mine()"])
def test_foreign_code_is_not_imported_on_the_word_of_a_file(tmp_path, monkeypatch, written):
    (tmp_path / "strange_formats.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="--trust"):
        ANALYSES.parse(f"WeightSensitivity(format={written})", foreign=False)
    assert "strange_formats" not in sys.modules
    with pytest.raises(InputError, match="imported"):
        WeightSensitivity(format="strange_formats:Mine()")


def test_a_weight_without_a_word_is_named():
    model = small()
    with torch.no_grad():
        model[2].weight[0, 1] = torch.inf
        model[0].weight[1] = 0.0
    with pytest.raises(InputError, match=r"2\.weight|NaN"):
        of(WeightSensitivity("Int(8)"), model, torch.tensor([[2.0, 1.0]]))


def test_a_model_made_in_inference_mode_is_refused_in_words():
    network = named("inference")
    with pytest.raises(InputError, match="made in inference mode"):
        of(WeightSensitivity(), network.build(), network.inputs())


def test_frozen_weights_are_scored_and_stay_frozen():
    model = small().requires_grad_(False)
    scores = of(WeightSensitivity(), model, torch.tensor([[2.0, 1.0]]))
    assert (scores["2.weight"] > 0).any()
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_weights_in_the_same_memory_add_up():
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Tanh(), nn.Linear(3, 3, bias=False))
    apart = nn.Parameter(model[0].weight.detach())
    tied = nn.Sequential(model[0], nn.Tanh(), nn.Linear(3, 3, bias=False))
    tied[2].weight = apart
    same = nn.Sequential(model[0], nn.Tanh(), model[0])
    inputs = torch.randn(4, 3)
    one, other = (of(WeightSensitivity(), m, inputs) for m in (tied, same))
    assert one.values.keys() == other.values.keys() == {"0.weight"}
    np.testing.assert_allclose(one["0.weight"], other["0.weight"], rtol=1e-5)


def test_a_gradient_that_is_not_finite_is_no_score():
    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 2)
            nn.init.zeros_(self.fc.weight)
            nn.init.zeros_(self.fc.bias)

        def forward(self, x):
            return torch.sqrt(self.fc(x))

    with pytest.raises(InputError, match=r"fc\.weight is not finite"):
        of(WeightSensitivity(), Root(), torch.ones(2, 2))


def test_a_posit_that_is_not_real_counts_as_the_largest_of_its_width():
    # The sign of zero makes it NaR; the largest posit of 32 bits is 2**120.
    for bits, largest in ((16, 2.0**56), (32, 2.0**120)):
        found = expected_noise(torch.zeros(2), Posit(bits), BitFlip(field="sign"))
        np.testing.assert_array_equal(found, [largest] * 2)


def test_nan_of_a_block_counts_as_the_largest_number_with_its_scale():
    # E4M3 reaches 448, in the word before NaN; the largest value of a block sets its scale.
    values = torch.zeros(2, 32)
    values[0, 0], values[1, 0] = 448.0, 1.75
    found = expected_noise(values, MXFP8("E4M3"), BitFlip(bits=0))
    np.testing.assert_array_equal(found[:, 0], [448.0, 1.75])
