"""How is a model asked for its outputs?"""

from collections.abc import Callable
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.tree import leaves

__all__ = ["Forward", "faultless", "plain"]

Forward = Callable[[nn.Module, Any], Tensor]
"""Computes a model's outputs for a batch: ``(model, batch) -> (samples, ...)``."""


def plain(model: nn.Module, batch: Any) -> Tensor:
    """Call the model with a batch: a tensor as it is, a tuple or list as arguments, a dict by name.

    Raises:
        InputError: the model returns something else than one tensor; a function of model and
            batch has to say which part holds the logits.
    """
    if isinstance(batch, dict):
        outputs = model(**batch)
    elif isinstance(batch, tuple | list):
        outputs = model(*batch)
    else:
        outputs = model(batch)
    if not isinstance(outputs, Tensor):
        parts = ", ".join(".".join(path) for path, _ in leaves(outputs)) or "no tensor"
        raise InputError(
            f"the model returns {type(outputs).__name__} with {parts}; say where the logits are: "
            "call=lambda model, batch: model(batch)[...] "
            "(on the command line: --call file.py:function)"
        )
    return outputs


def faultless(call: Forward) -> Forward:
    """The same question, asked of a model without faults: if that fails, the input is at fault."""

    def asked(model: nn.Module, batch: Any) -> Tensor:
        try:
            return call(model, batch)
        except (InputError, MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:
            # Of several lines the first says most, unless it is that of a module's own text.
            text = str(error).strip()
            first = (text.splitlines() or [""])[0]
            shown = first if not first.endswith("(") else shorten(" ".join(text.split()), 300)
            raise InputError(
                f"the fault-free forward pass fails: {type(error).__name__}: {shown}; "
                "do model and data suit each other?"
            ) from error

    return asked
