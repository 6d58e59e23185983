"""What do layers receive and return during a forward pass?"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from radhard.analyses.layer import Layer
from radhard.analyses.layer_call import LayerCall
from radhard.tree import leaves
from radhard.workload import Workload

__all__ = ["layer_calls", "layer_outputs"]


@contextmanager
def layer_calls(workload: Workload, layers: Sequence[Layer]) -> Iterator[list[LayerCall]]:
    """While open, the calls of these layers in order; cleared before every pass.

    Calls whose outputs have no axis of samples are left out (`Workload.axes`). If gradients are
    enabled, outputs can be differentiated, also if the model's parameters are frozen.
    """
    axes, calls, counts = workload.axes, list[LayerCall](), Counter[str]()
    by_name = {layer.name: layer for layer in layers}

    def reset() -> None:
        calls.clear()
        counts.clear()

    def visit(name: str, args: Any, kwargs: dict[str, Any], output: Any) -> Any:
        axis = axes.get((name, counts[name]))
        counts[name] += 1
        if axis is None or not isinstance(output, Tensor):
            return output
        (_, inputs), *_ = leaves((args, kwargs))
        # A copy, as the input may be overwritten later in the pass.
        inputs = inputs.detach().clone()
        if torch.is_grad_enabled() and not output.requires_grad:
            # With frozen parameters nothing before this output is recorded, so that it is a leaf
            # that gradients can be asked of.
            output.requires_grad_()
        calls.append(LayerCall(by_name[name], inputs, output, workload.recorder.samples, axis))
        # The model continues with a copy, so that later in-place operations do not change the
        # recorded output.
        return output.clone()

    modules = {layer.name: layer.module for layer in layers}
    with workload.recorder.visiting(modules, visit, reset):
        yield calls


@contextmanager
def layer_outputs(
    workload: Workload, layers: Sequence[Layer]
) -> Iterator[dict[Layer, list[Tensor]]]:
    """While open, the outputs of these layers, call by call; cleared before every pass."""
    with workload.recorder.outputs({layer.name: layer.module for layer in layers}) as by_name:
        yield {layer: by_name[layer.name] for layer in layers}
