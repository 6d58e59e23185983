"""How does seu-injection-framework 1.3.0 inject weight faults?"""

import copy
import io
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers.task import Fault, Task

with redirect_stdout(io.StringIO()):
    from seu_injection import StochasticSEUInjector  # type: ignore[import-not-found]

__all__ = ["Seu"]


class Seu:
    """One call for each bit flips it in a share of the words of all layers, one after another.

    It draws the words itself, at least one of each parameter, so that its faults are not ours.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        with redirect_stdout(io.StringIO()):
            self.tool = StochasticSEUInjector(
                copy.deepcopy(task.model), _unchanged, device="cpu", x=task.inputs, y=task.golden
            )

    def run(self, faults: Sequence[Fault]) -> int:
        """About as many faults as given, in one call."""
        words = sum(parameter.numel() for parameter in self.task.model.parameters())
        # What it prints is thrown away, as a slow terminal is not the tool's fault.
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            bit = 31 - faults[0].bit  # it counts from the sign
            results = self.tool.run_injector(bit_i=bit, p=len(faults) / words)
        return len(results["criterion_score"])


def _unchanged(model: nn.Module, inputs: Tensor, golden: Tensor, device: Any) -> float:  # noqa: ARG001
    with torch.no_grad():
        return float((model(inputs).argmax(1) == golden).float().mean())
