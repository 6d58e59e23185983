"""How does torchei 1.0.0 inject weight faults?"""

import copy
import io
from collections.abc import Sequence
from contextlib import redirect_stderr

import torch
import torchei  # type: ignore[import-not-found]
from torch import Tensor, nn

from benchmarks.peers.task import Fault, Task

__all__ = ["Torchei"]


class Torchei:
    """``layer_single_attack`` flips one random bit of one random word of each layer in turn.

    It draws the faults itself, as many in a small layer as in a large one. The top classes are
    asked for in one step, as its own function for that goes image by image.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        layers = [["weight"], [f"{layer}." for layer in task.layers], ["bn"], 2]
        self.tool = torchei.fault_model(
            copy.deepcopy(task.model),
            task.inputs.unsqueeze(0),
            infer_func=_top,
            layer_filter=layers,
            to_cuda=False,
        )

    def run(self, faults: Sequence[Fault]) -> int:
        """About as many faults as given: a whole number for each layer."""
        layers = len(self.tool.get_selected_keys())
        each = max(1, round(len(faults) / layers))
        with redirect_stderr(io.StringIO()):
            self.tool.layer_single_attack(each)
        return each * layers


@torch.no_grad()
def _top(model: nn.Module, batches: Tensor) -> Tensor:
    return torch.cat([model(batch).argmax(1) for batch in batches])
