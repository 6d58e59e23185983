"""Which of a model's layers did an analysis evaluate, and which not?"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from torch import nn

from radhard.analyses.analysis_result import AnalysisResult
from radhard.analyses.layer import WEIGHTED, Layer, is_transposed
from radhard.errors import InputError, RadhardWarning
from radhard.escaping import printable
from radhard.targets.stored import identity, parameters
from radhard.workload import Workload

__all__ = ["covering"]

_CLASS = "class "
_SEVERAL = ("LSTM", "GRU", "RNN", "MultiheadAttention")
"""Classes of torch that return several tensors, so that their outputs have no channels."""
_NAMED = 5
"""Number of layers that a message names; the facts list all."""


@dataclass
class _Weighted:
    """A layer with weights: one module, or several that share a weight."""

    kind: type[nn.Module]
    names: list[str]
    weights: dict[object, str] = field(default_factory=dict)
    """Names of its weights, by `identity`."""


def covering(by: str, workload: Workload, result: AnalysisResult) -> AnalysisResult:
    """The result, with the layers that were left out added to its facts, and a warning.

    A layer is a module with a parameter of two or more dimensions; modules that share one are a
    single layer. It was evaluated if its output or all its weights have a score.

    Raises:
        InputError: no layer was evaluated.
    """
    # NaN means that a part was not analyzed.
    scored = [name for name, value in result.values.items() if not np.isnan(value).all()]
    modules, weights = _places(workload.model, scored)
    layers, left_out = _weighted(workload.model), dict[str, str]()
    for layer in layers:
        missing = [name for weight, name in layer.weights.items() if weight not in weights]
        if missing and modules.isdisjoint(layer.names):
            reasons = (workload.left_out[name] for name in layer.names if name in workload.left_out)
            partly = len(missing) < len(layer.weights)
            sought = any(layer_.name in layer.names for layer_ in result.layers or ())
            why = _why(layer.kind, sought=sought)
            why = f"{', '.join(missing)} has no score" if partly else why
            left_out[layer.names[0] or "(model)"] = next(reasons, why)
    line = f"{len(layers) - len(left_out)} of {len(layers)} layers with weights"
    names = {name for layer in layers for name in layer.names}
    left_out |= {
        n or "(model)": why for n, why in workload.left_out.items() if n not in names | modules
    }
    line += f", not: {_listed(left_out)}" if left_out else ""
    classes = [why.removeprefix(_CLASS) for why in left_out.values() if why.startswith(_CLASS)]
    ways = []
    more = tuple(dict.fromkeys(name for name in classes if name not in _SEVERAL))
    if more and result.layers is not None:
        ways.append(f"kinds={more[:_NAMED]!r} includes these classes")
    if not scored:
        if classes:
            ways.append("WeightSensitivity() analyzes the weights of layers of every class")
        raise InputError("; ".join([f"{by} can analyze no layer of this model: {line}", *ways]))
    if left_out and not result.chosen:
        # Layers that the user left out on purpose are in the facts, and need no warning.
        warnings.warn("; ".join([f"{by} analyzed {line}", *ways]), RadhardWarning, stacklevel=3)
    facts = {**result.facts, "analyzed": line, **({"not analyzed": left_out} if left_out else {})}
    facts |= {"channel axis": axes} if (axes := _axes(workload.model, result.layers or ())) else {}
    facts |= (
        {"without a score": told} if (told := _scaling(workload.model, modules, weights)) else {}
    )
    return replace(result, facts=facts if layers or left_out else result.facts)


def _scaling(model: nn.Module, modules: set[str], weights: set[object]) -> str:
    """The weights with one number per channel, as of normalizations, that have no score."""
    names = dict.fromkeys(
        name.rpartition(".")[0] or "(model)"
        for name, tensor in parameters(model, biases=False)
        if tensor.ndim < 2 and identity(tensor) not in weights
    )
    if not (unscored := [printable(name) for name in names if name not in modules]):
        return ""
    more = f", and {len(unscored) - _NAMED} more" if len(unscored) > _NAMED else ""
    return f"weights with one number per channel ({', '.join(unscored[:_NAMED])}{more})"


def _axes(model: nn.Module, evaluated: Sequence[Layer]) -> dict[str, int]:
    """The axis of the output channels, by weight, for weights where it is not the first."""
    named = model.named_modules()
    layers = [Layer(name, module, axis=1) for name, module in named if is_transposed(module)]
    # What was observed in a pass overrides what the class name and the shapes suggest.
    axes = {layer.weight_site: layer.axis for layer in [*layers, *evaluated]}
    return {name: axis for name, axis in axes.items() if axis}


def _places(model: nn.Module, scored: Iterable[str]) -> tuple[set[str], set[object]]:
    """The modules whose outputs have a score, and the parameters that have one."""
    modules = dict(model.named_modules(remove_duplicate=False))
    parameters = dict(model.named_parameters(remove_duplicate=False))
    places, weights = set[str](), set[object]()
    for name in scored:
        if name in parameters:
            weights.add(identity(parameters[name]))
            continue
        # The output of a repeated call is named fc@1, a part of an output lstm:0.
        module = "" if name == "(model)" else name
        for mark in ":@":
            module = module if module in modules else module.partition(mark)[0]
        # A weight that is computed from parameters (weight norm) is not a parameter itself.
        places.add(module if module in modules else module.rpartition(".")[0])
    # A module under several names is listed under the first one.
    first = {id(module): name for name, module in reversed(modules.items())}
    return {first[id(modules[name])] for name in places if name in modules}, weights


def _weighted(model: nn.Module) -> list[_Weighted]:
    """The layers with weights in the model's order; modules that share a weight are one."""
    layers: list[_Weighted] = []
    holder: dict[object, _Weighted] = {}
    for name, module in model.named_modules():
        parameters = module.named_parameters(recurse=False)
        weights_of = {identity(p): n for n, p in parameters if p.ndim >= 2 and p.numel()}
        if not weights_of:
            continue
        # The parameters from which a weight is computed belong to the layer that uses it.
        owner = name.partition("parametrizations.")[0] if "parametrizations." in name else name
        owner = owner.removesuffix(".") if owner != name else name
        layer = next((holder[weight] for weight in weights_of if weight in holder), None)
        layer = layer or next((one for one in layers if owner in one.names), None)
        if layer is None:
            layer = _Weighted(type(model.get_submodule(owner)), [owner])
            layers.append(layer)
        if owner not in layer.names:
            layer.names.append(owner)
        layer.weights |= weights_of
        holder |= dict.fromkeys(weights_of, layer)
    return layers


def _why(kind: type[nn.Module], *, sought: bool) -> str:
    if sought or issubclass(kind, WEIGHTED):
        return "not called, or its samples cannot be told apart"
    if issubclass(kind, nn.Embedding | nn.EmbeddingBag):
        return "embedding"
    return f"{_CLASS}{kind.__name__}"


def _listed(left_out: Mapping[str, str]) -> str:
    listed = ", ".join(
        printable(f"{name} ({why})") for name, why in list(left_out.items())[:_NAMED]
    )
    return listed + (f", and {len(left_out) - _NAMED} more" if len(left_out) > _NAMED else "")
