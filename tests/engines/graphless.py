"""Which networks have no graph from torch.export, or none at all?"""

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

__all__ = ["Borrowing", "Descending", "Fickle", "Forgetful", "Opaque", "Revisiting", "Writing"]


class _Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(inplace=True)
        )
        self.second = nn.Conv2d(3, 3, 3)
        self.last = nn.Linear(48, 4)


class Fickle(_Small):
    """What it does depends on what it sees."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        x = self.second(x) if float(x.sum()) > 30 else self.second(-x)
        return self.last(x.flatten(1))


class Descending(_Small):
    """It takes a step along a gradient, which an output that was recorded does not have."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            seen = x.detach().requires_grad_()
            energy = self.second(self.first(seen)).square().sum()
            (slope,) = torch.autograd.grad(energy, seen)
        x = self.second(self.first(x - 0.1 * slope))
        return self.last(x.flatten(1)).detach()


@fx.wrap
def _turned(x: Tensor) -> Tensor:
    return x if float(x.sum()) > 0 else -x


class Opaque(_Small):
    """What depends on what is seen is a function that torch.fx does not look into."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.drop, self.gate = nn.MaxPool2d(2, 1, 1), nn.Dropout(), nn.Softplus()

    def forward(self, x: Tensor) -> Tensor:
        x = _turned(self.first(x))
        y = torch.relu(self.gate(self.second(x)))
        y = y + self.second(x).abs() * y
        return self.last(torch.flatten(self.drop(self.pool(y)[:, :, :4, :4]), 1))


class Writing(_Small):
    """Writes into what it still needs, beside looking at values."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(x[:, :1].expand(-1, 3, -1, -1))
        z = functional.relu(y, inplace=True)
        return self.last((y + z).flatten(1)) * (1 if float(z.sum()) > 0 else 2)


class Forgetful(_Small):
    """A module leaves something behind that another finds later."""

    def forward(self, x: Tensor) -> Tensor:
        self.first(x)
        scale = self.first[0].weight.abs().sum() + self.kept
        return self.last(self.second(x[:, :1].expand(-1, 3, -1, -1)).flatten(1)) * float(scale)

    def __init__(self) -> None:
        super().__init__()
        self.kept: Tensor | float = 0.0
        self.first.forward = self._first  # type: ignore[method-assign]

    def _first(self, x: Tensor) -> Tensor:
        self.kept = x.abs().sum()
        return x


class Borrowing(_Small):
    """Uses a layer's weight before the layer is called."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(functional.conv2d(x, self.second.weight[:2, :2], padding=1))
        x = self.second(x) if float(x.sum()) > 0 else self.second(-x)
        return self.last(x.flatten(1))


class _Half(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) * 0.5


class Revisiting(nn.Module):
    """Comes to one layer again and again, within others and alone."""

    def __init__(self) -> None:
        super().__init__()
        shared = nn.Linear(72, 72)
        self.one, self.two, self.shared = _Half(shared), _Half(shared), shared
        self.last = nn.Linear(72, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x.flatten(1))
        x = self.two(x if float(x.sum()) > 0 else -x)
        return self.last(self.shared(x))
