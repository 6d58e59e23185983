"""Which images does a fault-free model classify correctly?"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.evaluation import evaluating
from radhard.forward import plain
from radhard.workload import golden_outputs

__all__ = ["correct_answers"]

_BATCH = 100


def correct_answers(model: nn.Module, data: Data) -> NDArray[np.bool_]:
    """For each image, whether the fault-free model predicts its label; ``(images,)``."""
    assert isinstance(data.labels, Tensor)
    with evaluating(model), torch.inference_mode():
        logits = golden_outputs(model, data, plain, _BATCH)
    found: NDArray[np.bool_] = (logits.argmax(1) == data.labels).numpy()
    return found
