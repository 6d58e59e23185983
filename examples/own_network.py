"""A network and data of one's own, as `radhard` takes them: two functions in a file.

    radhard run examples/own_network.py:build --data examples/own_network.py:test_set \\
        --call examples/own_network.py:logits --target "Weights('encoder*')"

The network reads a digit of 8x8 pixels row by row with self-attention, and returns a dictionary;
the function `logits` says which part of it holds the logits.
"""

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn


class RowReader(nn.Module):
    """Eight rows of pixels as eight tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 32)
        self.position = nn.Parameter(torch.randn(8, 32) * 0.1)
        self.encoder = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True)
        self.head = nn.Linear(32, 10)

    def forward(self, pixels: Tensor) -> dict[str, Tensor]:
        rows = self.encoder(self.embed(pixels) + self.position)
        return {"logits": self.head(rows.mean(dim=1)), "rows": rows}


def logits(model: nn.Module, batch: Tensor) -> Tensor:
    """Where the logits are in what the model returns."""
    found: Tensor = model(batch)["logits"]
    return found


def build() -> nn.Module:
    """The network, trained for some seconds; the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model, (pixels, digits) = RowReader(), _digits("train")
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(12):
            for batch in torch.randperm(len(pixels)).split(64):
                optimizer.zero_grad()
                nn.functional.cross_entropy(logits(model, pixels[batch]), digits[batch]).backward()
                optimizer.step()
    return model.eval()


def test_set() -> tuple[Tensor, Tensor]:
    """Inputs and labels that the training has not seen."""
    pixels, digits = _digits("test")
    return pixels[:100], digits[:100]


def _digits(split: str) -> tuple[Tensor, Tensor]:
    bunch = load_digits()
    pixels = torch.tensor(bunch.images, dtype=torch.float32) / 16
    digits = torch.tensor(bunch.target)
    chosen = torch.arange(len(digits)) % 5 == 0
    chosen = chosen if split == "test" else ~chosen
    return pixels[chosen], digits[chosen]
