"""What are the networks of the zoo made of?"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


class Residual(nn.Module):
    """Convolutions with batch normalisation and a way round them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.relu, self.fc = nn.ReLU(inplace=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(x + self.bn2(self.conv2(x)))
        return self.fc(x.mean((2, 3)))


def convolutions() -> nn.Module:
    """Grouped, depthwise, strided, dilated and transposed convolutions."""
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.GroupNorm(2, 4),
        nn.Conv2d(4, 4, 3, stride=2, padding=2, dilation=2),
        nn.MaxPool2d(2, stride=1),
        nn.ConvTranspose2d(4, 2, 2),
        nn.Flatten(),
        nn.Linear(18, 3),
    )


def layer_norm() -> nn.Module:
    """Layers normalised one by one."""
    return nn.Sequential(nn.Linear(6, 5), nn.LayerNorm(5), nn.GELU(), nn.Linear(5, 3))


def dropout() -> nn.Module:
    """Random in training mode."""
    return nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Dropout(), nn.Linear(5, 3))


def encoder() -> nn.Module:
    """A transformer layer, which has a fused kernel of its own in evaluation mode."""
    layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)
    return nn.Sequential(layer, nn.Flatten(), nn.Linear(30, 3))


class Attention(nn.Module):
    """Multi-head attention, whose output is a tuple."""

    def __init__(self, *, batch_first: bool) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.attention = nn.MultiheadAttention(6, 2, batch_first=batch_first)
        self.fc = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x if self.batch_first else x.transpose(0, 1)
        y, weights = self.attention(x, x, x)
        return (
            self.fc(y.mean(1 if self.batch_first else 0)) + weights.mean((1, 2), keepdim=True)[:, 0]
        )


class Embedded(nn.Module):
    """Words, given as whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.fc = nn.Embedding(7, 4), nn.Linear(4, 3)

    def forward(self, words: Tensor) -> Tensor:
        return self.fc(self.embedding(words).mean(1))


class Recurrent(nn.Module):
    """A recurrent layer of two layers, judged by its sequence and by its last states."""

    def __init__(self, kind: type[nn.LSTM] | type[nn.GRU], *, batch_first: bool) -> None:
        super().__init__()
        self.batch_first = batch_first
        self.rnn = kind(6, 4, num_layers=2, batch_first=batch_first)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        sequence, states = self.rnn(x if self.batch_first else x.transpose(0, 1))
        states = states if isinstance(states, tuple) else (states,)
        last = sequence.mean(1 if self.batch_first else 0)
        return self.fc(last + sum(state.sum(0) for state in states))


class Concatenation(nn.Module):
    """Two ways side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.fc = nn.Linear(6, 2), nn.Linear(6, 3), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.cat([self.left(x), self.right(x)], dim=1))


class Twice(nn.Module):
    """A layer and a module that are called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.tanh = nn.Linear(6, 6), nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        return self.tanh(self.fc(self.tanh(self.fc(x))))


class Looped(nn.Module):
    """A cell that is called in every time step, with gates that are parts of one sum."""

    def __init__(self) -> None:
        super().__init__()
        self.input, self.recurrent = nn.Linear(6, 12), nn.Linear(4, 12)
        self.conv, self.fc = nn.Conv1d(4, 3, 2, padding=1, stride=2, dilation=2), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = c = x.new_zeros(x.shape[0], 4)
        states = []
        for step in range(3):
            levels, keep, new = (self.input(x[:, step]) + self.recurrent(h)).split([2, 4, 6], 1)
            master = levels.softmax(dim=1).cumsum(dim=1).flip(1).repeat_interleave(2, dim=1)
            write, show = new.chunk(2, dim=-1)
            c = torch.sigmoid(keep) * master * c + (2 - master) * torch.tanh(write).sum(1)[:, None]
            h = torch.tanh(c) * torch.sigmoid(show).mean(1)[:, None]
            states.append(h)
        lines = self.conv(torch.stack([torch.zeros_like(h), *states, h], dim=2))
        return self.fc(torch.cat([lines.flatten(1), h[:, :3]], dim=1))


class Tied(nn.Module):
    """An embedding whose weight is that of the last layer too."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(7, 4), nn.Linear(4, 7, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, words: Tensor) -> Tensor:
        return self.head(self.embedding(words).mean(1))


class Halves(nn.Module):
    """Gives a mapping."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        left, right = self.fc(x).chunk(2, dim=1)
        return {"left": left.contiguous(), "right": right.exp()}


class DictOutput(nn.Module):
    """Gives a mapping of which one entry is the logits."""

    def __init__(self) -> None:
        super().__init__()
        self.halves, self.fc = Halves(), nn.Linear(2, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        halves = self.halves(x)
        return {"logits": self.fc(halves["left"] + halves["right"]), "hidden": halves["left"]}


@dataclass(frozen=True)
class Answer:
    """What `DataclassOutput` gives."""

    logits: Tensor
    hidden: Tensor
    note: str = ""


class DataclassOutput(nn.Module):
    """Gives a dataclass."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Answer:
        hidden = self.body(x)
        return Answer(self.fc(hidden), hidden, "fine")


class Flat(nn.Module):
    """Parameters that are views of one buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.fc = nn.Linear(6, 5), nn.Linear(5, 3)
        parameters = list(self.parameters())
        buffer = torch.cat([parameter.detach().flatten() for parameter in parameters])
        for parameter, part in zip(
            parameters, buffer.split([p.numel() for p in parameters]), strict=True
        ):
            parameter.data = part.view(parameter.shape)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.body(x).relu())


class Transposed(nn.Module):
    """Parameters that are not contiguous: a transposed one, and every second word of another."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 3).t())
        self.bias = nn.Parameter(torch.randn(6)[::2])

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight, self.bias)


class Scalar(nn.Module):
    """A parameter without axes."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.temperature = nn.Linear(6, 3), nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x) / self.temperature


class TwoInputs(nn.Module):
    """Two arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(6, 3), nn.Linear(6, 3)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.left(x) - self.right(y)
