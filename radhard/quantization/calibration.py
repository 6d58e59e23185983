"""How are the weights and activations of a model quantized to words of a format?"""

import copy
import math
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from radhard.arguments import component_of, whole
from radhard.datasets.data import Data
from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.formats import FORMATS, Format
from radhard.formats.stored_as import round_in_place
from radhard.forward import Forward, plain
from radhard.module import check_uncompiled, usable_module
from radhard.quantization.rounding import Rounding, check_traceable, hang, rounding_of
from radhard.state import Steady
from radhard.targets.stored import parameters
from radhard.tree import leaves
from radhard.workload import device_of
from radhard.workload.calls import parametrizing, state

__all__ = ["quantized"]

Path = tuple[str, ...]


def quantized(
    model: nn.Module,
    data: Any,
    format: Format,
    *,
    call: Forward = plain,
    batch: int = 100,
) -> nn.Module:
    """A copy of the model whose weights and activations are words of a format, as plain tensors.

    Every weight is rounded to the format, as in `radhard.formats.stored_as`; so are, in every pass,
    the outputs that each module computes, including the logits. Then an activation *is* a word, and
    faults in this format can be injected into ``Activations("*")``. Biases, statistics of norms and
    inputs are not rounded, as accumulators are wider than words.

    With `Int`, each activation tensor has one scale and no zero point; its largest magnitude on
    ``data`` becomes the largest word. The scales are buffers, ``activation_scale`` of each module:
    they are in ``state_dict``, and faults can be injected into them. Tensors keep their names. The
    copy can be copied, saved and exported, but not trained further (rounding has no gradient).

    Args:
        data: representative samples; preferably training samples.
        call: for models that do not return one tensor.
        batch: samples per forward pass.

    Raises:
        InputError: a format to which activations cannot be rounded, one with more bits than the
            dtype has digits, a model that rounds already, values that are not finite.

    >>> from radhard.formats import Int
    >>> inputs = torch.tensor([[0.5, -2.0], [1.0, 1.0]])
    >>> small = quantized(nn.Sequential(nn.ReLU()), inputs, Int(3))
    >>> small(torch.tensor([[0.4, 5.0]])), small.state_dict()["0.activation_scale"]
    (tensor([[0.3333, 1.0000]]), tensor(0.3333))
    """
    model = usable_module(model)
    check_uncompiled(model, "quantized()")
    format = component_of(format, FORMATS, "format")
    batch = whole(batch, "batch", least=1)
    check_traceable(format)
    for name, module in model.named_modules():
        rounding = rounding_of(module)
        if rounding is not None:
            raise InputError(
                f"{name or 'the model'!r} rounds its output through {rounding.format!r} "
                "already; quantise the model that this one was made from"
            )
    made = copy.deepcopy(model)
    weights = {name: p for name, p in parameters(made, biases=False) if p.is_floating_point()}
    round_in_place(weights, format)
    data = Data.of(data)
    device = device_of(made)
    data = data if device is None else data.to(device)
    with evaluating(made), torch.no_grad():
        call = Steady(call, made)
        found = _computing(made, data.rows(slice(0, 1)), call)
        if not found:
            raise InputError("no module of this model computes floating-point values to be rounded")
        largest = _largest(made, data, call, batch, found)
    for module, (name, paths) in found.items():
        kinds = [largest[module, path] for path in paths]
        for each in kinds:
            _check_digits(name, each.dtype, format)
        hang(module, Rounding(format, paths), [_scale(each, format) for each in kinds])
    return made


Found = dict[nn.Module, tuple[str, tuple[Path, ...]]]
"""Modules with their names, and the paths of the computed tensors in their outputs."""


@dataclass
class _Open:
    """A call of a module that has begun."""

    came: set[tuple[int, int]]
    inner: list[Tensor] = field(default_factory=list)
    """Outputs of inner modules; kept, so that their memory is not reused in the meantime."""


def _computing(model: nn.Module, batch: Any, call: Forward) -> Found:
    """The modules that compute an output themselves, rather than return that of another module."""
    names = {module: name or "(model)" for name, module in model.named_modules()}
    for module in parametrizing(model):
        # These compute weights, which are no activations.
        del names[module]
    calls: list[_Open] = []
    found: dict[nn.Module, dict[Path, None]] = defaultdict(dict)

    def before(_: nn.Module, args: Any, kwargs: Any) -> None:
        calls.append(_Open({state(tensor) for _, tensor in leaves((args, kwargs))}))

    def after(module: nn.Module, args: Any, output: Any) -> None:  # noqa: ARG001
        one = calls.pop()
        # An output that came in, or that an inner module computed, is rounded where it was
        # computed.
        others = one.came | {state(tensor) for tensor in one.inner}
        for path, tensor in leaves(output):
            if tensor.is_floating_point() and tensor.numel() and state(tensor) not in others:
                found[module][path] = None
        if calls:
            # Outputs of inner modules of inner modules too: a container may hand on any of them.
            calls[-1].inner += [*one.inner, *(tensor for _, tensor in leaves(output))]

    with ExitStack() as hooks:
        for module in names:
            handle = module.register_forward_pre_hook(before, with_kwargs=True, prepend=True)
            hooks.callback(handle.remove)
            hooks.callback(module.register_forward_hook(after).remove)
        call(model, batch)
    return {module: (names[module], tuple(paths)) for module, paths in found.items()}


def _largest(
    model: nn.Module, data: Data, call: Forward, batch: int, found: Found
) -> dict[tuple[nn.Module, Path], Tensor]:
    """The largest magnitude of every tensor that is computed, over all samples and calls."""
    largest: dict[tuple[nn.Module, Path], Tensor] = {}

    def see(module: nn.Module, args: Any, output: Any) -> None:  # noqa: ARG001
        name, paths = found[module]
        for path, tensor in leaves(output):
            if path in paths:
                most = tensor.detach().abs().amax()
                if not most.isfinite():
                    raise InputError(
                        f"{name!r} outputs NaN or infinity, for which there is no word; look at "
                        "the model and the data first"
                    )
                known = largest.get((module, path), most)
                largest[module, path] = torch.maximum(known, most)

    with ExitStack() as hooks:
        for module in found:
            hooks.callback(module.register_forward_hook(see).remove)
        for _, inputs in data.batches(batch):
            call(model, inputs)
    return largest


def _scale(largest: Tensor, format: Format) -> Tensor:
    dtype = torch.float64 if largest.dtype == torch.float64 else torch.float32
    # Without a scale, the value is not used (`hang`).
    if not format.has_scale:
        return largest
    scale = torch.tensor(format.fit(largest).scales(), dtype=dtype, device=largest.device)
    # A scale that becomes 0 in this dtype would be divided by.
    return scale.clamp(min=torch.finfo(dtype).tiny)


def _check_digits(name: str, dtype: torch.dtype, format: Format) -> None:
    # ``eps`` is the step from 1 to the next number, so the leading digit is in addition. Narrow
    # floats are exact in wider ones, whatever their bits.
    digits = 1 - round(math.log2(torch.finfo(dtype).eps))
    if format.bits > digits and format.fields[-1] != "mantissa":
        raise InputError(
            f"{format!r} has words of {format.bits} bits and {name!r} computes in {dtype}, which "
            f"holds {digits} digits; choose a narrower format, or convert model and data "
            "(model.double() and the like)"
        )
