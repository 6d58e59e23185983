"""How is a recurrent layer of torch computed step by step?"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

from radhard.errors import InputError
from radhard.internals import is_plain_cpu_pass
from radhard.module import copied_module
from radhard.stepwise.fused_steps import FusedSteps, fused_steps
from radhard.stepwise.gate import GateFunction, RecurrentGates
from radhard.stepwise.step_loops import Direction, States, fast_steps, open_steps

__all__ = [
    "STEPWISE",
    "StepwiseGRU",
    "StepwiseLSTM",
    "StepwiseRNN",
    "check_convertible",
    "direction_outputs",
    "stepwise",
    "to_stepwise",
]

_GATES: Mapping[str, Mapping[str, GateFunction]] = {
    "LSTM": {"i": "sigmoid", "f": "sigmoid", "g": "tanh", "o": "sigmoid", "c": "identity"},
    "GRU": {"r": "sigmoid", "z": "sigmoid", "n": "tanh"},
    "RNN_TANH": {"h": "tanh"},
    "RNN_RELU": {"h": "relu"},
}
"""The gates by torch's name of the layer, in the order of their rows, and the cell state."""


class StepwiseLSTM(nn.LSTM):
    """An ``nn.LSTM`` with gates that are modules; `to_stepwise` makes one of any LSTM."""

    gates: RecurrentGates

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The outputs and last states, equal to torch's except for rounding."""
        return _outputs(self, input, hx)


class StepwiseGRU(nn.GRU):
    """An ``nn.GRU`` with gates that are modules; `to_stepwise` makes one of any GRU."""

    gates: RecurrentGates

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The outputs and last states, equal to torch's except for rounding."""
        return _outputs(self, input, hx)


class StepwiseRNN(nn.RNN):
    """An ``nn.RNN`` whose activation function is a module; `to_stepwise` makes one of any RNN."""

    gates: RecurrentGates

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The outputs and last states, equal to torch's except for rounding."""
        return _outputs(self, input, hx)


STEPWISE = (StepwiseLSTM, StepwiseGRU, StepwiseRNN)
"""The layers that compute step by step."""

_CLASSES: Mapping[type[nn.Module], type[nn.RNNBase]] = dict(
    zip((nn.LSTM, nn.GRU, nn.RNN), STEPWISE, strict=True)
)


def check_convertible(layer: nn.Module) -> None:
    """Verify that `to_stepwise` accepts a layer.

    Raises:
        InputError: it is no ``nn.LSTM``, ``nn.GRU`` or ``nn.RNN``, or of a subclass of them.
    """
    if type(layer) not in _CLASSES:
        name = type(layer).__name__
        raise InputError(f"{name} is not nn.LSTM, nn.GRU or nn.RNN, whose steps are known")


def to_stepwise(layer: nn.Module) -> None:
    """Make a recurrent layer compute step by step, in place; its tensors and hooks stay.

    Its gates become modules without tensors, ``gates.i_l0`` and so on, where hooks can see and
    change their sums and values, and, as ``gates.c_l0``, the cell state; the names and shapes of
    the tensors stay as they are. Outputs and gradients equal those of torch except for rounding.

    Raises:
        InputError: see `check_convertible`.

    >>> lstm = nn.LSTM(4, 8, bidirectional=True)
    >>> to_stepwise(lstm)
    >>> [name for name, _ in lstm.gates.named_children()][:6]
    ['i_l0', 'f_l0', 'g_l0', 'o_l0', 'c_l0', 'i_l0_reverse']
    >>> lstm.gates.i_l0
    Gate('sigmoid')
    """
    check_convertible(layer)
    assert isinstance(layer, nn.RNNBase)
    gates = RecurrentGates(_GATES[layer.mode], [f"_l{end}" for end in _ends(layer)])
    # The class is exchanged, as torch does for parametrizations, so that whatever refers to the
    # layer keeps doing so: several parents, hooks, the model itself if it is the layer.
    layer.__class__ = _CLASSES[type(layer)]
    layer.add_module("gates", gates.train(layer.training))


def stepwise(model: nn.Module) -> nn.Module:
    """A copy of a model whose recurrent layers compute step by step; see `to_stepwise`.

    Subclasses of torch's layers, which may compute something else, stay as they are.

    >>> lstm = nn.LSTM(3, 5)
    >>> inputs = torch.randn(7, 2, 3)
    >>> torch.allclose(stepwise(lstm)(inputs)[0], lstm(inputs)[0], atol=1e-6)
    True
    """
    twin = copied_module(model)
    for module in list(twin.modules()):
        if type(module) in _CLASSES:
            to_stepwise(module)
    return twin


def direction_outputs(
    layer: nn.RNNBase, end: str, inputs: Tensor, states: States
) -> tuple[Tensor, States]:
    """What one direction of a stepwise layer computes from given states on.

    Args:
        layer: the layer.
        end: which of its layers and directions, as in torch's names of weights: ``"_l0_reverse"``.
        inputs: ``(steps, rows, features)``, in the order in which the direction takes the steps.
        states: h, and c of an LSTM, ``(rows, size)``.

    Returns:
        The outputs ``(steps, rows, size)``, and the states after the last step.
    """
    start = tuple(state.t() for state in states)
    outputs, after = _steps(layer, end, inputs.transpose(1, 2), start)
    return outputs.transpose(1, 2), tuple(state.t() for state in after)


def _ends(layer: nn.RNNBase) -> list[str]:
    """The layers and directions, in the order of the initial states."""
    ways = ("", "_reverse") if layer.bidirectional else ("",)
    return [f"{number}{way}" for number in range(layer.num_layers) for way in ways]


def _direction(layer: nn.RNNBase, end: str) -> Direction:
    # By attribute, which computes parametrized weights.
    weight_ih, weight_hh = getattr(layer, f"weight_ih{end}"), getattr(layer, f"weight_hh{end}")
    bias = bias_hh = None
    if layer.bias:
        bias, bias_hh = getattr(layer, f"bias_ih{end}"), getattr(layer, f"bias_hh{end}")
        # Both biases of an LSTM or a plain RNN are only added; in a GRU the reset gate multiplies
        # one of them.
        if layer.mode != "GRU":
            bias, bias_hh = bias + bias_hh, None
    weight_hr = getattr(layer, f"weight_hr{end}") if layer.proj_size else None
    gates: Any = layer.gates
    return Direction(layer.mode, gates.of(end), weight_ih, weight_hh, bias, bias_hh, weight_hr)


def _steps(layer: nn.RNNBase, end: str, inputs: Tensor, states: States) -> tuple[Tensor, States]:
    """The outputs of one direction, ``(steps, features, rows)``, and its last states."""
    direction = _direction(layer, end)
    # Functions of two values that lie differently in memory take several times as long.
    states = tuple(state.contiguous() for state in states)
    if not is_plain_cpu_pass(inputs, *states, *direction.tensors()):
        return open_steps(direction, inputs, states)
    watched = any(gate.is_watched for gate in direction.gates)
    fused = fused_steps(direction, inputs, states)
    if fused is not None:
        return _with_hooks(direction, inputs, states, fused, watched=watched)
    found = None if watched else fast_steps(direction, inputs, states)
    return open_steps(direction, inputs, states) if found is None else found


def _with_hooks(
    of: Direction, inputs: Tensor, states: States, fused: FusedSteps, *, watched: bool
) -> tuple[Tensor, States]:
    """What the hooks of gates make of outputs that were computed without them.

    Step by step torch rounds otherwise. What hooks leave as it is therefore stays as it was, to the
    last bit: rows in which no guard acts and, of what others watch, all that they do not change.
    """
    base = (fused.outputs, *fused.after)
    acted = fused.acted_rows(of.gates)
    if acted is None and not watched:
        return base[0], base[1:]
    outputs, after = open_steps(of, inputs, states, hooks=False)
    plain = (outputs, *after)
    if acted is not None:
        base = tuple(torch.where(acted, one, other) for one, other in zip(plain, base, strict=True))
    if watched:
        outputs, after = open_steps(of, inputs, states)
        if torch.is_grad_enabled() and outputs.requires_grad:
            # A hook is trained: what it does not change now has a gradient as well.
            return outputs, after
        found = zip((outputs, *after), plain, base, strict=True)
        base = tuple(torch.where(_differ(one, other), one, kept) for one, other, kept in found)
    return base[0], base[1:]


def _differ(one: Tensor, other: Tensor) -> Tensor:
    # In any bit: zeros of either sign are equal, and NaN is not equal to itself.
    return one.view(torch.int32) != other.view(torch.int32)


def _outputs(layer: nn.RNNBase, inputs: Any, start: Any) -> Any:
    if isinstance(inputs, PackedSequence):
        raise InputError(
            f"{type(layer).__name__} is given packed sequences, whose steps have different numbers "
            "of samples; give it a padded tensor, or use the layer of torch"
        )
    alone = inputs.ndim == 2
    if alone:
        inputs = inputs.unsqueeze(0 if layer.batch_first else 1)
        if start is not None:
            start = _mapped(start, lambda state: state.unsqueeze(1))
    if start is not None:
        checked: Any = layer  # torch annotates the states of an LSTM only in that class
        checked.check_forward_args(inputs, start, None)
    else:
        layer.check_input(inputs, None)
    values = inputs.permute(1, 2, 0) if layer.batch_first else inputs.permute(0, 2, 1)
    if not len(values):
        raise InputError(f"{type(layer).__name__} is given a sequence of 0 steps; give at least 1")
    begin = _begin(layer, values, start)
    last: list[States] = []
    ways = 2 if layer.bidirectional else 1
    for number in range(layer.num_layers):
        # Between layers only, as torch does: neither before the first one nor after the last.
        if number and layer.dropout:
            values = functional.dropout(values, layer.dropout, layer.training)
        results = []
        for way in range(ways):
            end = f"_l{number}_reverse" if way else f"_l{number}"
            states = tuple(state[number * ways + way].t() for state in begin)
            # The second direction takes the sequence from its end, and its outputs are put back in
            # order.
            given = values.flip(0) if way else values
            outputs, after = _steps(layer, end, given, states)
            results.append(outputs.flip(0) if way else outputs)
            last.append(after)
        values = torch.cat(results, dim=1) if ways > 1 else results[0]
    # In the order in memory in which torch returns them.
    sequence = values.transpose(1, 2).contiguous()
    sequence = sequence.transpose(0, 1) if layer.batch_first else sequence
    ends = tuple(torch.stack([state.t() for state in each]) for each in zip(*last, strict=True))
    if alone:
        sequence = sequence.squeeze(0 if layer.batch_first else 1)
        ends = tuple(end.squeeze(1) for end in ends)
    return sequence, ends if layer.mode == "LSTM" else ends[0]


def _begin(layer: nn.RNNBase, values: Tensor, start: Any) -> States:
    if start is not None:
        return tuple(start) if layer.mode == "LSTM" else (start,)
    many = len(_ends(layer))
    sizes = [layer.proj_size or layer.hidden_size, layer.hidden_size]
    return tuple(
        values.new_zeros(many, values.shape[2], size)
        for size in sizes[: 2 if layer.mode == "LSTM" else 1]
    )


def _mapped(states: Any, change: Any) -> Any:
    return tuple(map(change, states)) if isinstance(states, tuple) else change(states)
