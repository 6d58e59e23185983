"""The network and data that every hardening is tried on."""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from radhard.datasets import Data

__all__ = ["Residual", "network", "samples"]


class Residual(nn.Module):
    """A convolution with norm and a way around it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.relu(inputs + self.norm(self.conv(inputs)))


def network() -> nn.Sequential:
    """A small residual classifier, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(1, 8, 3, padding=1),
                relu1=nn.ReLU(),
                pool=nn.MaxPool2d(2),
                block=Residual(8),
                flatten=nn.Flatten(),
                fc1=nn.Linear(8 * 3 * 3, 12),
                relu2=nn.ReLU(),
                fc2=nn.Linear(12, 3),
            )
        )
    return model.eval()


def samples(n: int = 24) -> Data:
    """Noise, labelled as the network answers."""
    inputs = torch.randn(n, 1, 6, 6, generator=torch.Generator().manual_seed(5))
    return Data(inputs, network()(inputs).argmax(1).detach())
