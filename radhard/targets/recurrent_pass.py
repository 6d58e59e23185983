"""How does a recurrent layer continue from a state into which faults were injected?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.stepwise import STEPWISE, direction_outputs
from radhard.targets.recurrent_layers import Direction

__all__ = ["StateFault", "outputs_after"]

State = Literal["h", "c"]

_Steps = Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, tuple[Tensor, ...]]]
"""The outputs of some steps, ``(steps, rows, size)``, and the states after them, from the inputs
and the states before."""

_LAYERS: dict[str, Any] = {
    "LSTM": torch.lstm,
    "GRU": torch.gru,
    "RNN_TANH": torch.rnn_tanh,
    "RNN_RELU": torch.rnn_relu,
}
"""torch's function for whole sequences, by the mode of a layer."""


@dataclass(frozen=True)
class StateFault:
    """Faults in the hidden or cell state of one layer and direction, after some of the steps."""

    state: State
    layer: int
    direction: Direction
    steps: Sequence[int]
    """Positions in the sequence."""
    corrupt: Any
    """Changes a state ``(rows, size)`` in place, given the step: ``corrupt(state, step)``."""


@dataclass(frozen=True)
class _Run:
    """What one direction of a layer computes: ``(steps, rows, size)``, and its last states."""

    outputs: Tensor
    last: tuple[Tensor, ...]


def outputs_after(
    module: nn.RNNBase,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    outputs: Any,
    faults: Sequence[StateFault],
) -> Any:
    """What a call of the layer returns if there are faults in its states.

    ``outputs`` are those that it returned without. The layers and directions are run one by one,
    and anew from each faulty step on, with the faults and without. Where both runs agree in all
    bits, the fault had no effect, and the value that was returned is kept: the layer as a whole may
    round differently.

    Raises:
        InputError: the call cannot be divided into steps.
    """
    inputs, start = _given(module, args, kwargs)
    many = 2 if module.bidirectional else 1
    golden, faulty = inputs, inputs
    ends: list[tuple[_Run, _Run]] = []
    for layer in range(module.num_layers):
        runs = []
        for number in range(many):
            direction: Direction = "reverse" if number else "forward"
            here = [f for f in faults if (f.layer, f.direction) == (layer, direction)]
            # torch stacks initial states layer by layer, both directions of each.
            begin = tuple(state[layer * many + number] for state in start)
            steps = _steps_of(module, layer, direction)
            cuts = sorted({step for fault in here for step in fault.steps})
            plain = _run(steps, golden, begin, direction, cuts, [])
            # The same tensor as long as no fault has occurred.
            same = faulty is golden and not here
            runs.append(
                (
                    plain,
                    plain if same else _run(steps, faulty, begin, direction, cuts, here),
                )
            )
        ends += runs
        before = golden is faulty and all(plain is other for plain, other in runs)
        golden = torch.cat([plain.outputs for plain, _ in runs], dim=2)
        faulty = golden if before else torch.cat([other.outputs for _, other in runs], dim=2)
    first = outputs[0]
    sequences = [_as_returned(module, value, first) for value in (golden, faulty)]
    states = [
        tuple(torch.stack(parts) for parts in zip(*(run[which].last for run in ends), strict=True))
        for which in (0, 1)
    ]
    return _merged(outputs, sequences, states)


def _given(
    module: nn.RNNBase, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The inputs, ``(steps, rows, features)``, and the initial states, ``(layers, rows, size)``."""
    inputs = args[0] if args else kwargs["input"]
    given = args[1] if len(args) > 1 else kwargs.get("hx")
    if not isinstance(inputs, Tensor):
        raise InputError(
            f"a {type(module).__name__} is given a {type(inputs).__name__}, whose sequences have "
            "different lengths; give it a padded tensor to inject faults into its hidden state"
        )
    if module.training and module.dropout and module.num_layers > 1:
        raise InputError(
            f"a {type(module).__name__} in training mode draws a new dropout in every call, so "
            "that no call can be continued from a step; set dropout to 0, or call model.eval()"
        )
    alone = inputs.ndim == 2
    if alone:
        inputs = inputs.unsqueeze(1)
    elif module.batch_first:
        inputs = inputs.transpose(0, 1)
    if given is None:
        many = module.num_layers * (2 if module.bidirectional else 1)
        sizes = [module.proj_size or module.hidden_size, module.hidden_size]
        states = tuple(
            inputs.new_zeros(many, inputs.shape[1], size)
            for size in sizes[: 2 if module.mode == "LSTM" else 1]
        )
    else:
        states = tuple(given) if isinstance(given, tuple | list) else (given,)
        states = tuple(state.unsqueeze(1) for state in states) if alone else states
    return inputs, states


def _steps_of(module: nn.RNNBase, layer: int, direction: Direction) -> _Steps:
    """The function that computes some steps of one direction of a layer."""
    end = "_reverse" if direction == "reverse" else ""
    if isinstance(module, STEPWISE):
        # With its gates, and whatever hooks they have.
        return partial(direction_outputs, module, f"_l{layer}{end}")
    kinds = ["weight_ih", "weight_hh"]
    kinds += ["bias_ih", "bias_hh"] if module.bias else []
    kinds += ["weight_hr"] if module.proj_size else []
    # In the order of torch's functions.
    return partial(_steps, module, [getattr(module, f"{kind}_l{layer}{end}") for kind in kinds])


def _run(
    steps: _Steps,
    inputs: Tensor,
    states: tuple[Tensor, ...],
    direction: Direction,
    cuts: Sequence[int],
    faults: Sequence[StateFault],
) -> _Run:
    """Run one direction of a layer, interrupted after the steps of ``cuts``, with the faults."""
    last = len(inputs) - 1
    if direction == "reverse":
        inputs = inputs.flip(0)
    parts, begin = [], 0
    for step in sorted(cuts, reverse=direction == "reverse"):
        # Counted in the order in which this direction takes the steps.
        at = last - step if direction == "reverse" else step
        outputs, states = steps(inputs[begin : at + 1], states)
        found = dict(zip("hc", states, strict=False))
        for fault in faults:
            if step in fault.steps:
                # The state may be a view of what the step returned, which has to stay as it was.
                found[fault.state] = found[fault.state].clone()
                fault.corrupt(found[fault.state], step)
        states = tuple(found.values())
        # The output of the step is its hidden state, with the fault if that is there.
        parts += [outputs[:-1], states[0].unsqueeze(0)]
        begin = at + 1
    if begin <= last:
        outputs, states = steps(inputs[begin:], states)
        parts.append(outputs)
    together = torch.cat(parts)
    return _Run(together.flip(0) if direction == "reverse" else together, states)


def _steps(
    module: nn.RNNBase, weights: list[Tensor], inputs: Tensor, states: tuple[Tensor, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Some steps of one direction of a layer: its outputs, and the states after the last one."""
    before = tuple(state.unsqueeze(0) for state in states)
    start = before if module.mode == "LSTM" else before[0]
    rest = (module.bias, 1, 0.0, module.training, False, False)
    outputs, *after = _LAYERS[module.mode](inputs, start, weights, *rest)
    return outputs, tuple(state.squeeze(0) for state in after)


def _as_returned(module: nn.RNNBase, values: Tensor, like: Tensor) -> Tensor:
    """Outputs ``(steps, rows, size)`` with the axes with which the layer returns them."""
    if like.ndim == 2:
        return values.squeeze(1)
    return values.transpose(0, 1) if module.batch_first else values


def _merged(outputs: Any, sequences: list[Tensor], states: list[tuple[Tensor, ...]]) -> Any:
    """The values that the layer returned, replaced where the faults made a difference."""
    first, last = outputs
    sequence = _replaced(first, *sequences)
    several = isinstance(last, tuple)
    ends = tuple(
        _replaced(value, *(part.reshape(value.shape) for part in pair))
        for value, *pair in zip(last if several else (last,), *states, strict=True)
    )
    return sequence, ends if several else ends[0]


def _replaced(returned: Tensor, golden: Tensor, faulty: Tensor) -> Tensor:
    """``returned`` with the faulty values where these differ from the golden ones in any bit."""
    if faulty is golden:
        return returned
    kind = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[golden.element_size()]
    one, other = (x.detach().contiguous().view(kind) for x in (golden, faulty))
    differs = one != other
    return torch.where(differs, faulty, returned) if bool(differs.any()) else returned
