"""How are bounds put into a model, from the range of the values that they bound?"""

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
"""The limits of a bound, from the least and the greatest value."""


def put_bounds(
    draft: Draft,
    found: Mapping[Spot, Values],
    name: str,
    *,
    per: Per,
    mode: Mode,
    limits: Limits,
    floored: bool = True,
) -> None:
    """Put a `Bound` at every place, and try it on samples held out of the profile.

    Args:
        draft: the model and its data.
        found: places, with what flows there.
        name: of the part in its module.
        per: for what there is a range.
        mode: what becomes of values out of bounds.
        limits: of the range that was seen.
        floored: whether zero is the lower end where nothing less flows, and takes no memory then.
    """
    seen = profile(draft, found, per=per)
    bounds = {}
    for spot in seen.high:
        _, high = seen.of(spot)
        floor = 0.0 if floored and found[spot] != "any" else None
        bound = Bound(
            draft.by, shape=tuple(high.shape), mode=mode, place=spot.place, floor=floor
        ).to(high)
        attached(draft, spot, name, bound)
        bounds[spot] = bound

    def fill(fold: int | None) -> None:
        for spot, bound in bounds.items():
            _fill(bound, seen, spot, limits, fold)

    fill(None)
    if seen.divided:
        hold_out(draft, fill)


def attached(draft: Draft, spot: Spot, name: str, part: P) -> P:
    """The part, put at a place of the model under a name that says on which side it stands."""
    plain = "input" if name == "clip" else "output"
    draft.attach(spot.path, name if spot.place == plain else f"{name}_{spot.place}", part)
    return part


def _fill(bound: Bound, seen: Profile, spot: Spot, limits: Limits, fold: int | None) -> None:
    low, high = limits(*seen.of(spot, without=fold))
    if bound.low is not None:
        bound.low.copy_(low)
    # Where a rectifier follows, all that it is given may be below zero.
    bound.high.copy_(high if bound.floor is None else torch.clamp_min(high, bound.floor))
