"""Which networks of the kinds that people bring are timed?"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.auto import Sentences
from benchmarks.row import Row, Size, Work
from radhard.datasets import Data
from radhard.targets import Weights

__all__ = ["BROUGHT", "Crnn", "LoopedCell", "SqueezeExcite"]


class LoopedCell(nn.Module):
    """A detector of speech in the manner of Silero's: convolutions, then a loop over `LSTMCell`."""

    def __init__(self, width: int = 64, classes: int = 4) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv1d(16, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(width, width, 3, padding=1, stride=2),
            nn.ReLU(),
        )
        self.cell = nn.LSTMCell(width, width)
        self.classifier = nn.Linear(width, classes)

    def forward(self, features: Tensor) -> Tensor:
        """Logits ``(samples, 4)`` of ``(samples, 16, frames)``."""
        frames = self.encoder(features)
        state = torch.zeros(len(frames), self.cell.hidden_size)
        memory = torch.zeros_like(state)
        for at in range(frames.shape[2]):
            state, memory = self.cell(frames[:, :, at], (state, memory))
        logits: Tensor = self.classifier(torch.relu(state))
        return logits


class Crnn(nn.Module):
    """Convolutions over an image of a line, then two bidirectional LSTM layers along it."""

    def __init__(self, width: int = 32, classes: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inside, outside in ((1, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(inside, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU()]
            layers += [nn.MaxPool2d((2, 2) if outside < 64 else (2, 1))]
        self.convolutions = nn.Sequential(*layers)
        self.recurrent = nn.LSTM(128, width, 2, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(2 * width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(samples, 10)`` of ``(samples, 1, 16, columns)``."""
        maps = self.convolutions(images)
        columns = maps.flatten(1, 2).transpose(1, 2)
        states, _ = self.recurrent(columns)
        logits: Tensor = self.classifier(states.mean(1))
        return logits


class _Squeeze(nn.Module):
    """Channels scaled by what is seen of all of them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.reduce = nn.Conv2d(channels, channels // 4, 1)
        self.expand = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """``(samples, channels, height, width)``, scaled."""
        scale = torch.relu(self.reduce(self.pool(maps)))
        scaled: Tensor = maps * torch.sigmoid(self.expand(scale))
        return scaled


class _Inverted(nn.Module):
    """A block of EfficientNet: expand, depthwise convolution, squeeze and excite, project."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        wide = 4 * inside
        self.expand = nn.Conv2d(inside, wide, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(wide)
        self.depthwise = nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False)
        self.norm2 = nn.BatchNorm2d(wide)
        self.squeeze = _Squeeze(wide)
        self.project = nn.Conv2d(wide, outside, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(outside)
        self.adds = inside == outside and stride == 1

    def forward(self, maps: Tensor) -> Tensor:
        """``(samples, channels, height, width)``."""
        inner = functional.relu6(self.norm1(self.expand(maps)))
        inner = functional.relu6(self.norm2(self.depthwise(inner)))
        inner = self.norm3(self.project(self.squeeze(inner)))
        added: Tensor = maps + inner if self.adds else inner
        return added


class SqueezeExcite(nn.Module):
    """Depthwise convolutions with squeeze and excite, in the manner of EfficientNet."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(16)
        sizes = ((16, 16, 1), (16, 24, 2), (24, 24, 1), (24, 40, 2), (40, 40, 1), (40, 80, 2))
        self.blocks = nn.Sequential(*(_Inverted(*size) for size in sizes), _Inverted(80, 80, 1))
        self.head = nn.Conv2d(80, 160, 1, bias=False)
        self.head_norm = nn.BatchNorm2d(160)
        self.classifier = nn.Linear(160, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``(samples, 10)`` of ``(samples, 3, height, width)``."""
        maps = self.blocks(functional.relu6(self.norm(self.stem(images))))
        maps = functional.relu6(self.head_norm(self.head(maps)))
        logits: Tensor = self.classifier(maps.mean((2, 3)))
        return logits


def _work(make: Callable[[], tuple[nn.Module, Tensor]]) -> Callable[[bool], Work]:
    """Random weights, normalised so that layers neither fade nor explode, and random data."""

    def work(quick: bool) -> Work:  # noqa: ARG001
        with torch.random.fork_rng([]), torch.no_grad():
            torch.manual_seed(0)
            model, inputs = make()
            norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
            for norm in norms:
                norm.momentum = 1.0
            # The statistics of these inputs.
            model.train(bool(norms))(inputs)
            model.eval()
        return Work.of(model, Data(inputs, model(inputs).argmax(1)), Weights("*"))

    return work


def _rows(name: str, words: str, make: Callable[[], tuple[nn.Module, Tensor]]) -> tuple[Row, ...]:
    work = _work(make)
    return (
        Row.default(
            name,
            f"{words}, one weight bit",
            5,
            work,
            Size(trials=1000, naive=60, repeats=5),
            Size(trials=1000, naive=25, repeats=3),
        ),
        Row.default(
            f"{name}-short",
            f"{words}, one weight bit",
            1,
            work,
            Size(trials=100, naive=60, repeats=5),
            Size(trials=100, naive=25, repeats=3),
        ),
    )


BROUGHT = (
    *_rows("cells", "Loop over `LSTMCell`", lambda: (LoopedCell(), torch.randn(50, 16, 32))),
    *_rows("crnn", "CRNN with two BiLSTM layers", lambda: (Crnn(), torch.randn(50, 1, 16, 64))),
    *_rows(
        "squeeze",
        "Depthwise with squeeze and excite, 20 images",
        lambda: (SqueezeExcite(), torch.randn(20, 3, 96, 96)),
    ),
    *_rows(
        "sentences",
        "Encoder of 6 layers, 50 sentences",
        lambda: (Sentences(), torch.randint(0, 1000, (50, 16))),
    ),
)
