"""How does pytorchfi 0.6.0 inject a weight fault?"""

import copy
from collections.abc import Sequence

import numpy as np
import torch
from pytorchfi.core import fault_injection  # type: ignore[import-not-found]
from torch import Tensor, nn

from benchmarks.peers.task import Fault, Task

__all__ = ["Pytorchfi"]


class Pytorchfi:
    """``declare_weight_fi`` with one's own function: a copy of the model that has the fault."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.tool = fault_injection(
            copy.deepcopy(task.model),
            len(task.inputs),
            input_shape=list(task.inputs.shape[1:]),
            layer_types=[nn.Conv2d, nn.Linear],
        )
        self.numbers = {layer: number for number, layer in enumerate(task.layers)}
        self.shapes = {
            layer: tuple(task.model.get_parameter(f"{layer}.weight").shape) for layer in task.layers
        }

    def run(self, faults: Sequence[Fault]) -> list[int]:
        """Fault by fault, a copy of the model each."""
        found = []
        for fault in faults:
            where = [int(at) for at in np.unravel_index(fault.word, self.shapes[fault.layer])]
            k, dim1, dim2, dim3 = [*where, None, None][:4]

            def flip(weight: Tensor, at: tuple[int, ...], mask: int = 1 << fault.bit) -> float:
                word = np.float32(weight[at].item()).view(np.uint32) ^ np.uint32(mask)
                return float(word.view(np.float32))

            model = self.tool.declare_weight_fi(
                function=flip,
                layer_num=[self.numbers[fault.layer]],
                k=[k],
                dim1=[dim1],
                dim2=[dim2],
                dim3=[dim3],
            )
            with torch.no_grad():
                top = model(self.task.inputs).argmax(1)
            found.append(int((top != self.task.golden).sum()))
        return found
