"""Which small networks ask in Python how large their batch is, or mix its samples?"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.zoo import Network

__all__ = ["NETWORKS", "SAMPLES"]

SAMPLES = 5


class _Image(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(2, 3, 3), nn.Linear(48, 4)

    def maps(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(x))


class LenView(_Image):
    """Flattens by the length of the batch."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.maps(x).view(len(x), -1))


class IntView(_Image):
    """Flattens by a size that is made an integer of Python's."""

    def forward(self, x: Tensor) -> Tensor:
        maps = self.maps(x)
        return self.fc(maps.reshape(int(x.shape[0]), int(maps.numel() / int(x.shape[0]))))


class LenZeros(_Image):
    """Appends columns that are made for as many samples as there are."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(50, 4)

    def forward(self, x: Tensor) -> Tensor:
        extra = torch.zeros(len(x), 2) + torch.ones([len(x), 1])
        return self.fc(torch.cat([self.maps(x).flatten(1), extra], 1))


class Unrolled(_Image):
    """Takes one sample after another."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.fc(self.maps(x[n : n + 1]).flatten()) for n in range(len(x))])


class Iterated(_Image):
    """Iterates over the samples."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.fc(self.maps(one).flatten()) for one in x])


class SmallBatches(_Image):
    """Does something else where there are few samples."""

    def forward(self, x: Tensor) -> Tensor:
        maps = self.maps(x)
        return self.fc(maps.flatten(1)) * (2.0 if len(x) > 3 else -1.0)


class Divided(_Image):
    """Divides by the number of samples, as a mean over the batch does."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.maps(x).flatten(1)) / len(x) - x.size(0) / 100


class Centred(_Image):
    """Takes the mean of the batch away."""

    def forward(self, x: Tensor) -> Tensor:
        maps = self.maps(x)
        return self.fc((maps - maps.mean(0)).flatten(1))


class ShareOfBatch(_Image):
    """A softmax over the samples, not the classes."""

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.maps(x).flatten(1)).softmax(0)


class BatchNorm(_Image):
    """Normalises by the statistics of the batch, also in evaluation mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.relu(self.norm(self.conv(x))).flatten(1))


class Neighbours(_Image):
    """Adds to each sample a little of the one before it."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(self.maps(x).flatten(1))
        return y + 0.5 * torch.cat([y[:1], y[:-1]])


class Halved(_Image):
    """Takes the batch in two parts."""

    def forward(self, x: Tensor) -> Tensor:
        some = len(x) // 2
        parts = [self.maps(part).flatten(1) for part in (x[:some], x[some:]) if len(part)]
        return self.fc(torch.cat(parts))


class BatchAttention(nn.Module):
    """Attention between samples: as many keys as there are samples."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = nn.Linear(6, 5), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        return self.fc((y @ y.t()).softmax(1) @ y)


class Steps(nn.Module):
    """Time steps and samples on one axis, and apart again."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = nn.Linear(6, 5), nn.Linear(20, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x.reshape(-1, 6)).relu()
        return self.fc(y.view(len(x), -1))


class OwnStates(nn.Module):
    """Recurrent layers that are given states to begin with."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.fc = nn.LSTM(6, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        start = torch.zeros(1, len(x), 4), torch.ones(1, len(x), 4)
        return self.fc(self.rnn(x, start)[0][:, -1])


class Cells(nn.Module):
    """A cell of a recurrent layer, step after step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.fc = nn.GRUCell(6, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(x.size(0), 4)
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
        return self.fc(state)


class Positions(nn.Module):
    """Adds a vector for every position, as transformers do; with a token in front."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Parameter(torch.randn(1, 1, 6))
        self.places, self.fc = nn.Embedding(8, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.first.expand(len(x), -1, -1), x], 1)
        x = x + self.places(torch.arange(x.shape[1]))
        mask = torch.ones(x.shape[1], x.shape[1]).tril().bool()
        return self.fc(functional.scaled_dot_product_attention(x, x, x, attn_mask=mask)[:, 0])


class LastStep(nn.Module):
    """Picks one step a sample, by numbers that it makes."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.fc = nn.GRU(6, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.rnn(x)
        last = torch.full((len(x),), x.shape[1] - 1)
        return self.fc(states[torch.arange(len(x)), last])


def _image() -> Tensor:
    return torch.randn(SAMPLES, 2, 6, 6)


def _row() -> Tensor:
    return torch.randn(SAMPLES, 6)


def _sequence() -> Tensor:
    return torch.randn(SAMPLES, 4, 6)


_IMAGES = [LenView, IntView, LenZeros, Unrolled, Iterated, SmallBatches, Divided, Centred]
_IMAGES += [ShareOfBatch, BatchNorm, Neighbours, Halved]
_SEQUENCES = [Steps, OwnStates, Cells, Positions, LastStep]

NETWORKS = [
    *(Network(make.__name__, make, _image) for make in _IMAGES),
    *(Network(make.__name__, make, _sequence) for make in _SEQUENCES),
    Network("BatchAttention", BatchAttention, _row),
]
