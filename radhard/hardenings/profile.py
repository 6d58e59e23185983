"""What are the ranges of the values in a fault-free model?"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.hardenings.draft import Draft
from radhard.hardenings.row_order import RowOrder, row_order
from radhard.hardenings.spot import Spot
from radhard.workload.hooks import module_hooks

__all__ = ["FOLDS", "Per", "Profile", "folds", "profile"]

FOLDS = 5
"""Number of parts of the samples, each of which can be held out."""

_PURPOSE = 17
"""Purpose of the draw of folds, so that it is independent of other draws of a hardening."""

Per = Literal["layer", "channel", "neuron"]
"""Granularity of the ranges: one for all values at a place, one per channel, or one per element of
a sample's value."""


@dataclass
class Profile:
    """Smallest and largest value at every place, for each fold of the samples."""

    low: dict[Spot, Tensor]
    """``(folds, ...)``; infinite for folds without samples."""
    high: dict[Spot, Tensor]
    divided: bool = True
    """Whether each value belongs to one sample; otherwise folds cannot be held out."""

    def of(self, spot: Spot, *, without: int | None = None) -> tuple[Tensor, Tensor]:
        """Smallest and largest value at a place, of all samples or of those outside a fold."""
        folds = [fold for fold in range(FOLDS) if fold != without]
        return self.low[spot][folds].amin(0), self.high[spot][folds].amax(0)


def folds(draft: Draft) -> Tensor:
    """The fold of every sample, drawn at random, since the order of data may depend on classes."""
    order = draft.workload.random(_PURPOSE).permutation(len(draft.workload.data))
    # Folds whose sizes differ by at most one.
    return torch.from_numpy(order % FOLDS)


def profile(
    draft: Draft,
    spots: Collection[Spot],
    *,
    per: Per,
    axis: Mapping[Spot, int] | None = None,
) -> Profile:
    """The ranges of the values at some places, over all data; places never reached are left out.

    Args:
        draft: the model and its data.
        spots: outputs and first inputs of modules.
        per: the granularity of the ranges.
        axis: the axis of the channels at each place, by default 1.

    Raises:
        InputError: values are NaN, or have different shapes although each element has a range, or
            a first input is a keyword argument.
    """
    draft.profiled.extend(spot.path for spot in spots)
    fold_of, watch = folds(draft), _Watch(draft, per, axis or {})
    for rows, batch in draft.workload.data.batches(draft.workload.batch):
        watch.folds = fold_of[rows]
        _pass(draft, spots, batch, watch.see)
        watch.see_unordered(rows)
    return watch.measured


class _Watch:
    """Takes the values at some places into a profile, batch by batch."""

    def __init__(self, draft: Draft, per: Per, axis: Mapping[Spot, int]) -> None:
        self.measured = Profile({}, {})
        self.folds = torch.zeros(0, dtype=torch.int64)
        """Of the samples of the batch."""
        self._draft, self._per, self._axis = draft, per, axis
        self._orders: dict[Spot, RowOrder | None] = {}
        """How the rows of values are ordered, found in the first batch; None if in no known
        order."""
        self._unordered: dict[Spot, list[Tensor]] = {}

    def see(self, spot: Spot, values: Tensor) -> None:
        """Take the values at a place, or keep them until the order of their rows is known."""
        if spot not in self._orders and _is_ambiguous(values, len(self.folds)):
            self._unordered.setdefault(spot, []).append(values.clone())
        else:
            self._take(spot, values, self._orders.get(spot, "by sample"))

    def see_unordered(self, rows: slice) -> None:
        """Find the order of the values that were kept, in a pass of its own, and take them."""
        if not self._unordered:
            return
        self._orders |= _orders(self._draft, self._unordered, len(self.folds), rows)
        for spot, calls in self._unordered.items():
            for values in calls:
                self._take(spot, values, self._orders[spot])
        self._unordered.clear()

    def _take(self, spot: Spot, values: Tensor, order: RowOrder | None) -> None:
        each, rest = divmod(len(values), len(self.folds)) if values.ndim else (0, 1)
        divided = each > 0 and rest == 0 and order is not None
        self.measured.divided &= divided
        for fold in range(FOLDS):
            part = values
            if divided:
                held = (self.folds == fold).to(values.device)
                part = values[
                    held.repeat_interleave(each) if order == "by sample" else held.repeat(each)
                ]
            if not part.ndim or len(part):
                low, high = _extremes(part, self._per, self._axis.get(spot, 1))
                _add(self._draft, self.measured, spot, fold, low, high)


def _is_ambiguous(values: Tensor, samples: int) -> bool:
    """Whether the shape does not tell which rows belong to a sample."""
    # Several rows per sample, such as one for each time step; or as many time steps as samples.
    each, rest = divmod(len(values), samples) if values.ndim else (0, 1)
    return rest == 0 and (each > 1 or (each == 1 and values.shape[1:2] == (samples,)))


def _orders(
    draft: Draft, unordered: Mapping[Spot, Sequence[Tensor]], samples: int, rows: slice
) -> dict[Spot, RowOrder | None]:
    """The order of the rows at some places, given their values in a pass over some samples."""
    again: dict[Spot, list[Tensor]] = {spot: [] for spot in unordered}
    moved = torch.arange(rows.start, rows.stop).roll(1)
    try:
        _pass(
            draft,
            again,
            draft.workload.data.rows(moved),
            lambda spot, values: again[spot].append(values.clone()),
        )
    except (InputError, MemoryError, torch.OutOfMemoryError):
        raise
    # A model may raise anything if it requires samples in their order, such as the longest first.
    except Exception:
        return dict.fromkeys(unordered)
    return {spot: row_order(calls, again[spot], samples) for spot, calls in unordered.items()}


def _pass(draft: Draft, spots: Collection[Spot], batch: Any, see: Any) -> None:
    """Call ``see(spot, values)`` for the values at some places in a pass."""
    inputs, outputs = ({s.path: s for s in spots if s.place == p} for p in ("input", "output"))

    def before(path: str, args: tuple[Any, ...], kwargs: Any) -> None:  # noqa: ARG001
        if not args:
            raise InputError(
                f"{draft.by}: {path!r} is called with keyword arguments only; pass its input as "
                "the first positional argument"
            )
        see(inputs[path], args[0].detach())

    def after(path: str, args: Any, kwargs: Any, output: Tensor) -> None:  # noqa: ARG001
        see(outputs[path], output.detach())

    # The values are evaluated in the hooks, since they may be modified in place later in the pass.
    module = draft.model.get_submodule
    with (
        torch.no_grad(),
        module_hooks({path: module(path) for path in inputs}, before=before),
        module_hooks({path: module(path) for path in outputs}, after=after),
    ):
        draft.workload.steady(draft.model, batch)


def _add(draft: Draft, measured: Profile, spot: Spot, fold: int, low: Tensor, high: Tensor) -> None:
    if spot not in measured.low:
        shape = (FOLDS, *low.shape)
        # The neutral elements, so that folds without samples do not count.
        measured.low[spot] = low.new_full(shape, torch.inf)
        measured.high[spot] = high.new_full(shape, -torch.inf)
    if low.shape != measured.low[spot].shape[1:]:
        raise InputError(
            f"{draft.by}: values of different shapes pass through {spot.path!r}, so there is no "
            "range per position; use one range per layer, or a module of its own for each call"
        )
    if low.isnan().any():
        raise InputError(
            f"{draft.by}: the value of {spot.path!r} contains NaN in a fault-free pass, so there "
            "is no range; correct the model or leave out those samples"
        )
    measured.low[spot][fold] = torch.minimum(measured.low[spot][fold], low)
    measured.high[spot][fold] = torch.maximum(measured.high[spot][fold], high)


def _extremes(values: Tensor, per: Per, axis: int) -> tuple[Tensor, Tensor]:
    if per == "layer":
        return values.amin(), values.amax()
    if per == "neuron":
        return values.amin(0), values.amax(0)
    over = [other for other in range(values.ndim) if other != axis % values.ndim]
    return values.amin(over), values.amax(over)
