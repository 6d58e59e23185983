"""Which weights are checked together?"""

from collections.abc import Sequence
from typing import Literal

from torch import nn

from radhard.targets.recurrent_layers import gates_of, recurrent_tensor

__all__ = ["PerSet", "gate_counts", "set_numbers"]

PerSet = Literal["model", "set", "tensor"]
"""All weights; the weights of one purpose in a recurrent layer, and any other tensor by itself; or
every tensor by itself."""


def set_numbers(model: nn.Module, names: Sequence[str], per: PerSet) -> tuple[int, ...]:
    """The number of the set to which each tensor belongs, in order of the first tensors.

    A set of a recurrent layer contains its input weights, recurrent weights, projection weights or
    biases, of all of its stacked layers and directions.

    >>> names = ["weight_ih_l0", "weight_hh_l0", "weight_ih_l0_reverse", "weight_hh_l0_reverse"]
    >>> set_numbers(nn.LSTM(2, 3, bidirectional=True), names, "set")
    (0, 1, 0, 1)
    """
    keys: dict[object, int] = {}
    numbers = []
    for name in names:
        found = recurrent_tensor(model, name) if per == "set" else None
        key: object = name if per != "model" else ""
        if found is not None:
            key = id(found.module), found.weights
        numbers.append(keys.setdefault(key, len(keys)))
    return tuple(numbers)


def gate_counts(model: nn.Module, names: Sequence[str]) -> tuple[int, ...]:
    """How many gates the rows of each tensor belong to, 1 where they have none.

    >>> gate_counts(nn.Sequential(nn.GRU(2, 3), nn.Linear(3, 1)), ["0.weight_ih_l0", "1.weight"])
    (3, 1)
    """
    counts = []
    for name in names:
        found = recurrent_tensor(model, name)
        gates = gates_of(found.module) if found is not None else ()
        # A projection has no gates, and a parametrization may store other rows.
        split = found is not None and gates and found.weights != "projection"
        rows = len(gates) * found.module.hidden_size if split and found is not None else 0
        whole = found is not None and rows == found.tensor.shape[0]
        counts.append(len(gates) if whole and gates else 1)
    return tuple(counts)
