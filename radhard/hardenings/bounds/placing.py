"""How are bounds put into a model, given the ranges of the values?"""

from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor

from radhard.hardenings.bounds.activation_functions import Values
from radhard.hardenings.bounds.bound import Bound, Mode
from radhard.hardenings.draft import Draft
from radhard.hardenings.held_out import hold_out
from radhard.hardenings.part import Part
from radhard.hardenings.profile import Per, Profile, profile
from radhard.hardenings.spot import Spot

__all__ = ["attached", "put_bounds"]

P = TypeVar("P", bound=Part)

Limits = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""The limits of a bound as a function of the smallest and the largest value."""


def put_bounds(
    draft: Draft,
    values_at: Mapping[Spot, Values],
    name: str,
    *,
    per: Per,
    mode: Mode,
    limits: Limits,
    floored: bool = True,
) -> None:
    """Put a `Bound` at every place, and test the bounds on samples held out of the profile.

    Args:
        draft: the model and its data.
        values_at: places, with the values there.
        name: the name of the part in its module.
        per: the granularity of the ranges.
        mode: how values out of bounds are replaced.
        limits: the limits as a function of the observed range.
        floored: whether the lower limit of non-negative values is zero, which is not stored.
    """
    seen = profile(draft, values_at, per=per)
    bounds = {}
    for spot in seen.high:
        _, high = seen.of(spot)
        floor = 0.0 if floored and values_at[spot] != "any" else None
        bound = Bound(
            draft.by, shape=tuple(high.shape), mode=mode, place=spot.place, floor=floor
        ).to(high)
        attached(draft, spot, name, bound)
        bounds[spot] = bound

    def fill(fold: int | None) -> None:
        for spot, bound in bounds.items():
            _fill(bound, seen, spot, limits, fold)

    fill(None)
    # Values that belong to no single sample cannot be held out.
    if seen.divided:
        hold_out(draft, fill)


def attached(draft: Draft, spot: Spot, name: str, part: P) -> P:
    """Put a part at a place of the model, under a name that indicates the side, and return it."""
    # The usual side needs no suffix; a module may have a bound on both.
    plain = "input" if name == "clip" else "output"
    draft.attach(spot.path, name if spot.place == plain else f"{name}_{spot.place}", part)
    return part


def _fill(bound: Bound, seen: Profile, spot: Spot, limits: Limits, fold: int | None) -> None:
    low, high = limits(*seen.of(spot, without=fold))
    if bound.low is not None:
        bound.low.copy_(low)
    # If a rectifier follows, all of its inputs may be negative.
    bound.high.copy_(high if bound.floor is None else torch.clamp_min(high, bound.floor))
