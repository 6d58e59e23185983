"""How does a module round its output, and a model its inputs?"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.formats import BFloat16, Fixed, Float16, Format, Int
from radhard.formats.plain.floating import rounded
from radhard.formats.plain.signed_words import lowest_step
from radhard.module import module_at
from radhard.tree import changed

__all__ = [
    "Rounding",
    "check_traceable",
    "format_of",
    "hang",
    "hang_inputs",
    "round_outputs",
    "rounding_of",
    "scales_in",
    "step_of",
]

_ROUNDING, _SCALE = "activation_rounding", "activation_scale"
_INPUT_ROUNDING, _INPUT_SCALE = "input_rounding", "input_scale"


@dataclass(frozen=True)
class Rounding:
    """Which tensors of its output a module rounds, and to which format."""

    format: Format
    paths: tuple[tuple[str, ...], ...]


def check_traceable(format: Format) -> None:
    """Raise `InputError` unless activations can be rounded to a format in an exported graph.

    In general, encoding inspects the values in order to reject some, which cannot be traced.
    """
    if isinstance(format, Fixed | Float16 | BFloat16):
        return
    if not isinstance(format, Int) or format.per != "tensor":
        raise InputError(
            f"activations cannot be rounded through {format!r}; choose Int(bits) with one scale a "
            "tensor, Fixed(integer, fraction), Float16() or BFloat16()"
        )


def hang(module: nn.Module, rounding: Rounding, scales: list[Tensor]) -> None:
    """Make a module round its output permanently, also in copies and when exported.

    ``scales``: one for each path, if the format has a scale; stored in the buffer
    ``activation_scale`` (in ``state_dict``), of shape ``()`` or, for several output tensors,
    ``(tensors,)``.
    """
    setattr(module, _ROUNDING, rounding)
    if rounding.format.has_scale:
        module.register_buffer(_SCALE, scales[0] if len(scales) == 1 else torch.stack(scales))
    module.register_forward_hook(round_outputs)


def hang_inputs(model: nn.Module, rounding: Rounding, scales: list[Tensor]) -> None:
    """Make a model round its positional arguments permanently, as `hang` does its output.

    The scales are stored in the buffer ``input_scale``.
    """
    setattr(model, _INPUT_ROUNDING, rounding)
    if rounding.format.has_scale:
        model.register_buffer(_INPUT_SCALE, scales[0] if len(scales) == 1 else torch.stack(scales))
    model.register_forward_pre_hook(round_inputs)


def rounding_of(module: nn.Module) -> Rounding | None:
    """How a module rounds its output, if it does."""
    found: Rounding | None = getattr(module, _ROUNDING, None)
    return found


def scales_in(model: nn.Module) -> list[float]:
    """All scales to which a model rounds inputs or outputs of modules, each once, ascending."""
    found = set()
    for module in model.modules():
        for name, scale in ((_ROUNDING, _SCALE), (_INPUT_ROUNDING, _INPUT_SCALE)):
            rounding: Rounding | None = getattr(module, name, None)
            if rounding is None:
                continue
            if rounding.format.has_scale:
                held: Tensor = getattr(module, scale)
                found.update(held.detach().double().reshape(-1).tolist())
            elif isinstance(rounding.format, Fixed):
                found.add(2.0**-rounding.format.fraction)
    return sorted(found)


# Not closures over the module, so that a copy of the module calls them with the copy.
def round_outputs(module: nn.Module, args: Any, output: Any) -> Any:  # noqa: ARG001
    """The module's output, rounded."""
    return _rounded(output, getattr(module, _ROUNDING), getattr(module, _SCALE, None))


def round_inputs(model: nn.Module, args: Any) -> Any:
    """The model's positional arguments, rounded."""
    return _rounded(args, getattr(model, _INPUT_ROUNDING), getattr(model, _INPUT_SCALE, None))


def _rounded(value: Any, rounding: Rounding, scales: Tensor | None) -> Any:
    for number, path in enumerate(rounding.paths):
        scale = None if scales is None or not scales.ndim else scales[number]
        step = scales if scale is None else scale
        # Called at once, hence with the scale of this turn.
        value = changed(value, path, lambda x: _through(x, rounding.format, step))  # noqa: B023
    return value


def format_of(model: nn.Module, module: str, path: tuple[str, ...] = ()) -> Format | None:
    """The format, with its scale, of a module's output at a path; None if it is not rounded.

    Raises:
        InputError: the model has no such module.
    """
    found = module_at(model, module)
    rounding = rounding_of(found)
    if rounding is None or path not in rounding.paths:
        return None
    scale = _scale(found, rounding, rounding.paths.index(path))
    return rounding.format.scaled(None if scale is None else scale.detach().double().tolist())


def step_of(model: nn.Module, module: str) -> float:
    """The distance of two words to which a module rounds its output; 0 if it is not rounded.

    0 as well for floating-point words, whose distances differ.
    """
    format = format_of(model, module)
    if isinstance(format, Fixed):
        return 2.0**-format.fraction
    return float(format.scale) if isinstance(format, Int) and format.scale is not None else 0.0


def _scale(module: nn.Module, rounding: Rounding, number: int) -> Tensor | None:
    if not rounding.format.has_scale:
        return None
    scales: Tensor = getattr(module, _SCALE)
    return scales[number] if scales.ndim else scales


def _through(x: Tensor, format: Format, scale: Tensor | None) -> Tensor:
    """``format.decode(format.encode(x))`` to the last bit, for finite values.

    Infinities become an end of the range if the format has none; NaN stays NaN.
    """
    if isinstance(format, Float16 | BFloat16):
        return rounded(x, format.dtype).to(x.dtype)
    assert isinstance(format, Int | Fixed)
    low, high = lowest_step(format.bits, format.code), 2 ** (format.bits - 1) - 1
    step = 2.0**-format.fraction if isinstance(format, Fixed) else scale
    assert step is not None
    # In float64, as in encoding: near a tie, float32 might round the quotient the other way.
    steps = (x.to(torch.float64) / step).round().clamp(low, high)
    # The conversion is exact, as the narrower dtype has at least as many digits as the word; so
    # only the product is rounded, once.
    return steps.to(x.dtype) * step
