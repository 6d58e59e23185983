"""How does a module round its output?"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.formats import BFloat16, Fixed, Float16, Format, Int
from radhard.formats.plain.floating import rounded
from radhard.formats.plain.signed_words import lowest_step
from radhard.tree import changed

__all__ = ["Rounding", "check_traceable", "format_of", "hang", "rounding_of"]

_ROUNDING, _SCALE = "activation_rounding", "activation_scale"


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


def rounding_of(module: nn.Module) -> Rounding | None:
    """How a module rounds its output, if it does."""
    found: Rounding | None = getattr(module, _ROUNDING, None)
    return found


# Not a closure over the module, so that a copy of the module calls it with the copy.
def round_outputs(module: nn.Module, args: Any, output: Any) -> Any:  # noqa: ARG001
    """The module's output, rounded."""
    rounding: Rounding = getattr(module, _ROUNDING)
    for number, path in enumerate(rounding.paths):
        scale = _scale(module, rounding, number)
        # Called at once, hence with the scale of this turn.
        output = changed(output, path, lambda x: _through(x, rounding.format, scale))  # noqa: B023
    return output


def format_of(model: nn.Module, module: str, path: tuple[str, ...] = ()) -> Format | None:
    """The format, with its scale, of a module's output at a path; None if it is not rounded.

    Raises:
        InputError: the model has no such module.
    """
    try:
        found = model.get_submodule(module)
    except AttributeError:
        raise InputError(f"{type(model).__name__} has no module {module!r}") from None
    rounding = rounding_of(found)
    if rounding is None or path not in rounding.paths:
        return None
    scale = _scale(found, rounding, rounding.paths.index(path))
    return rounding.format.scaled(None if scale is None else scale.detach().double().tolist())


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
