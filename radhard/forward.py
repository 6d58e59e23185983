"""How is a model asked for its outputs?"""

from collections.abc import Callable, Mapping
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
        paths = [path for path, _ in leaves(outputs)]
        parts = ", ".join(".".join(path) for path in paths) or "no tensor"
        raise InputError(
            f"the model returns {type(outputs).__name__} with {parts}; say where the logits are: "
            f"call=lambda model, batch: {_called(batch)}{_access(outputs, paths)} "
            "(on the command line: --call file.py:function)"
        )
    return outputs


def _called(batch: Any) -> str:
    """The call of a model in Python, as `plain` makes it."""
    if isinstance(batch, dict):
        return "model(**batch)"
    return "model(*batch)" if isinstance(batch, tuple | list) else "model(batch)"


def _access(outputs: Any, paths: list[tuple[str, ...]]) -> str:
    """What follows a call of the model to get its logits, or the first tensor, in Python."""
    if not paths:
        return "[...]"
    path = next((path for path in paths if path[-1] == "logits"), paths[0])
    text = ""
    for step in path:
        if isinstance(outputs, Mapping):
            key = next(key for key in outputs if str(key) == step)
            text, outputs = f"{text}[{key!r}]", outputs[key]
        elif step.isdecimal():
            text, outputs = f"{text}[{step}]", outputs[int(step)]
        else:
            text, outputs = f"{text}.{step}", getattr(outputs, step)
    return text


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
                f"do model and data suit each other?{_hint(model, batch, error)}"
            ) from error

    return asked


def _hint(model: nn.Module, batch: Any, error: Exception) -> str:
    """What may be the reason of a failed pass, where the batch tells; empty if it does not."""
    if isinstance(error, TypeError) and isinstance(batch, tuple | list) and len(batch) > 1:
        kind, n = type(batch).__name__, len(batch)
        return (
            f" A {kind} of {n} is given to the model as {n} arguments; samples, or batches, with "
            "labels come from a torch Dataset or DataLoader"
        )
    inputs = {t.dtype for _, t in leaves(batch) if t.is_floating_point()}
    own = {parameter.dtype for parameter in model.parameters() if parameter.is_floating_point()}
    if isinstance(error, RuntimeError) and inputs and own and not inputs & own:
        names = [", ".join(sorted(str(d).removeprefix("torch.") for d in x)) for x in (inputs, own)]
        return (
            f" Inputs are {names[0]} and weights {names[1]}: convert one of them, as in "
            f"inputs.to({sorted(map(str, own))[0]})"
        )
    return ""
