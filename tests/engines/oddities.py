"""Which small networks do what a graph holds badly: indices, branches, weights made on the way?"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from tests.engines.batch_sizes import SAMPLES
from tests.zoo import Network

__all__ = ["NETWORKS"]


class _Image(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 3, 3), nn.Linear(12, 4)


def _pooled(pool: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 3, 3), pool, nn.Flatten(), nn.Linear(12, 4))


def adaptive_max_pool() -> nn.Module:
    return _pooled(nn.AdaptiveMaxPool2d(2))


def fractional_max_pool() -> nn.Module:
    samples = torch.full((SAMPLES, 3, 2), 0.4)
    return _pooled(nn.FractionalMaxPool2d(2, output_size=2, _random_samples=samples))


def adaptive_max_pool_1d() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(2), nn.Conv1d(2, 3, 3), nn.AdaptiveMaxPool1d(4), nn.Flatten(), nn.Linear(12, 4)
    )


def lp_pool() -> nn.Module:
    return _pooled(nn.LPPool2d(2, 2))


class Unpooled(_Image):
    """Puts the largest values back where they were."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.back = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
        self.fc = nn.Linear(48, 4)

    def forward(self, x: Tensor) -> Tensor:
        maps, where = self.pool(self.conv(x))
        return self.fc(self.back(maps, where).flatten(1))


class Where(_Image):
    """Adds up where the largest values are."""

    def forward(self, x: Tensor) -> Tensor:
        maps, where = functional.max_pool2d(self.conv(x), 2, return_indices=True)
        return self.fc((maps + where.float() / 16).flatten(1))


class Picked(_Image):
    """Goes on with the channel of the largest mean, and a code of it."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(19, 4)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv(x)
        best = maps.mean((2, 3)).argmax(1)
        own = maps[torch.arange(maps.size(0)), best].flatten(1)
        return self.fc(torch.cat([own, functional.one_hot(best, 3).float()], 1))


class Sorted(_Image):
    """The largest values in order, of which sums are made."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).flatten(1).topk(12).values.cumsum(1) / 12)


class Standardised(_Image):
    """Weights that are made on the way."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.conv.weight
        weight = (weight - weight.mean((1, 2, 3), True)) / weight.std((1, 2, 3), keepdim=True)
        maps = functional.conv2d(x, weight, self.conv.bias)
        return self.fc(functional.avg_pool2d(maps, 2).flatten(1))


class OwnWeights(_Image):
    """Weights that depend on the sample."""

    def __init__(self) -> None:
        super().__init__()
        self.make = nn.Linear(12, 48)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.max_pool2d(self.conv(x), 2).flatten(1)
        return torch.bmm(self.make(y).view(-1, 4, 12), y.unsqueeze(2)).squeeze(2)


class ValueBranch(_Image):
    """Does what the values say."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(functional.max_pool2d(self.conv(x), 2).flatten(1))
        return y * 2 if float(y.sum()) > 0 else y - 1


class Items(_Image):
    """A number goes through Python."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(functional.max_pool2d(self.conv(x), 2).flatten(1))
        return y / (1 + abs(y.max().item()))


class Lists(_Image):
    """Numbers go through a list of Python's."""

    def forward(self, x: Tensor) -> Tensor:
        y = functional.max_pool2d(self.conv(x), 2).flatten(1)
        return self.fc(torch.tensor([[max(v, 0.0) for v in row] for row in y.tolist()]))


class Arrays(_Image):
    """Numbers go through an array of numpy's."""

    def forward(self, x: Tensor) -> Tensor:
        y = functional.max_pool2d(self.conv(x), 2).flatten(1)
        return self.fc(torch.from_numpy(y.detach().numpy().clip(0)))


class Chosen(_Image):
    """Only samples that qualify go through a layer; how many do depends on the values."""

    def forward(self, x: Tensor) -> Tensor:
        y = functional.max_pool2d(self.conv(x), 2).flatten(1)
        out, some = self.fc(y), y.sum(1) > 0
        return out.masked_scatter(some.unsqueeze(1), self.fc(y[some]) * 2)


class Repeated(_Image):
    """Comes back to a layer until a value is large enough."""

    def __init__(self) -> None:
        super().__init__()
        self.again = nn.Linear(12, 12)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.max_pool2d(self.conv(x), 2).flatten(1)
        for _ in range(4):
            y = self.again(y).tanh()
            if bool((y.abs().amax() < 0.4).all()):
                break
        return self.fc(y)


class Aside(_Image):
    """A layer leaves a sum of its output behind, which is used later."""

    class Layer(nn.Module):
        """What leaves it."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(12, 12)
            self.sum: Tensor | None = None

        def forward(self, x: Tensor) -> Tensor:
            y = self.inner(x).relu()
            self.sum = y.sum(1, keepdim=True)
            return y

    def __init__(self) -> None:
        super().__init__()
        self.layer = self.Layer()

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(functional.max_pool2d(self.conv(x), 2).flatten(1))
        total, self.layer.sum = self.layer.sum, None
        return self.fc(y) + total


class Tuples(_Image):
    """A layer gives several tensors, of other types."""

    class Layer(nn.Module):
        """What gives them."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(12, 12)

        def forward(self, x: Tensor) -> Any:
            y = self.inner(x)
            return y, {"large": y > 0, "best": y.argmax(1)}

    def __init__(self) -> None:
        super().__init__()
        self.layer = self.Layer()

    def forward(self, x: Tensor) -> Tensor:
        y, more = self.layer(functional.max_pool2d(self.conv(x), 2).flatten(1))
        return self.fc(y * more["large"] + more["best"].unsqueeze(1) / 8)


class Written(_Image):
    """Writes into a part of a value."""

    def forward(self, x: Tensor) -> Tensor:
        y = functional.max_pool2d(self.conv(x), 2).flatten(1)
        y[:, 0] = 0.5
        y[:, 1:3] *= 2
        return self.fc(y)


class Precisions(_Image):
    """Comes and goes between precisions."""

    def forward(self, x: Tensor) -> Tensor:
        y = functional.max_pool2d(self.conv(x), 2).double().softmax(1).float()
        return self.fc(y.flatten(1)).to(torch.float64).to(torch.float32)


class Spectrum(_Image):
    """Complex numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.fft.rfft2(self.conv(x)).abs().flatten(1)[:, :12])


class _Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.sign()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0]


class Signs(_Image):
    """A function with a derivative of its own; its values are whole numbers."""

    def forward(self, x: Tensor) -> Tensor:
        y = functional.max_pool2d(self.conv(x), 2).flatten(1)
        return self.fc(_Sign.apply(y))


class Checkpointed(_Image):
    """A part that would be computed again in a backward pass."""

    def forward(self, x: Tensor) -> Tensor:
        y = checkpoint(self.conv, x, use_reentrant=False)
        return self.fc(functional.max_pool2d(y, 2).flatten(1))


class WithoutGradient(_Image):
    """A part under ``no_grad``."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            y = self.conv(x)
        return self.fc(functional.max_pool2d(y, 2).flatten(1))


class Resized(_Image):
    """Sizes computed from sizes."""

    def forward(self, x: Tensor) -> Tensor:
        y = functional.interpolate(self.conv(x), scale_factor=0.5, mode="bilinear")
        y = functional.pad(y, (0, y.shape[3] % 2, 0, y.shape[2] % 2))
        return self.fc(functional.unfold(y, 2, stride=2).flatten(1))


class Transposed(nn.Module):
    """An autoencoder whose decoder is a view of the weight of its encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(72, 8), nn.Linear(8, 72)
        self.decoder.weight = nn.Parameter(self.encoder.weight.t())
        self.fc = nn.Linear(72, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.tanh(self.decoder(self.encoder(x.flatten(1)))))


class OwnBuffer(_Image):
    """One buffer holds the very weight of a layer, another one a part of a weight."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("held", self.fc.weight.detach())
        self.register_buffer("part", self.conv.weight.detach()[1:])

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x).amax((2, 3)) - functional.conv2d(x, self.part).amax((1, 2, 3))[:, None]
        y = y.repeat(1, 4)
        return self.fc(y) + functional.linear(y.abs(), self.held)


def expanded() -> nn.Module:
    """A weight in which all values of a row are one word."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(72, 3), nn.ReLU(), nn.Linear(3, 4))
    model[1].weight = nn.Parameter(torch.randn(3, 1).expand(3, 72))
    return model


def normalised() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.InstanceNorm2d(4, affine=True), nn.PReLU(4),
        nn.ConvTranspose2d(4, 3, 3), nn.GroupNorm(3, 3), nn.Hardtanh(),
        nn.MaxPool2d(3), nn.Flatten(), nn.Linear(12, 4),
    )  # fmt: skip


class Pieces(nn.Module):
    """Two rows for each sample on the way, and a product with the number of samples."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.each, self.fc = nn.Linear(72, 6), nn.Linear(3, 5), nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        pieces = self.each(self.first(x.flatten(1)).view(2 * len(x), 3))
        return self.fc(pieces.view(len(x), -1) * len(x) / len(x))


def _image() -> Tensor:
    return torch.randn(SAMPLES, 2, 6, 6)


_MAKERS: list[Any] = [
    adaptive_max_pool, fractional_max_pool, adaptive_max_pool_1d, lp_pool, Unpooled, Where, Picked,
    Sorted, Standardised, OwnWeights, ValueBranch, Items, Lists, Arrays, Chosen, Repeated, Aside,
    Tuples, Written, Precisions, Spectrum, Signs, Checkpointed, WithoutGradient, Resized,
    Transposed, OwnBuffer, expanded, normalised, Pieces,
]  # fmt: skip

NETWORKS = [Network(make.__name__, make, _image) for make in _MAKERS]
