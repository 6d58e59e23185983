"""Which weights does a recurrent layer have, and which of their rows belong to which gate?"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

__all__ = [
    "Direction",
    "Gate",
    "RecurrentTensor",
    "WeightSet",
    "gates_of",
    "recurrent_modules",
    "recurrent_tensor",
    "recurrent_tensors",
    "rows_of",
]

WeightSet = Literal["input", "recurrent", "projection", "bias"]
"""What a tensor is multiplied by: the inputs, the hidden state, the hidden state before its
projection (``proj_size`` of an LSTM), or nothing."""

Gate = Literal["i", "f", "g", "o", "r", "z", "n"]

Direction = Literal["forward", "reverse"]

_GATES: tuple[tuple[tuple[type[nn.Module], ...], tuple[Gate, ...]], ...] = (
    ((nn.LSTM, nn.LSTMCell), ("i", "f", "g", "o")),
    ((nn.GRU, nn.GRUCell), ("r", "z", "n")),
)
"""The gates of each kind of layer, in the order of the rows of its weights."""

_SETS: dict[str, WeightSet] = {
    "weight_ih": "input",
    "weight_hh": "recurrent",
    "weight_hr": "projection",
    "bias_ih": "bias",
    "bias_hh": "bias",
}

# The older ``weight_norm`` splits weight_hh_l0 into weight_hh_l0_g and weight_hh_l0_v.
_NAME = re.compile(r"((?:weight|bias)_(?:ih|hh|hr))(?:_l(\d+)(_reverse)?)?(?:_[gv])?")

_ORIGINAL = re.compile(r"original\d*")
"""How a parametrization calls the tensors that take the place of a weight."""


@dataclass(frozen=True)
class RecurrentTensor:
    """A weight or a bias of a recurrent layer; a cell is layer 0 in the forward direction."""

    name: str
    """Its qualified name in the model."""
    kind: str
    """How torch calls it, without layer and direction: ``"weight_ih"``."""
    tensor: Tensor
    module: nn.RNNBase | nn.RNNCellBase
    """The layer or cell that it belongs to."""
    layer: int
    direction: Direction

    @property
    def weights(self) -> WeightSet:
        """The set of weights that it belongs to."""
        return _SETS[self.kind]


def recurrent_modules(
    model: nn.Module,
) -> Iterator[tuple[str, nn.RNNBase | nn.RNNCellBase]]:
    """torch's recurrent layers and cells, each under each of its names."""
    for path, module in model.named_modules(remove_duplicate=False):
        if isinstance(module, nn.RNNBase | nn.RNNCellBase):
            yield path, module


def recurrent_tensors(model: nn.Module) -> Iterator[RecurrentTensor]:
    """The weights and biases of all recurrent layers, also those of parametrized ones."""
    for path, module in recurrent_modules(model):
        for inner, _ in module.named_parameters(remove_duplicate=False):
            found = recurrent_tensor(model, f"{path}.{inner}" if path else inner)
            if found is not None:
                yield found


def recurrent_tensor(model: nn.Module, name: str) -> RecurrentTensor | None:
    """The weight or bias of a recurrent layer with this name; None if it is none."""
    path, _, own = name.rpartition(".")
    if _ORIGINAL.fullmatch(own):
        # torch moves the tensors of a parametrized weight below its name:
        # parametrizations.weight_hh_l0.original.
        path, _, own = path.rpartition("parametrizations.")
    module = model.get_submodule(path.removesuffix("."))
    found = _NAME.fullmatch(own)
    if found is None or not isinstance(module, nn.RNNBase | nn.RNNCellBase):
        return None
    direction: Direction = "reverse" if found[3] else "forward"
    tensor = model.get_parameter(name)
    return RecurrentTensor(name, found[1], tensor, module, int(found[2] or 0), direction)


def gates_of(module: nn.Module) -> tuple[Gate, ...]:
    """The gates of a layer, in the order of their rows in its weights; none of an ``nn.RNN``.

    >>> gates_of(nn.GRUCell(3, 5))
    ('r', 'z', 'n')
    """
    return next((gates for kinds, gates in _GATES if isinstance(module, kinds)), ())


def rows_of(module: nn.RNNBase | nn.RNNCellBase, gate: Gate) -> slice:
    """The rows of a gate in the weights and biases of its layer.

    >>> rows_of(nn.LSTM(3, 5), "f")
    slice(5, 10, None)
    """
    at = gates_of(module).index(gate) * module.hidden_size
    return slice(at, at + module.hidden_size)
