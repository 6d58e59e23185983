"""Which layers of a model does an analysis evaluate?"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from radhard.analyses.layer import WEIGHTED, Layer
from radhard.analyses.named import named
from radhard.errors import InputError
from radhard.targets.patterns import reasons
from radhard.workload import Workload

__all__ = ["layers_of", "torch_layers"]


def torch_layers(workload: Workload) -> list[Layer]:
    """The convolutions and linear layers, in the model's order; a shared layer once.

    Raises:
        InputError: the model has none.
    """
    layers = _of_torch(workload.model)
    if not layers:
        raise InputError(_nothing(workload, "WeightSensitivity() analyzes"))
    return layers


def layers_of(workload: Workload, by: str, kinds: Sequence[str]) -> list[Layer]:
    """`torch_layers`, ``Conv1D`` layers of transformers, and layers of the classes in ``kinds``.

    What the latter compute is observed in a pass over one sample. Those that cannot be evaluated
    are recorded in ``workload.left_out``.

    Raises:
        InputError: the model has none, or no module with a weight is of a class in ``kinds``.
    """
    layers = {layer.name: layer for layer in _of_torch(workload.model)}
    candidates, left_out = named(by, workload.model, kinds)
    workload.left_out |= left_out
    if candidates:
        fits = {fit.layer.name: fit for fit in candidates}

        def visit(name: str, args: Any, kwargs: dict[str, Any], output: Any) -> Any:
            fits[name].see((args, kwargs), output)
            return output

        modules = {name: fit.layer.module for name, fit in fits.items()}
        with torch.no_grad(), workload.recorder.visiting(modules, visit, lambda: None):
            workload.forward(workload.data.rows(slice(0, 1)))
    for fit in candidates:
        # What was observed of a class that the user named replaces what its type suggests.
        layers.pop(fit.layer.name, None)
        layer = fit.made()
        if isinstance(layer, str):
            workload.left_out[fit.layer.name] = layer
        else:
            layers[layer.name] = layer
    if not layers:
        raise InputError(
            _nothing(
                workload, "add classes with kinds=, or use WeightSensitivity(), which analyzes"
            )
        )
    # Layers of other classes were appended behind those of torch.
    order = {name: at for at, (name, _) in enumerate(workload.model.named_modules())}
    return sorted(layers.values(), key=lambda layer: order[layer.name])


def _of_torch(model: nn.Module) -> list[Layer]:
    return [Layer(n, m) for n, m in model.named_modules() if isinstance(m, WEIGHTED)]


def _nothing(workload: Workload, advice: str) -> str:
    kinds = ", ".join(kind.__name__ for kind in WEIGHTED)
    classes = {type(m).__name__ for m in workload.model.modules() if [*m.parameters(False)]}
    listed = ", ".join(sorted(classes)) or "no parameters"
    why = f" ({reasons(workload.left_out)})" if workload.left_out else ""
    return (
        f"the model has no layer of the analyzed classes, {kinds}; its parameters are in "
        f"{listed}{why}; {advice} the weights of layers of every class"
    )
