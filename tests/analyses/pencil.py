"""What do gradients come to, sample by sample and class by class?"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from radhard.datasets import Data
from radhard.forward import Forward, plain
from radhard.tree import changed, leaves

__all__ = ["linear", "of_outputs", "of_weights", "one_by_one", "small"]


def linear(weight: list[list[float]], bias: list[float] | None = None) -> nn.Linear:
    """A linear layer with these numbers."""
    layer = nn.Linear(len(weight[0]), len(weight), bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(weight))
        if bias is not None:
            layer.bias.copy_(torch.tensor(bias))
    return layer


def small() -> nn.Sequential:
    """Two inputs, two hidden neurons, three classes; for (2, 1) the logits are 2, 1 and -1."""
    return nn.Sequential(
        linear([[1.0, -1.0], [2.0, 1.0]]),
        nn.ReLU(),
        linear([[2.0, 0.0], [1.0, 0.0], [-1.0, 0.0]]),
    )


def one_by_one(inputs: Any) -> Iterator[Any]:
    """Every sample as a batch of its own."""
    for at in range(len(Data(inputs))):
        sample = inputs
        for path, _ in leaves(inputs):
            sample = changed(sample, path, lambda t: t[at : at + 1])  # noqa: B023
        yield sample


def _differences(logits: Tensor, guard: float) -> Iterator[Tensor]:
    (row,) = logits
    answer = int(row.argmax())
    for other in range(len(row)):
        if other != answer:
            margin = max(abs(float((row[other] - row[answer]).detach())), guard)
            yield (row[other] - row[answer]) / margin


def of_weights(
    model: nn.Module, inputs: Any, name: str, *, call: Forward = plain, guard: float = 1e-3
) -> Tensor:
    """Eq. 5.5 by autograd: scores of a weight's channels."""
    weight = dict(model.named_parameters())[name].requires_grad_()
    total = torch.zeros(len(weight), dtype=torch.float64)
    for sample in one_by_one(inputs):
        for difference in _differences(call(model, sample), guard):
            (gradient,) = torch.autograd.grad(difference, weight, retain_graph=True)
            total += gradient.double().square().flatten(1).sum(1)
    return total / len(Data(inputs))


def of_outputs(
    model: nn.Module, inputs: Any, layer: str, *, call: Forward = plain, guard: float = 1e-3
) -> tuple[Tensor, Tensor]:
    """Gain and modified gain by autograd: scores of a layer's channels."""
    module = model.get_submodule(layer)
    axis = -1 if isinstance(module, nn.Linear) else 1
    gain, modified = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for sample in one_by_one(inputs):
        deviations: list[Tensor] = []

        def deviate(_: nn.Module, args: Any, output: Tensor) -> Tensor:
            deviations.append(torch.zeros_like(output, requires_grad=True))  # noqa: B023
            return output + deviations[-1]  # noqa: B023

        handle = module.register_forward_hook(deviate)
        logits = call(model, sample)
        handle.remove()
        for difference in _differences(logits, guard):
            found = torch.autograd.grad(difference, deviations, retain_graph=True)
            rows = torch.cat([g.double().movedim(axis, 0).flatten(1) for g in found], 1)
            gain = gain + rows.square().sum(1)
            modified = modified + rows.sum(1).square()
    n = len(Data(inputs))
    return gain / n, modified / n
