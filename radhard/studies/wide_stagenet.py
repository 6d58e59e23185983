"""How is StageNet with 384 cells trained and cached?"""

from pathlib import Path

from torch import nn

from radhard.datasets import Data
from radhard.models import stagenet
from radhard.studies.trained_network import TrainingRecipe, cached_network

__all__ = ["trained_wide_stagenet"]

RECIPE = TrainingRecipe(epochs=2, weight_decay=0.05, learning_rate=1e-3)


def trained_wide_stagenet(
    convolution: bool, train: Data, *, cache: Path | None = None, seed: int = 1
) -> nn.Module:
    """StageNet with 384 cells, trained on visits ``(samples, steps, inputs + 1)``.

    Its weights take 3 to 5 MB, so that they do not come with the package; training takes about ten
    seconds on one core if they are not cached. On ``radhard.datasets.cohort()``, 75.0 % of the 599
    test samples without and 75.3 % with the convolution module are right, with areas under the ROC
    curve of 0.795. Args and errors: as of `cached_network`.
    """
    name = "stagenet-conv384" if convolution else "stagenet384"
    inputs = train.inputs.shape[2] - 1
    model = stagenet(cells=384, convolution=convolution, inputs=inputs, pretrained=False)
    return cached_network(name, model, train, RECIPE, cache=cache, seed=seed)
