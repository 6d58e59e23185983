"""How do recurrent layers stay in one piece while a model is exported?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

__all__ = ["STAND_INS", "RecurrentStandIns"]

aten: Any = torch.ops.aten

library: Any = torch.library

_LIBRARY = library.Library("radhard", "FRAGMENT")
_REST = "bool biased, int layers, float dropout, bool train, bool both_ways, bool samples_first"
_LIBRARY.define(
    f"lstm(Tensor input, Tensor[] start, Tensor[] weights, {_REST}) -> (Tensor, Tensor, Tensor)"
)
_LIBRARY.define(f"gru(Tensor input, Tensor start, Tensor[] weights, {_REST}) -> (Tensor, Tensor)")


def _sequence(
    inputs: Tensor, hidden: int | torch.SymInt, both_ways: bool, samples_first: bool
) -> Tensor:
    """A tensor like the states of all steps, which torch lays out step after step."""
    first, second = inputs.shape[:2]
    steps, samples = (second, first) if samples_first else (first, second)
    width = hidden * 2 if both_ways else hidden
    if samples_first:
        return inputs.new_empty_strided((samples, steps, width), (width, samples * width, 1))
    return inputs.new_empty((steps, samples, width))


def _last(inputs: Tensor, start: Tensor, samples_first: bool) -> Tensor:
    """A tensor like the last states of all layers."""
    layers, _, hidden = start.shape
    return inputs.new_empty((layers, inputs.shape[0 if samples_first else 1], hidden))


def _lstm(
    inputs: Tensor, start: Sequence[Tensor], _: Any, *rest: Any
) -> tuple[Tensor, Tensor, Tensor]:
    *_, both_ways, samples_first = rest
    states, memory = start
    return (
        _sequence(inputs, states.shape[2], both_ways, samples_first),
        _last(inputs, states, samples_first),
        _last(inputs, memory, samples_first),
    )


def _gru(inputs: Tensor, start: Tensor, _: Any, *rest: Any) -> tuple[Tensor, Tensor]:
    *_, both_ways, samples_first = rest
    sequence = _sequence(inputs, start.shape[2], both_ways, samples_first)
    return sequence, _last(inputs, start, samples_first)


_LIBRARY.impl("lstm", aten.lstm.input, "CompositeExplicitAutograd")
_LIBRARY.impl("gru", aten.gru.input, "CompositeExplicitAutograd")
library.register_fake("radhard::lstm", _lstm, lib=_LIBRARY)
library.register_fake("radhard::gru", _gru, lib=_LIBRARY)

_OURS: dict[Any, Any] = {
    torch.lstm: torch.ops.radhard.lstm.default,
    torch.gru: torch.ops.radhard.gru.default,
}

STAND_INS: Mapping[Any, Any] = {
    torch.ops.radhard.lstm.default: aten.lstm.input,
    torch.ops.radhard.gru.default: aten.gru.input,
}
"""Of each stand-in the operation of torch that it stands for, which takes the same arguments."""


class RecurrentStandIns(TorchFunctionMode):
    """Within it, torch's recurrent layers are operations of which a tracer knows the shapes only.

    Of its own ones torch takes every step apart when it is asked for their shapes, which takes
    longer than all the rest of an export. Packed sequences, training, and layers in an autocast
    stay what they are.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _OURS and not kwargs and _plain(func, args):
            return _OURS[func](*args)
        return func(*args, **(kwargs or {}))


def _plain(func: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    """Whether a layer is given whole series, in the way in which the stand-in is defined."""
    if len(args) != 9 or not isinstance(args[0], Tensor) or args[0].ndim != 3:
        return False
    inputs, start, weights, *_, training, _, _ = args
    starts = [start] if isinstance(start, Tensor) else start
    given = func is torch.gru if isinstance(start, Tensor) else func is torch.lstm
    # Where it is packed, the second and the third are sizes of batches and what it starts from.
    return (
        given
        and isinstance(weights, list | tuple)
        and all(tensor.ndim == 3 for tensor in starts)
        and training is False
        and not torch.is_autocast_enabled(inputs.device.type)
    )
