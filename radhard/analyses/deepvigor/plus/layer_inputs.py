"""What are the inputs of each layer, and which layers can be analyzed?"""

from typing import Any

import torch
from torch import Tensor

from radhard.analyses.layer import Layer
from radhard.analyses.layers import torch_layers
from radhard.workload import Workload
from radhard.workload.hooks import module_hooks

__all__ = ["given"]


def given(workload: Workload) -> tuple[dict[Layer, Tensor], dict[str, str]]:
    """The inputs of layers for all samples; and, by name, the reasons for layers left out."""
    layers = {layer.name: layer for layer in torch_layers(workload)}
    heard: dict[str, list[Tensor]] = {name: [] for name in layers}

    def hear(name: str, args: Any, kwargs: Any) -> None:  # noqa: ARG001
        # A copy, as a later operation may write into the same memory in place.
        heard[name].append(args[0].detach().clone())

    modules = {name: layer.module for name, layer in layers.items()}
    passes = 0
    with torch.no_grad(), module_hooks(modules, before=hear):
        for _, inputs in workload.batches():
            workload.forward(inputs)
            passes += 1
    inputs_of, left_out = {}, {}
    for name, parts in heard.items():
        if len(parts) != passes:
            left_out[name] = f"called {len(parts) / passes:g} times in a pass"
            continue
        inputs = torch.cat(parts)
        # Concatenated batches have one row per sample only if the samples are in front.
        if len(inputs) != len(workload.data):
            left_out[name] = "the samples are not on the first axis of what it is given"
            continue
        inputs_of[layers[name]] = inputs
    return inputs_of, left_out
