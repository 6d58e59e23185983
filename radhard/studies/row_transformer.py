"""Which network with attention is small enough that all its faults can be tried?"""

from pathlib import Path

from torch import Tensor, nn

from radhard.datasets import Data
from radhard.models.shipped import seeded
from radhard.studies.trained_network import TrainingRecipe, cached_network

__all__ = ["RowTransformer", "row_transformer"]

_ROWS, _WIDTH, _HEADS = 28, 16, 2


class RowTransformer(nn.Module):
    """An encoder of one layer that reads a digit row by row, ``(samples, 1, 28, 28)``."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Linear(_ROWS, _WIDTH)
        # Positions as weights of a layer, so that faults are injected into them as well.
        self.position = nn.Conv1d(_ROWS, _ROWS, 1, groups=_ROWS)
        self.encoder = nn.TransformerEncoderLayer(
            _WIDTH, _HEADS, dim_feedforward=2 * _WIDTH, dropout=0.0, batch_first=True
        )
        self.classes = nn.Linear(_WIDTH, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of the ten digits, ``(samples, 10)``."""
        rows = self.position(self.embedding(images.flatten(1, 2)))
        logits: Tensor = self.classes(self.encoder(rows).mean(1))
        return logits


def row_transformer(train: Data, *, cache: Path | None = None, seed: int = 1) -> RowTransformer:
    """The network, trained on ``train``. Args and errors: as of `cached_network`."""
    recipe = TrainingRecipe(epochs=8, weight_decay=0.01)
    return cached_network(
        "row-transformer", seeded(RowTransformer), train, recipe, cache=cache, seed=seed
    )
