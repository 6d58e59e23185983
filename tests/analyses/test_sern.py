"""Are critical operations counted as the equation says?"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radhard.analyses import Sern, sern
from radhard.datasets import Data
from radhard.errors import InputError
from tests.analyses.pencil import linear, small


def of(analysis, model, inputs, **more):
    return analysis(model, Data(inputs), progress=False, **more)


def chain():
    """4 operations of which 3 are critical for (1, 2), then 6, 4 of them critical."""
    return nn.Sequential(
        linear([[1.0, 0.0], [1.0, 1.0]]),
        nn.ReLU(),
        linear([[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]]),
    )


def test_the_equation_by_hand_with_either_tail():
    inputs = torch.tensor([[1.0, 2.0]])
    scores = of(Sern(), chain(), inputs)
    np.testing.assert_allclose(scores["0"], [(2 + 6) / 10, (4 + 6) / 10])
    np.testing.assert_allclose(scores["2"], [6 / 6, 3 / 6, 3 / 6])
    by_layer = scores.at("tensor")
    np.testing.assert_allclose(by_layer["0"], (3 + 6) / 10)
    np.testing.assert_allclose(by_layer["2"], 4 / 6)
    tail = of(Sern(crit_in_tail=True), chain(), inputs).at("tensor")
    np.testing.assert_allclose(tail["0"], (3 + 4) / 10)
    np.testing.assert_allclose(tail["2"], 4 / 6)


def test_zeros_that_a_relu_leaves_are_not_critical():
    # The first hidden value is negative for the second sample.
    inputs = torch.tensor([[2.0, 1.0], [1.0, 2.0]])
    last = of(Sern(), small(), inputs).at("tensor")["2"]
    # Only weights of the first hidden value are not zero: 3 of 6 products, then none.
    np.testing.assert_allclose(last, 3 / 12)


def test_layers_are_in_the_order_in_which_they_are_called():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.second, self.first = nn.Linear(3, 2), nn.Linear(2, 3)

        def forward(self, x):
            return self.second(torch.relu(self.first(x)) * 0)

    scores = of(Sern(), Backwards(), torch.ones(1, 2)).at("tensor")
    np.testing.assert_allclose(scores["second"], 0)
    np.testing.assert_allclose(scores["first"], 1)


@settings(deadline=None, max_examples=40)
@given(
    groups=st.integers(1, 2),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_operations_of_a_convolution_are_the_products_one_by_one(
    groups, kernel, stride, padding, seed
):
    generator = torch.Generator().manual_seed(seed)
    conv = nn.Conv2d(2 * groups, groups, kernel, stride, padding, groups=groups)
    with torch.no_grad():
        conv.weight.copy_(torch.randint(-1, 2, conv.weight.shape, generator=generator))
    inputs = torch.randint(0, 2, (2, 2 * groups, 5, 5), generator=generator).float()
    model = nn.Sequential(conv, nn.Flatten(), nn.LazyLinear(2))
    model(inputs)
    padded = nn.functional.pad(inputs, [padding] * 4)
    critical, total = np.zeros(groups), 0
    side = (5 + 2 * padding - kernel) // stride + 1
    for sample, channel, row, column in np.ndindex(2, groups, side, side):
        patch = padded[
            sample,
            2 * channel : 2 * channel + 2,
            row * stride : row * stride + kernel,
            column * stride : column * stride + kernel,
        ]
        products = patch * conv.weight[channel].detach()
        critical[channel] += int((products != 0).sum())
        total += products.numel()
    later = 2 * groups * side**2 * 2
    expected = (critical * groups + later) / (total + later)
    np.testing.assert_allclose(of(Sern(), model, inputs)["0"], expected)


def test_how_the_work_is_cut_up_changes_nothing(monkeypatch):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.Flatten(), nn.Linear(8, 2)
    )
    inputs = torch.randn(7, 1, 6, 6)
    whole = of(Sern(), model, inputs)
    monkeypatch.setattr(sern, "_MOST", 50)
    parts = of(Sern(), model, inputs, batch=3)
    for name in whole.values:
        np.testing.assert_array_equal(parts[name], whole[name])


def test_a_layer_with_a_forward_of_its_own_is_refused_in_words():
    class Twice(nn.Linear):
        def forward(self, input):
            return super().forward(input) * 2

    with pytest.raises(InputError, match="overrides forward"):
        of(Sern(), nn.Sequential(nn.Linear(2, 2), Twice(2, 2)), torch.ones(1, 2))
