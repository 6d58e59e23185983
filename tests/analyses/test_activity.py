"""Do measures of activations and of the loss's gradient come to what they say?"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.analyses import Analysis, AverageL2, Gradient, MaxValue, ValueRange
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.forward import plain
from radhard.scores import Scores
from tests.analyses.pencil import linear, one_by_one, small
from tests.zoo import Network, named

# Layers of other classes and the like; which are left out is tested in test_coverage.py.
left_out = pytest.mark.filterwarnings("ignore:.* analyzed:radhard.errors.RadhardWarning")


def of(
    analysis: Analysis, model: nn.Module, inputs: Any, labels: Any = None, **more: Any
) -> Scores:
    return analysis(model, Data(inputs, labels), progress=False, **more)


def maps() -> tuple[nn.Module, Tensor]:
    """A convolution that hands its inputs on as two maps, the second negated; two samples."""
    conv = nn.Conv1d(1, 2, 1, bias=False)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[[1.0]], [[-2.0]]]))
    inputs = torch.tensor([[[3.0, -4.0]], [[1.0, 0.0]]])
    return nn.Sequential(conv, nn.Flatten(), linear([[1.0, 0, 0, 0], [0, 1.0, 0, 0]])), inputs


@left_out
@pytest.mark.parametrize(
    ("analysis", "expected"),
    [
        (MaxValue(), [(4 + 1) / 2, (8 + 2) / 2]),
        (AverageL2(), [(5 + 1) / 2, (10 + 2) / 2]),
        (ValueRange(), [3 + 4, 8 + 6]),
        (ValueRange(over="sample"), [(7 + 1) / 2, (14 + 2) / 2]),
    ],
    ids=repr,
)
def test_measures_of_two_maps_by_hand(analysis, expected):
    model, inputs = maps()
    np.testing.assert_allclose(of(analysis, model, inputs)["0"], expected)
    np.testing.assert_allclose(of(analysis, model, inputs, batch=1)["0"], expected)


def test_a_single_value_has_a_range_over_the_data_only():
    inputs = torch.tensor([[2.0, 1.0], [1.0, 3.0]])
    np.testing.assert_allclose(of(ValueRange(), small(), inputs)["0"], [1 + 2, 0])
    with pytest.raises(InputError, match="no range"):
        of(ValueRange(over="sample"), small(), inputs)


def test_what_is_overwritten_later_is_measured_before():
    inputs = torch.tensor([[1.0, 3.0]])
    model = small()
    model[1] = nn.ReLU(inplace=True)
    # -2 is 0 after the ReLU.
    np.testing.assert_allclose(of(MaxValue(), model, inputs)["0"], [2, 5])


def test_a_guard_behind_a_layer_does_not_hide_what_the_layer_hands_on():
    model = small()
    model[0].register_forward_hook(lambda module, args, output: output.clamp(max=0.5))
    np.testing.assert_allclose(of(MaxValue(), model, torch.tensor([[2.0, 1.0]]))["0"], [1, 5])


def measured(network: Network, layer: str) -> dict[str, list[float]]:
    """Measures of the raw outputs of a layer, sample by sample."""
    model, rows = network.build().eval(), []
    module = model.get_submodule(layer)
    axis = -1 if isinstance(module, nn.Linear) else 1
    for sample in one_by_one(network.inputs()):
        calls: list[Tensor] = []
        handle = module.register_forward_hook(
            lambda m, a, out: calls.append(out.detach().float().clone())  # noqa: B023
        )
        network.call(model, sample)
        handle.remove()
        rows.append(torch.cat([call.movedim(axis, 0).flatten(1) for call in calls], 1))
    values = torch.stack(rows)
    spread = values.amax((0, 2)) - values.amin((0, 2))
    return {
        "MaxValue()": values.abs().amax(2).mean(0).tolist(),
        "AverageL2()": values.square().sum(2).sqrt().mean(0).tolist(),
        "ValueRange()": spread.tolist(),
    }


@left_out
@pytest.mark.parametrize(
    "name", ["residual", "attention_time_first", "lstm_time_first", "twice", "flat", "frozen_half"]
)
def test_measures_are_those_of_each_sample_by_itself(name):
    network = named(name)
    for analysis in (MaxValue(), AverageL2(), ValueRange()):
        scores = analysis(
            network.build(), Data(network.inputs()), call=network.call, progress=False
        )
        known = {n: v for n, v in scores.values.items() if not np.isnan(v).any()}
        assert known
        for layer, value in known.items():
            expected = measured(network, layer)[repr(analysis)]
            np.testing.assert_allclose(value, expected, rtol=1e-2 if "half" in name else 1e-4)


def test_gradient_of_the_loss_by_hand():
    # Logits 2, 1, -1; the class is the first. By the first hidden value: 2 p0 + p1 - p2 - 2.
    inputs = torch.tensor([[2.0, 1.0]])
    p = torch.tensor([2.0, 1.0, -1.0]).softmax(0).tolist()
    scores = of(Gradient(), small(), inputs)
    np.testing.assert_allclose(scores["2"], [1 - p[0], p[1], p[2]], rtol=1e-6)
    np.testing.assert_allclose(scores["0"], [2 - 2 * p[0] - p[1] + p[2], 0], rtol=1e-6)
    labelled = of(Gradient(of="label"), small(), inputs, torch.tensor([2]))
    np.testing.assert_allclose(labelled["2"], [p[0], p[1], 1 - p[2]], rtol=1e-6)


def test_a_gradient_of_a_certain_answer_is_small_and_not_nothing():
    # 1 - p of the answer is below the spacing of single precision at 1.
    model = nn.Sequential(nn.Identity(), linear([[20.0], [-20.0]]))
    (first, second) = of(Gradient(), model, torch.tensor([[1.0]]))["1"]
    assert first == pytest.approx(np.exp(-40), rel=1e-5)
    assert second == pytest.approx(np.exp(-40), rel=1e-5)


@left_out
@pytest.mark.parametrize("name", ["residual", "convolutions"])
def test_gradients_are_finite_differences_of_the_loss(name):
    network = named(name)
    model, inputs = network.build().double(), network.inputs().double()
    scores, values = (of(Gradient(per=per), model, inputs) for per in ("map", "value"))
    answers = plain(model, inputs).argmax(1)
    name = next(iter(scores.values))
    module = model.get_submodule(name)

    def loss(deviation: Tensor) -> Tensor:
        handle = module.register_forward_hook(lambda m, a, out: out + deviation)
        logits = model(inputs)
        handle.remove()
        return nn.functional.cross_entropy(logits, answers, reduction="sum")

    with torch.no_grad():
        shape = module(inputs).shape
        slopes = torch.zeros(shape, dtype=torch.float64)
        for at in np.ndindex(*shape):
            step = torch.zeros(shape, dtype=torch.float64)
            step[at] = 1e-6
            slopes[at] = (loss(step) - loss(-step)) / 2e-6
    by_channel = slopes.abs().transpose(0, 1).flatten(1)
    np.testing.assert_allclose(scores[name], by_channel.sum(1) / len(inputs), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(values[name], by_channel.mean(1), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    "labels", [None, torch.tensor([7]), torch.tensor([-1]), torch.tensor([0.5])]
)
def test_labels_that_are_no_classes_are_refused_in_words(labels):
    with pytest.raises(InputError, match="labels"):
        of(Gradient(of="label"), small(), torch.tensor([[2.0, 1.0]]), labels)


@pytest.mark.parametrize("analysis", [MaxValue(), Gradient()], ids=repr)
def test_a_bare_layer_has_the_name_that_campaigns_give_it(analysis):
    assert set(of(analysis, nn.Linear(2, 3), torch.ones(2, 2)).values) == {"(model)"}
