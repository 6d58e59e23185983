"""How does a recurrent layer store one bias instead of two?"""

from typing import TypeVar

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.module import copied_module
from radhard.targets.recurrent_layers import recurrent_modules, rows_of

__all__ = ["merge_biases", "merged_rows", "stores_one_bias"]

M = TypeVar("M", bound=nn.Module)


def merge_biases(model: M) -> M:
    """A copy of the model whose recurrent layers store the sum of their two biases.

    torch adds a bias to the product with the inputs (``bias_ih``) and another to the product with
    the hidden state (``bias_hh``); most other libraries, and accelerators, store only their sum. In
    the copy, ``bias_ih`` is the sum and ``bias_hh`` is zero, with the exception of the rows of gate
    n of a GRU, where the reset gate multiplies one of the two. Outputs are the same up to rounding.

    Raises:
        InputError: a bias is computed from other tensors (a parametrization).

    >>> lstm = nn.LSTM(2, 3)
    >>> bool((merge_biases(lstm).bias_ih_l0 == lstm.bias_ih_l0 + lstm.bias_hh_l0).all())
    True
    """
    twin = copied_module(model)
    done: set[int] = set()
    for path, module in recurrent_modules(twin):
        if id(module) in done:
            continue
        done.add(id(module))
        for name in [n for n, _ in module.named_parameters() if "bias_ih" in n]:
            other = name.replace("bias_ih", "bias_hh")
            # What is computed from other tensors in every pass cannot hold a sum.
            if name not in module._parameters or other not in module._parameters:
                where = f"{path}.{name}" if path else name
                raise InputError(
                    f"{where!r} is computed from other tensors, so that the sum cannot be stored "
                    "in it; remove the parametrization first"
                )
            _merge(module.get_parameter(name), module.get_parameter(other), merged_rows(module))
    return twin


def merged_rows(module: nn.RNNBase | nn.RNNCellBase) -> slice:
    """The rows of ``bias_hh`` that are only ever added to those of ``bias_ih``."""
    if isinstance(module, nn.GRU | nn.GRUCell):
        return slice(0, rows_of(module, "n").start)
    return slice(None)


def stores_one_bias(module: nn.RNNBase | nn.RNNCellBase, added: Tensor) -> bool:
    """Whether ``added``, a ``bias_hh`` of the module, is zero wherever it could be merged."""
    return not bool(added.detach()[merged_rows(module)].any())


def _merge(bias: Tensor, other: Tensor, rows: slice) -> None:
    # Biases that are tied to each other are one tensor, in which no zero may be written.
    if bias is other:
        raise InputError("a layer whose two biases are one parameter cannot store their sum")
    with torch.no_grad():
        bias[rows] += other[rows]
        other[rows] = 0
