"""Are noise gains the squared gradients of each sample by itself, over its margins?"""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from radhard.analyses import (
    ANALYSES,
    Analysis,
    Gain,
    ModifiedGain,
    VulnerabilityGain,
    logit_gradients,
    vulnerability_gain,
)
from radhard.analyses.layer import WEIGHTED
from radhard.datasets import Data
from radhard.errors import InputError, RadhardWarning
from radhard.forward import plain
from radhard.manifest import fingerprint
from radhard.scores import Scores
from tests.analyses.pencil import linear, of_outputs, of_weights, small
from tests.zoo import NETWORKS, Network, named

GAINS: list[Analysis] = [Gain(), ModifiedGain(), VulnerabilityGain()]

# Networks with layers of many classes; which of them are left out is tested in test_coverage.py.
left_out = pytest.mark.filterwarnings("ignore:.* analyzed:radhard.errors.RadhardWarning")

# No classifier, none of the layers, or not to be differentiated.
OTHERS = {"scalar", "transposed", "inference"}


def of(analysis: Analysis, model: nn.Module, inputs: Any, call: Any = plain, **more: Any) -> Scores:
    return analysis(model, Data(inputs), call=call, progress=False, **more)


def test_gains_of_two_classes_by_hand():
    # For (2, 1) the hidden values are 1 and 5, the logits 2, 1 and -1: margins 1 and 3. The other
    # two classes differ from the first by -1 and -3 times the first hidden value.
    inputs = torch.tensor([[2.0, 1.0]])
    gain = of(Gain(), small(), inputs)
    np.testing.assert_allclose(gain["0"], [1 / 1 + 9 / 9, 0])
    # Every margin is a logit less that of class 0, so 1/m^2 for each, and all of them at class 0.
    np.testing.assert_allclose(gain["2"], [1 + 1 / 9, 1, 1 / 9])
    weights = of(VulnerabilityGain(), small(), inputs)
    # By w[0, :] of the first layer: the same times the inputs 2 and 1.
    np.testing.assert_allclose(weights["0.weight"], [2 * (4 + 1), 0])
    # By those of the last: the same times the hidden values 1 and 5.
    np.testing.assert_allclose(weights["2.weight"], np.array([10 / 9, 1, 1 / 9]) * 26, rtol=1e-6)


def test_samples_are_squared_one_by_one():
    # Gradients of the two samples have opposite signs, so that those of a batch would cancel out.
    model = nn.Sequential(nn.Identity(), linear([[1.0], [-1.0]]))
    together = of(VulnerabilityGain(), model, torch.tensor([[2.0], [-2.0]]))
    alone = of(VulnerabilityGain(), model, torch.tensor([[2.0]]))
    np.testing.assert_allclose(alone["1.weight"], [4 / 16, 4 / 16])
    np.testing.assert_allclose(together["1.weight"], alone["1.weight"])


class AcrossPositions(nn.Module):
    """A convolution whose map is weighted by its neighbour's sign and added up."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 1, bias=False)
        nn.init.ones_(self.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        flat = self.conv(x).flatten(1)
        return torch.stack([flat[:, 0] * 3, flat[:, 0] - flat[:, 1]], 1)


def test_modified_gain_lets_derivatives_within_a_map_cancel_out():
    # Z1 - Z0 = -2 a - b over a margin of 5 for (2, 1): derivatives -2/5 and -1/5.
    inputs = torch.tensor([[[2.0, 1.0]]])
    assert of(Gain(), AcrossPositions(), inputs)["conv"] == pytest.approx([(4 + 1) / 25])
    assert of(Gain(per="value"), AcrossPositions(), inputs)["conv"] == pytest.approx([5 / 50])
    assert of(ModifiedGain(), AcrossPositions(), inputs)["conv"] == pytest.approx([9 / 25])
    # By the one weight: -2 * 2 - 1 over 5.
    found = of(VulnerabilityGain(), AcrossPositions(), inputs)["conv.weight"]
    assert found == pytest.approx([1.0])


@left_out
@pytest.mark.parametrize("network", [n for n in NETWORKS if n.name not in OTHERS], ids=repr)
def test_gains_are_those_of_autograd_sample_by_sample(network: Network):
    model, inputs = network.build().eval(), network.inputs()
    before = fingerprint(model)
    gain, modified = (of(a, model, inputs, network.call) for a in GAINS[:2])
    if network.name == "tied":
        with pytest.raises(InputError, match="shared"):
            of(VulnerabilityGain(), model, inputs, network.call)
        weights = None
    else:
        weights = of(VulnerabilityGain(), model, inputs, network.call)
    assert fingerprint(model) == before
    loose = next(model.parameters()).dtype in (torch.float16, torch.bfloat16)
    close = {"rtol": 0.05, "atol": 1e-3} if loose else {"rtol": 1e-3, "atol": 1e-6}
    own = {name for name, _ in model.named_parameters()}
    looked = 0
    for name, module in model.named_modules():
        if not isinstance(module, WEIGHTED):
            continue
        if not np.isnan(gain[name]).any():
            one, other = of_outputs(model, inputs, name, call=network.call)
            np.testing.assert_allclose(gain[name], one, **close)
            np.testing.assert_allclose(modified[name], other, **close)
            looked += 1
        weight = f"{name}.weight"
        if weights is not None and weight in own and not np.isnan(weights[weight]).any():
            expected = of_weights(model, inputs, weight, call=network.call)
            np.testing.assert_allclose(weights[weight], expected, **close)
    assert looked


class Shared(nn.Module):
    """One layer called twice, and one that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.again, self.idle = nn.Linear(4, 4), nn.Linear(4, 4)
        self.last = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.again(torch.relu(self.again(x)))))


def test_a_layer_called_twice_is_squared_once_and_an_idle_one_has_no_score():
    torch.manual_seed(0)
    model, inputs = Shared(), torch.randn(5, 4)
    with pytest.warns(RadhardWarning, match="not: idle"):
        weights, gain = of(VulnerabilityGain(), model, inputs), of(Gain(), model, inputs)
    expected = of_weights(model, inputs, "again.weight")
    np.testing.assert_allclose(weights["again.weight"], expected, rtol=1e-4)
    np.testing.assert_allclose(gain["again"], of_outputs(model, inputs, "again")[0], rtol=1e-4)
    assert np.isnan(weights["idle.weight"]).all()
    assert np.isnan(gain["idle"]).all()


def test_a_weight_that_another_module_uses_too_has_no_score():
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Linear(4, 3))
    model[2].weight = model[0].weight
    inputs = torch.randn(3, 4)
    with pytest.warns(RadhardWarning, match="shared"):
        scores = of(VulnerabilityGain(), model, inputs)
    assert np.isnan(scores["0.weight"]).all()
    expected = of_weights(model, inputs, "3.weight")
    np.testing.assert_allclose(scores["3.weight"], expected, rtol=1e-4)


@settings(deadline=None, max_examples=40)
@given(
    groups=st.integers(1, 2),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    padding=st.integers(0, 2),
    size=st.integers(5, 8),
    seed=st.integers(0, 99),
)
def test_weights_of_any_convolution_are_squared_as_autograd_does(
    groups, kernel, stride, dilation, padding, size, seed
):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Conv2d(
                2 * groups, 3 * groups, kernel, stride, padding, dilation=dilation, groups=groups
            ),
            nn.Tanh(),
            nn.Flatten(),
            nn.LazyLinear(3),
        )
        inputs = torch.randn(3, 2 * groups, size, size)
        model(inputs)
    found = of(VulnerabilityGain(), model, inputs)["0.weight"]
    np.testing.assert_allclose(found, of_weights(model, inputs, "0.weight"), rtol=2e-3, atol=1e-6)


@left_out
@pytest.mark.parametrize("analysis", GAINS, ids=repr)
def test_how_the_work_is_cut_up_changes_nothing(analysis, monkeypatch):
    network = named("convolutions")
    model, inputs = network.build(), torch.randn(7, 2, 6, 6)
    whole = of(analysis, model, inputs)
    monkeypatch.setattr(logit_gradients, "_MOST", 400)
    monkeypatch.setattr(vulnerability_gain, "_MOST", 100)
    parts = of(analysis, model, inputs, batch=3)
    for name in whole.values:
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-4, atol=1e-8)


def test_squares_formed_and_multiplied_out_are_the_same():
    torch.manual_seed(1)
    # Few positions and many weights in the first, the other way round in the second.
    for model in (
        nn.Sequential(nn.Conv2d(8, 2, 3), nn.Flatten(), nn.Linear(2 * 4, 3)),
        nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(2 * 16, 3)),
    ):
        inputs = torch.randn(4, model[0].in_channels, 4, 4)
        found = of(VulnerabilityGain(), model, inputs)["0.weight"]
        np.testing.assert_allclose(found, of_weights(model, inputs, "0.weight"), rtol=1e-4)


@pytest.mark.parametrize("kind", [Gain, ModifiedGain, VulnerabilityGain])
def test_nearest_rivals_come_first_and_all_of_them_are_the_default(kind):
    torch.manual_seed(2)
    model, inputs = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 5)), torch.randn(6, 3)
    some = [of(kind(rivals=k), model, inputs) for k in (1, 2, 3, 4, 9)]
    for name in some[0].values:
        steps = np.stack([scores[name] for scores in some])
        assert (np.diff(steps, axis=0) >= -1e-9).all()
        np.testing.assert_allclose(steps[-1], of(kind(), model, inputs)[name])
        np.testing.assert_array_equal(steps[-1], steps[-2])


def test_only_the_nearest_rival_by_hand():
    nearest = of(Gain(rivals=1), small(), torch.tensor([[2.0, 1.0]]))
    np.testing.assert_allclose(nearest["2"], [1, 1, 0])


def test_margins_below_the_guard_count_as_the_guard():
    tie = nn.Sequential(nn.Identity(), linear([[1.0], [1.0]]))
    scores = of(Gain(guard=0.5), tie, torch.tensor([[1.0]]))
    np.testing.assert_allclose(scores["1"], [4, 4])


@pytest.mark.parametrize(
    "text", ["Gain(guard=0.0)", "VulnerabilityGain(rivals=0)", "ModifiedGain(guard=-1.0)"]
)
def test_senseless_arguments_are_refused(text):
    with pytest.raises(InputError, match=r"guard|rivals"):
        ANALYSES.parse(text)


@pytest.mark.parametrize("analysis", GAINS, ids=repr)
def test_a_model_made_in_inference_mode_is_refused_in_words(analysis):
    network = named("inference")
    with pytest.raises(InputError, match="inference"):
        of(analysis, network.build(), network.inputs())


@pytest.mark.parametrize("analysis", GAINS, ids=repr)
def test_callers_in_inference_mode_get_the_same(analysis):
    network = named("residual")
    model, inputs = network.build(), network.inputs()
    expected = of(analysis, model, inputs)
    with torch.inference_mode():
        found = of(analysis, model, inputs.clone())
    for name in expected.values:
        np.testing.assert_array_equal(found[name], expected[name])


class Blind(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return self.fc(x)


def test_logits_without_gradients_are_refused_in_words():
    with pytest.raises(InputError, match="cannot be differentiated"):
        of(Gain(), Blind(), torch.randn(3, 4))


def test_a_gradient_that_is_not_finite_is_no_score():
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = linear([[0.0, 0.0], [1.0, 1.0]])

        def forward(self, x: Tensor) -> Tensor:
            return torch.sqrt(self.fc(x))

    with pytest.raises(InputError, match=r"fc \(its gradient is not finite"):
        of(Gain(), Root(), torch.ones(2, 2))


def test_an_error_on_the_way_leaves_no_hook_behind():
    class Late(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            if torch.is_grad_enabled():
                raise RuntimeError("not now")
            return self.fc(x)

    model = Late()
    with pytest.raises(RuntimeError, match="not now"):
        of(VulnerabilityGain(), model, torch.ones(2, 2))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert model.fc.weight.grad is None


@pytest.mark.parametrize("analysis", GAINS, ids=repr)
def test_gains_take_one_forward_pass_beside_the_golden_ones(analysis):
    network = named("residual")
    scores = of(analysis, network.build(), torch.randn(9, 2, 6, 6), batch=4)
    # Two golden passes, seven samples for the axes, one to see how much memory a sample takes.
    assert scores.cost["samples"] == 2 * 9 + 7 + 1 + 9
