"""How many samples does every fault of a small network harm, by injecting all of them?"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from radhard.caps import Caps, CapTable
from radhard.datasets import Data
from radhard.faults import BitFlip
from radhard.formats import Float32
from radhard.space import FaultSpace
from radhard.targets import Biases, Target, Weights
from radhard.workload import Workload

__all__ = [
    "Residual",
    "bump",
    "caps_of",
    "cnn",
    "every_flip",
    "flips_of_layers",
    "samples",
    "true_harm",
]


class Residual(nn.Module):
    """A block with a sum and a change of the number of channels, by a slice and zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        wider = nn.functional.pad(x, (0, 0, 0, 0, 0, 1))
        return nn.functional.relu(self.norm(self.conv(x)) + wider)


def cnn(seed: int = 0) -> nn.Sequential:
    """Convolutions, normalization, ReLU, max-pooling, a sum, an average: 101 words to inject."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1),
            nn.BatchNorm2d(2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            Residual(),
            nn.MaxPool2d(2, 1),
            nn.Hardtanh(-0.5, 3.0),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(3, 4),
            nn.LeakyReLU(0.1),
            nn.Linear(4, 3),
        )
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.running_mean)
                nn.init.uniform_(module.running_var, 0.3, 2.0)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias)
        return model.eval()


def samples(seed: int = 1, count: int = 6) -> Data:
    """Maps of 5 x 5 numbers of either sign, with some zeros."""
    chance = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 1, 5, 5, generator=chance)
    return Data(inputs * (torch.rand(inputs.shape, generator=chance) > 0.2))


def bump(*, convolution: bool) -> tuple[nn.Sequential, Data]:
    """A margin that falls below 0 and rises again while a weight of the first layer grows.

    With the hidden value h the margin is ``1.5 - 2 relu(h - 1) + 4 relu(h - 2)``: for h from 0.5
    to 2.5 it is 0.5 at the end, but below 0 at 2, where a flip of bit 24 takes it.
    """
    if convolution:
        first: nn.Module = nn.Conv2d(1, 1, 1)
        second: nn.Module = nn.Conv2d(1, 2, 1)
    else:
        first, second = nn.Linear(1, 1), nn.Linear(1, 2)
    third = nn.Linear(2, 2)
    with torch.no_grad():
        for layer, weights, biases in (
            (first, [0.125], [0.0]),
            (second, [1.0, 1.0], [-1.0, -2.0]),
            (third, [-2.0, 4.0, 0.0, 0.0], [1.5, 0.0]),
        ):
            weight, bias = layer.weight, layer.bias
            assert isinstance(weight, Tensor)
            assert isinstance(bias, Tensor)
            weight.copy_(torch.tensor(weights).reshape(weight.shape))
            bias.copy_(torch.tensor(biases))
    model = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), third).eval()
    inputs = torch.tensor([2.0, 4.0, 5.0])
    return model, Data(inputs.reshape(3, 1, 1, 1) if convolution else inputs.reshape(3, 1))


def every_flip(model: nn.Module, *targets: Target) -> FaultSpace:
    """All flips of the weights and biases, or of the given targets."""
    return FaultSpace.of(model, targets or (Weights("*"), Biases("*")), BitFlip(), Float32())


LAYERS = ("0", "4.conv", "9", "11")
"""The layers of `cnn` that have caps."""


def flips_of_layers(model: nn.Module) -> FaultSpace:
    """All flips of the layers of `cnn` that have caps."""
    return every_flip(model, *(kind(f"{name}.*") for kind in (Weights, Biases) for name in LAYERS))


def true_harm(model: nn.Module, data: Data, space: FaultSpace) -> npt.NDArray[np.float64]:
    """The share of the samples with another prediction or NaN, for every fault of the space."""
    tensors = dict(model.named_parameters())
    masks = (1 << torch.arange(32)).to(torch.int32)
    with torch.no_grad():
        golden = model(data.inputs).argmax(1)
        found = []
        for region in space.regions:
            words = tensors[region.site.name].view(-1)
            for word in range(len(words)):
                before = words[word].clone()
                for faulty in (before.view(torch.int32) ^ masks).view(torch.float32):
                    words[word] = faulty
                    outputs = model(data.inputs)
                    wrong = (outputs.argmax(1) != golden) | outputs.isnan().any(1)
                    found.append(float(wrong.float().mean()))
                words[word] = before
    return np.array(found)


def caps_of(source: Caps, model: nn.Module, data: Data, space: FaultSpace) -> CapTable:
    """The caps of a model's faults."""
    workload = Workload.of(model, data)
    with workload.open():
        found = source.find(workload, space)
    assert isinstance(found, CapTable)
    return found
