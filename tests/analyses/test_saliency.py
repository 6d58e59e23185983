"""Is a filter's saliency the weight on all ways from it to the answers?"""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from radhard.analyses import Saliency
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.models import resnet20
from radhard.scores import Scores


def of(model: nn.Module, *shape: int, analysis: Saliency | None = None) -> Scores:
    return (analysis or Saliency())(model, Data(torch.rand(2, *shape)), progress=False)


def magnitudes(layer: nn.Module) -> np.ndarray:
    """Weights of a layer summed over the kernel, ``(out, in)``."""
    weight = layer.weight.detach().abs().double()
    return weight.reshape(*weight.shape[:2], -1).sum(2).numpy()


def test_a_filter_has_the_weights_of_all_ways_from_it() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3, 2, 1), nn.Tanh(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3),
    )  # fmt: skip
    scores = of(model, 2, 8, 8)
    # One way at a time.
    conv, hidden, head = (magnitudes(model[i]) for i in (3, 8, 10))
    expected = {"10.weight": np.ones(3)}
    expected["8.weight"] = np.array([sum(head[o, h] for o in range(3)) for h in range(5)])
    for layer, inputs, outputs, matrix, behind in (
        ("3.weight", 4, 5, hidden, "8.weight"), ("0.weight", 3, 4, conv, "3.weight"),
    ):  # fmt: skip
        expected[layer] = np.array(
            [sum(expected[behind][o] * matrix[o, i] for o in range(outputs)) for i in range(inputs)]
        )
    assert scores.values.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(scores[name], value, rtol=1e-5)
    words = of(model, 2, 8, 8, analysis=Saliency(level="element"))
    for name, value in expected.items():
        weight = dict(model.named_parameters())[name].detach().abs().numpy()
        np.testing.assert_allclose(
            words[name], weight * value.reshape(-1, *[1] * (weight.ndim - 1)), rtol=1e-5
        )


def test_positions_that_are_flattened_count_together() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(2 * 16, 3))
    columns = magnitudes(model[2]).sum(0).reshape(2, 16)
    np.testing.assert_allclose(of(model, 1, 4, 4)["0.weight"], columns.sum(1), rtol=1e-6)


def test_groups_do_not_mix() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 1), nn.Conv2d(4, 8, 3, groups=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 2),
    )  # fmt: skip
    behind = magnitudes(model[4]).sum(0)
    grouped = magnitudes(model[1])
    expected = [
        sum(behind[o] * grouped[o, i % 2] for o in range(8) if o // 4 == i // 2) for i in range(4)
    ]
    np.testing.assert_allclose(of(model, 1, 5, 5)["0.weight"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    "follows", [nn.BatchNorm2d(3), nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3))]
)
def test_a_norm_multiplies_by_its_scale(follows: nn.Module) -> None:
    norm = next(m for m in follows.modules() if isinstance(m, nn.BatchNorm2d))
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, -2.0, 3.0]))
        norm.running_var.copy_(torch.tensor([1.0, 4.0, 0.25]))
    before = nn.Conv2d(1, 2, 1)
    conv, head = nn.Conv2d(2, 3, 1), nn.Linear(3, 2)
    model = nn.Sequential(before, conv, follows, nn.AdaptiveMaxPool2d(1), nn.Flatten(), head)
    factor = np.array([1.0, 2.0, 3.0]) / np.sqrt(np.array([1.0, 4.0, 0.25]) + norm.eps)
    expected = (magnitudes(head).sum(0) * factor) @ magnitudes(conv)
    np.testing.assert_allclose(of(model, 1, 4, 4)["0.weight"], expected, rtol=1e-5)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.branch = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 3, padding=1)
        self.wide, self.head = nn.Conv2d(6, 4, 1), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        x = torch.cat((x + 2 * self.branch(x), x - 3, 0.5 * x), 1)
        out: Tensor = self.head(self.wide(x).mean((2, 3)))
        return out


def test_sums_and_joints_lead_every_way() -> None:
    torch.manual_seed(1)
    model = Residual()
    due = magnitudes(model.head).sum(0) @ magnitudes(model.wide)
    branch = 2 * due[:2]
    first = due[:2] + branch @ magnitudes(model.branch) + due[2:4] + 0.5 * due[4:]
    scores = of(model, 1, 4, 4)
    np.testing.assert_allclose(scores["branch.weight"], branch, rtol=1e-5)
    np.testing.assert_allclose(scores["first.weight"], first, rtol=1e-5)


def test_a_network_without_data_of_its_kind_scores_the_same() -> None:
    model = resnet20()
    one = Saliency()(model, Data(torch.rand(1, 3, 32, 32)), progress=False)
    other = Saliency()(model, Data(10 * torch.randn(3, 3, 32, 32)), progress=False)
    assert len(one.values) == 20
    for name in one.values:
        np.testing.assert_array_equal(one[name], other[name])


class Product(nn.Module):
    def __init__(self, by: Any) -> None:
        super().__init__()
        self.first, self.head, self.by = nn.Linear(3, 3), nn.Linear(3, 2), by

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.by(self.first(x)))
        return out


def test_what_stands_still_multiplies_and_what_moves_is_refused() -> None:
    scale = torch.tensor([1.0, -2.0, 0.0])
    model = Product(lambda x: scale * x / 4)
    expected = magnitudes(model.head).sum(0) * [0.25, 0.5, 0.0]
    np.testing.assert_allclose(of(model, 3)["first.weight"], expected, rtol=1e-5)
    for by in (lambda x: x * x, lambda x: x * torch.sigmoid(x), lambda x: 1 / x):
        with pytest.raises(InputError, match="cannot follow the operation"):
            of(Product(by), 3)
