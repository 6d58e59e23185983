"""What are the inputs of each layer, and which layers can be analyzed?"""

from typing import Any

import torch
from torch import Tensor, nn

from radhard.analyses.layer import Layer
from radhard.analyses.layers import torch_layers
from radhard.workload import Workload

__all__ = ["given"]


def given(workload: Workload) -> tuple[dict[Layer, Tensor], dict[str, str]]:
    """The inputs of layers for all samples; and, by name, the reasons for layers left out."""
    heard: dict[Layer, list[Tensor]] = {layer: [] for layer in torch_layers(workload)}
    calls = dict.fromkeys(torch_layers(workload), 0)

    def hook(layer: Layer) -> Any:
        def hear(module: nn.Module, args: Any) -> None:  # noqa: ARG001
            calls[layer] += 1
            # A copy, as a later operation may write into the same memory in place.
            heard[layer].append(args[0].detach().clone())

        return hear

    handles = [
        layer.module.register_forward_pre_hook(hook(layer)) for layer in torch_layers(workload)
    ]
    passes = 0
    try:
        with torch.no_grad():
            for _, inputs in workload.batches():
                workload.forward(inputs)
                passes += 1
    finally:
        for handle in handles:
            handle.remove()
    inputs_of, left_out = {}, {}
    for layer, parts in heard.items():
        if calls[layer] != passes:
            left_out[layer.name] = f"called {calls[layer] / passes:g} times in a pass"
            continue
        inputs = torch.cat(parts)
        # Concatenated batches have one row per sample only if the samples are in front.
        if len(inputs) != len(workload.data):
            left_out[layer.name] = "the samples are not on the first axis of what it is given"
            continue
        inputs_of[layer] = inputs
    return inputs_of, left_out
