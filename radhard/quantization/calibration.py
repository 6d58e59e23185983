"""How are the weights and activations of a model quantized to words of a format?"""

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from radhard.arguments import component_of
from radhard.errors import InputError
from radhard.formats import FORMATS, Format
from radhard.formats.stored_as import round_in_place
from radhard.forward import Forward, plain
from radhard.module import check_uncompiled, copied_module
from radhard.rounding import Rounding, check_traceable, hang, hang_inputs, rounding_of
from radhard.targets.stored import parameters
from radhard.tree import leaves
from radhard.workload import Workload
from radhard.workload.calls import computing_modules, state
from radhard.workload.hooks import module_hooks

__all__ = ["quantized"]

Path = tuple[str, ...]


def quantized(
    model: nn.Module,
    data: Any,
    format: Format,
    *,
    inputs: bool = False,
    call: Forward = plain,
    batch: int = 100,
) -> nn.Module:
    """A copy of the model whose weights and activations are words of a format, as plain tensors.

    Every weight is rounded to the format, as in `radhard.formats.stored_as`; so are, in every pass,
    the outputs that each module computes, including the logits. Then an activation *is* a word, and
    faults in this format can be injected into ``Activations("*")``. Biases and statistics of norms
    are not rounded, as accumulators are wider than words; the model's inputs are with ``inputs``,
    as an accelerator of integers needs (`radhard.targets.Registers`).

    With `Int`, each activation tensor has one scale and no zero point; its largest magnitude on
    ``data`` becomes the largest word. The scales are buffers, ``activation_scale`` of each module
    (``input_scale`` of the model): they are in ``state_dict``, and faults can be injected into
    them. Tensors keep their names. The copy can be copied, saved and exported, but not trained
    further (rounding has no gradient).

    Args:
        data: representative samples; preferably training samples.
        inputs: round the positional arguments of the model as well.
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
    workload = Workload.of(model, data, call=call, batch=batch)
    check_uncompiled(workload.model, "quantized()")
    format = component_of(format, FORMATS, "format")
    check_traceable(format)
    for name, module in workload.model.named_modules():
        rounding = rounding_of(module)
        if rounding is not None:
            raise InputError(
                f"{name or 'the model'!r} rounds its output through {rounding.format!r} "
                "already; quantise the model that this one was made from"
            )
    made = copied_module(workload.model)
    weights = {name: p for name, p in parameters(made, biases=False) if p.is_floating_point()}
    round_in_place(weights, format)
    workload = workload.with_model(made)
    with workload.open(), torch.no_grad():
        found = _computing(workload)
        if not found:
            raise InputError("no module of this model computes floating-point values to be rounded")
        largest = _largest(workload, found)
        given = _largest_inputs(workload) if inputs else {}
    for name, paths in found.items():
        kinds = [largest[name, path] for path in paths]
        for each in kinds:
            _check_digits(name or "(model)", each.dtype, format)
        scales = [_scale(each, format) for each in kinds]
        hang(made.get_submodule(name), Rounding(format, paths), scales)
    if given:
        for each in given.values():
            _check_digits("the model's input", each.dtype, format)
        scales = [_scale(each, format) for each in given.values()]
        hang_inputs(made, Rounding(format, tuple(given)), scales)
    return made


Found = dict[str, tuple[Path, ...]]
"""The paths of the computed tensors in the outputs of modules, by the name of the module."""


@dataclass
class _Open:
    """A call of a module that has begun."""

    came: set[tuple[int, int]]
    inner: list[Tensor] = field(default_factory=list)
    """Outputs of inner modules; kept, so that their memory is not reused in the meantime."""


def _computing(workload: Workload) -> Found:
    """The modules that compute an output themselves, rather than return that of another module."""
    modules = computing_modules(workload.model)
    calls: list[_Open] = []
    found: dict[str, dict[Path, None]] = defaultdict(dict)

    def before(name: str, args: Any, kwargs: Any) -> None:  # noqa: ARG001
        calls.append(_Open({state(tensor) for _, tensor in leaves((args, kwargs))}))

    def after(name: str, args: Any, kwargs: Any, output: Any) -> None:  # noqa: ARG001
        one = calls.pop()
        # An output that came in, or that an inner module computed, is rounded where it was
        # computed.
        others = one.came | {state(tensor) for tensor in one.inner}
        for path, tensor in leaves(output):
            if tensor.is_floating_point() and tensor.numel() and state(tensor) not in others:
                found[name][path] = None
        if calls:
            # Outputs of inner modules of inner modules too: a container may hand on any of them.
            calls[-1].inner += [*one.inner, *(tensor for _, tensor in leaves(output))]

    # Around all other hooks of the modules, as outputs are rounded after these.
    with module_hooks(modules, before=before, first=True), module_hooks(modules, after=after):
        workload.forward(workload.data.rows(slice(0, 1)))
    return {name: tuple(paths) for name, paths in found.items()}


def _largest(workload: Workload, found: Found) -> dict[tuple[str, Path], Tensor]:
    """The largest magnitude of every tensor that is computed, over all samples and calls."""
    largest: dict[tuple[str, Path], Tensor] = {}

    def see(name: str, args: Any, kwargs: Any, output: Any) -> None:  # noqa: ARG001
        for path, tensor in leaves(output):
            if path in found[name]:
                most = tensor.detach().abs().amax()
                if not most.isfinite():
                    raise InputError(
                        f"{name or '(model)'!r} outputs NaN or infinity, for which there is no "
                        "word; look at the model and the data first"
                    )
                known = largest.get((name, path), most)
                largest[name, path] = torch.maximum(known, most)

    modules = {name: workload.model.get_submodule(name) for name in found}
    with module_hooks(modules, after=see):
        for _, inputs in workload.batches():
            workload.forward(inputs)
    return largest


def _largest_inputs(workload: Workload) -> dict[Path, Tensor]:
    """The largest magnitude of every floating-point tensor among the model's arguments."""
    largest: dict[Path, Tensor] = {}

    def see(name: str, args: Any, kwargs: Any) -> None:  # noqa: ARG001
        for path, tensor in leaves(args):
            if tensor.is_floating_point() and tensor.numel():
                most = tensor.detach().abs().amax()
                largest[path] = torch.maximum(largest.get(path, most), most)

    with module_hooks({"": workload.model}, before=see):
        for _, inputs in workload.batches():
            workload.forward(inputs)
    if not largest:
        raise InputError(
            "quantized(inputs=True): the model is called without floating-point tensors as "
            "positional arguments; leave inputs out"
        )
    if not all(most.isfinite() for most in largest.values()):
        raise InputError("the model's inputs hold NaN or infinity, for which there is no word")
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
