"""Which state does a pass leave on which a later pass depends?"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from radhard.datasets.batch import mapped
from radhard.datasets.data import Data
from radhard.forward import Forward
from radhard.state import State

__all__ = ["StateBetweenPasses", "few_rows", "state_between_passes"]

_ROWS = 2
"""Samples of a test pass: what is written and read does not depend on their number."""


def few_rows(model: nn.Module, data: Data, call: Forward, batch: int, state: State) -> Any:
    """The samples of a cheap test pass: a few, or a whole batch if the model accepts no other
    number of samples. The model is restored to ``state``.
    """
    whole = min(batch, len(data))
    rows = data.rows(slice(0, min(_ROWS, whole)))
    if whole <= _ROWS:
        return rows
    try:
        with torch.no_grad():
            call(model, mapped(rows, torch.clone))
    except (MemoryError, torch.OutOfMemoryError):
        raise
    except Exception:
        return data.rows(slice(0, whole))
    finally:
        state.restore(thorough=True)
    return rows


@dataclass(frozen=True)
class StateBetweenPasses:
    """The state that passes leave for later passes."""

    names: tuple[str, ...] = ()
    """The buffers and attributes on which later outputs depend; a graph does not contain these."""
    outside: bool = False
    """Whether outputs depend on earlier passes although all of these are restored."""


def state_between_passes(
    model: nn.Module, rows: Any, call: Forward, state: State
) -> StateBetweenPasses:
    """Compare a pass with one that follows passes over very different inputs.

    The other inputs are a thousand times as large, and NaN, as values may be under a fault. Outputs
    that differ depend on state that earlier passes left. ``rows`` are those of `few_rows`. The
    model is restored to ``state``.

    The outputs are compared after each of the others: a model that computes something else in
    every second pass gives the same ones again after two.
    """

    def outputs() -> Tensor:
        return call(model, mapped(rows, torch.clone)).detach().clone()

    try:
        with torch.no_grad():
            before = outputs()
            # Thorough, by comparing all values: a write through .data or NumPy leaves no trace in
            # the versions of tensors.
            written = state.restore(thorough=True)
            random = not _equal(outputs(), before)
            state.restore(thorough=True)
            after = []
            for other in _others(rows):
                _attempt(call, model, other)
                after.append(outputs())
            written += state.restore(thorough=True)
            if random:  # no two passes are equal: only what is written can be determined
                return StateBetweenPasses(tuple(dict.fromkeys(written)))
            if all(_equal(one, before) for one in after):
                return StateBetweenPasses()
            # All that is known was put back, and the outputs still differ: the rest is somewhere
            # else.
            if not _equal(outputs(), before):
                return StateBetweenPasses(tuple(dict.fromkeys(written)), outside=True)
            return StateBetweenPasses(tuple(dict.fromkeys(written)))
    finally:
        state.restore(thorough=True)


def _others(rows: Any) -> Iterator[Any]:
    """Inputs that leave other state than the given ones."""
    yield mapped(rows, lambda t: t * 1000 if t.is_floating_point() else t.flip(-1))
    yield mapped(rows, lambda t: torch.full_like(t, torch.nan) if t.is_floating_point() else t)


def _attempt(call: Forward, model: nn.Module, batch: Any) -> None:
    """A pass over inputs that the model may reject; what it wrote until then counts as well."""
    with suppress(
        ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError
    ):
        call(model, batch)


def _equal(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.equal(one, other)
