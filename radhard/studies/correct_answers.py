"""Which images does a fault-free model classify correctly?"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.workload import fault_free_outputs

__all__ = ["correct_answers"]


def correct_answers(model: nn.Module, data: Data) -> NDArray[np.bool_]:
    """For each image, whether the fault-free model predicts its label; ``(images,)``.

    A single logit is that of class 1.
    """
    assert isinstance(data.labels, Tensor)
    with torch.inference_mode():
        logits = fault_free_outputs(model, data)
    classes = (logits[:, 0] > 0).long() if logits.shape[1] == 1 else logits.argmax(1)
    correct: NDArray[np.bool_] = (classes == data.labels).numpy()
    return correct
