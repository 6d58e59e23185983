"""Do the fault-free outputs match those of the run that is continued?"""

from math import isfinite
from typing import Any

import torch
from torch import Tensor

__all__ = ["excerpt", "like_excerpt"]

_SAMPLES = 8
_VALUES = 16
"""Number of values kept: the first few are enough to recognise another ``call``."""

_APART = 0.02
"""Tolerance for rounding on another machine, as a share of the largest absolute value."""


def excerpt(outputs: Tensor) -> dict[str, Any]:
    """Some of the outputs, ``(samples, ...)``, as JSON values; None for values that are not finite.

    The fingerprints of a model and its data do not determine the function that a campaign evaluates
    (``call``, attributes that are not tensors); its outputs identify it. They are compared with a
    tolerance, since a run may be continued on another machine.
    """
    values = _first(outputs)
    kept = [[_rounded(v) for v in row] for row in values.tolist()]
    return {"shape": list(outputs.shape[1:]), "values": kept}


def like_excerpt(outputs: Tensor, known: Any) -> bool:
    """Whether outputs match the `excerpt` ``known``; True if ``known`` is not an excerpt."""
    if not isinstance(known, dict) or not isinstance(known.get("values"), list):
        return True
    asked = excerpt(outputs)
    if known.get("shape") != asked["shape"]:
        return False
    one, other = _flat(known["values"]), _flat(asked["values"])
    if len(one) != len(other):
        return False
    sizes = [abs(v) for v in (*one, *other) if v is not None and isfinite(v)]
    most = _APART * max(sizes, default=0.0)
    return all(
        # A value that is not finite was stored as None: it must be so in both.
        a is b if a is None or b is None else abs(a - b) <= most
        for a, b in zip(one, other, strict=True)
    )


def _rounded(value: float) -> float | None:
    """A number rounded to six digits, or None if it is not finite."""
    return float(f"{value:.6g}") if isfinite(value) else None


def _first(outputs: Tensor) -> Tensor:
    rows = outputs[:_SAMPLES].detach().cpu()
    if rows.is_complex():
        rows = torch.view_as_real(rows)
    return rows.reshape(len(rows), -1)[:, :_VALUES].double()


def _flat(rows: list[Any]) -> list[float | None]:
    """The numbers in a list of rows from an untrusted file; anything else is left out."""
    return [
        v
        for row in rows
        if isinstance(row, list)
        for v in row
        if v is None or (isinstance(v, int | float) and not isinstance(v, bool))
    ]
