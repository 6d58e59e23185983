"""Which small networks can be worked out with a pencil?"""

import torch
from torch import Tensor, nn

from radhard.datasets import Data

__all__ = ["Branching", "convolutional", "data", "inputs_of", "of_three_neurons", "tensors"]


def of_three_neurons() -> nn.Sequential:
    """Hidden neurons ``x``, ``-x`` and 2; logits ``h0 + h2`` and ``2 h1 + 1.5`` of their ReLUs."""
    model = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0], [-1.0], [0.0]]))
        model[0].bias.copy_(torch.tensor([0.0, 0.0, 2.0]))
        model[2].weight.copy_(torch.tensor([[1.0, 0.0, 1.0], [0.0, 2.0, 0.0]]))
        model[2].bias.copy_(torch.tensor([0.0, 1.5]))
    return model


def data() -> Data:
    """Two inputs that ``of_three_neurons`` puts into class 0, and one of class 1."""
    return Data(torch.tensor([[1.0], [2.0], [-1.0]]))


class Branching(nn.Module):
    """A network whose way depends on its data, so that no graph of it can be had."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.inner(x)
        return found if bool((x == x).all()) else -found


def convolutional() -> nn.Sequential:
    """Strided, grouped and plain convolutions, batch norm, pooling, two linear layers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 6, 3, groups=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(6 * 2 * 2, 5),
            nn.Sigmoid(),
            nn.Linear(5, 3),
        )
        for tensor in (model[1].running_mean, model[1].bias):
            tensor.data.normal_()
    return model.eval()


def inputs_of(samples: int = 5) -> Data:
    """Images for ``convolutional``."""
    return Data(torch.randn(samples, 1, 12, 12, generator=torch.Generator().manual_seed(4)))


def tensors(*values: list[int]) -> list[Tensor]:
    """Whole numbers as tensors."""
    return [torch.tensor(value) for value in values]
