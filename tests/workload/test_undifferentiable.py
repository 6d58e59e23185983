"""What is said of models that autograd refuses to differentiate?"""

import pytest
import torch
from torch import Tensor, nn

from radhard.analyses import DeepVigor, Gradient, Statistical, WeightSensitivity
from radhard.datasets import Data
from radhard.errors import InputError
from radhard.workload.undifferentiable import undifferentiable

DATA = Data(torch.randn(6, 4, generator=torch.Generator().manual_seed(1)), torch.arange(6) % 3)


class Writing(nn.Module):
    """Writes to a value that the gradient of its first layer needs."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(4, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.first(x)).add_(1))


class WritingToWeights(Writing):
    def forward(self, x: Tensor) -> Tensor:
        self.first.weight.mul_(1)
        return self.last(self.first(x))


class Leaving(Writing):
    """Computes a part of itself outside torch."""

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.from_numpy(self.first(x).numpy()))


@pytest.mark.parametrize(
    ("model", "analysis", "match"),
    [
        (Writing, Gradient, "modified by an inplace"),
        (Writing, Statistical, "modified by an inplace"),
        (Writing, WeightSensitivity, "modified by an inplace"),
        (WritingToWeights, Gradient, "in-place operation"),
        (Leaving, Gradient, "numpy"),
        (Leaving, DeepVigor, "numpy"),
    ],
)
def test_an_analysis_says_in_one_line_why_it_is_not_possible(model, analysis, match) -> None:
    with pytest.raises(InputError, match=match) as caught:
        analysis()(model().eval(), DATA, progress=False)
    assert "\n" not in str(caught.value)
    assert "cannot be differentiated" in str(caught.value)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), undifferentiable():
        torch.zeros(2, 3) @ torch.zeros(2, 3)
