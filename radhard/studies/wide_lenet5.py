"""How is LeNet-5 with 20 and 50 filters trained and cached?"""

from functools import partial
from pathlib import Path

from torch import nn

from radhard.datasets import Data
from radhard.models.lenet5 import lenet5_layers
from radhard.models.shipped import seeded
from radhard.studies.trained_network import TrainingRecipe, cached_network

__all__ = ["trained_wide_lenet5", "wide_lenet5"]

RECIPE = TrainingRecipe(epochs=16, weight_decay=0.01)


def wide_lenet5() -> nn.Sequential:
    """LeNet-5 with 20 and 50 unpadded 5x5 filters; 132,704 parameters.

    The network of (Neggaz et al., "A Reliability Study on CNNs for Critical Embedded Systems"),
    which does not state the sizes of its three linear layers: they have 120, 84 and 10 outputs, as
    in (LeCun et al., Proc. IEEE 1998). The weights are random, the same ones each time. Takes
    ``(samples, 1, 28, 28)``, gives logits ``(samples, 10)``.

    >>> sum(parameter.numel() for parameter in wide_lenet5().parameters())
    132704
    """
    return seeded(partial(lenet5_layers, (20, 50), padding=0))


def trained_wide_lenet5(train: Data, *, cache: Path | None = None, seed: int = 1) -> nn.Sequential:
    """The network, trained on images ``(samples, 1, 28, 28)``; half a minute if it is not cached.

    Args and errors: as of `cached_network`.
    """
    return cached_network("wide-lenet5", wide_lenet5(), train, RECIPE, cache=cache, seed=seed)
