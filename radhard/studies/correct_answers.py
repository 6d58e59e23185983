"""Which images does a fault-free model classify correctly?"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.workload import fault_free_outputs

__all__ = ["correct_answers"]


def correct_answers(model: nn.Module, data: Data) -> NDArray[np.bool_]:
    """For each image, whether the fault-free model predicts its label; ``(images,)``."""
    assert isinstance(data.labels, Tensor)
    with torch.inference_mode():
        logits = fault_free_outputs(model, data)
    correct: NDArray[np.bool_] = (logits.argmax(1) == data.labels).numpy()
    return correct
