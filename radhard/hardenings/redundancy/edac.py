"""How are errors in a layer's outputs detected and corrected?"""

from typing import Any, Literal

import torch
from torch import Tensor

from radhard.hardenings.part import Part
from radhard.hardenings.redundancy.copies import Copies, channel_axis
from radhard.internals import is_tracing

__all__ = ["ROUNDING", "Edac", "corrected"]

ROUNDING = 1e-5
"""Effect of another order of summation, as a share of the largest value."""

Compare = Literal["signed", "magnitude"]


class Edac(Part):
    """Error detection and correction after a convolution or linear layer.

    Every channel has the interval ``[low, high]`` of its observed values; some channels are
    computed twice. The output is, for each element (Ahmadilivani et al., IOLTS 2024): the smaller
    of two copies if both are in the interval (A), the copy in the interval if only one is (B, C),
    zero if none is (D); and zero for an element outside the interval of a channel without a copy
    (E). Values that are not finite are in no interval, so that a copy that is NaN is never chosen.
    Two equal copies are accepted up to one width of the interval beyond it (in the paper they
    become zero): they indicate no fault in this layer, but a value that is missing in the profile,
    or a small error from a layer before.

    With ``mode="min"`` there are no intervals: the smaller of two copies is chosen, or the finite
    one if only one is. Copies that differ by rounding only (`ROUNDING`) count as equal.
    """

    def __init__(
        self,
        by: str,
        *,
        layer: dict[str, Any],
        channels: tuple[int, ...],
        mode: Literal["interval", "min"],
        compare: Compare,
    ) -> None:
        super().__init__(by)
        self.layer, self.channels = dict(layer), tuple(channels)
        self.mode, self.compare = mode, compare
        shape = [1] * (0 if layer["kind"] == "Linear" else len(layer["kernel"]))
        self.copies = Copies(self.layer, self.channels) if self.channels else None
        self.low: Tensor | None
        self.high: Tensor | None
        for name in ("low", "high"):
            interval = torch.zeros(int(layer["outputs"]), *shape) if mode == "interval" else None
            self.register_buffer(name, interval)
        # The channel of each copy is part of the structure of the network rather than of its
        # parameters, hence no buffer into which faults could be injected.
        self.rows = torch.tensor(self.channels, dtype=torch.int64)

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "channels": self.channels,
            "mode": self.mode,
            "compare": self.compare,
        }

    def open(self) -> None:
        """Accept every finite value, until intervals are set."""
        if self.low is not None and self.high is not None:
            # Infinite limits still reject NaN and need no separate code path.
            self.low.fill_(-torch.inf)
            self.high.fill_(torch.inf)

    def limit(self, low: Tensor, high: Tensor, *, margin: float) -> None:
        """Set the intervals to observed ones, ``(channels,)``, widened by ``margin`` widths.

        Sums in another order, as in copies or in smaller batches, differ in their last bits; the
        largest observed value must not be treated as an error for that reason.
        """
        assert self.low is not None
        assert self.high is not None
        # Relative to the largest magnitude too: an interval may be narrow and far from zero.
        rounding = ROUNDING * torch.maximum(high - low, torch.maximum(low.abs(), high.abs()))
        wider = margin * (high - low) + rounding
        self.low.copy_((low - wider).reshape(self.low.shape))
        self.high.copy_((high + wider).reshape(self.high.shape))

    def after(self, args: tuple[Any, ...], output: Tensor) -> Tensor:
        copies = None if self.copies is None else self.copies(args[0])
        if copies is not None and self.rows.device != output.device:
            self.rows = self.rows.to(output.device)
        # Checking costs a fraction of writing, and usually there is nothing to correct. But a
        # traced program cannot branch on values, and on a GPU the synchronisation costs more than
        # is saved.
        if not (is_tracing() or output.is_cuda) and self._sound(output, copies):
            return output
        return self._corrected(output, copies)

    def _sound(self, output: Tensor, copies: Tensor | None) -> bool:
        """Whether no element is outside its interval and all copies are equal."""
        axis = channel_axis(self.layer, output)
        if copies is not None:
            originals = output.index_select(axis, self.rows)
            # Exact equality would detect errors in fault-free copies, since another order of
            # summation changes the last bits; correcting these would reduce the accuracy without
            # any fault.
            slack = self._slack(originals, copies)
            # The comparisons are False for NaN, here and below.
            if not bool((originals.sub_(copies).abs_() <= slack).all()):
                return False
        if self.low is None or self.high is None:
            return True
        over = [other for other in range(output.ndim) if other != axis]
        low, high = self.low.flatten(), self.high.flatten()
        return bool(((output.amin(over) >= low) & (output.amax(over) <= high)).all())

    def _slack(self, originals: Tensor, copies: Tensor) -> Tensor:
        """By how much two copies may differ due to the order of summation."""
        if self.low is None or self.high is None:
            # Of the smaller one: a fault that makes one copy huge must not widen its own tolerance.
            return ROUNDING * torch.minimum(originals.abs().max(), copies.abs().max())
        low, high = (limit.index_select(0, self.rows) for limit in (self.low, self.high))
        return ROUNDING * torch.maximum(low.abs(), high.abs())

    def _corrected(self, output: Tensor, copies: Tensor | None) -> Tensor:
        if self.low is None or self.high is None:
            single = output
        else:
            inside = (output >= self.low) & (output <= self.high)
            single = torch.where(inside, output, 0.0)
        if copies is None:
            return single
        axis = channel_axis(self.layer, output)
        low, high = (
            None if limit is None else limit.index_select(0, self.rows)
            for limit in (self.low, self.high)
        )
        originals = output.index_select(axis, self.rows)
        alike = (originals - copies).abs() <= self._slack(originals, copies)
        # Copies that differ by rounding only count as equal, so that the original is chosen and
        # fault-free outputs stay bit by bit.
        chosen = corrected(
            originals, torch.where(alike, originals, copies), low, high, self.compare
        )
        if low is not None and high is not None:
            # A value on which two copies agree is not due to a fault in one of them. With a profile
            # of few samples it is outside the interval so often that replacing it would make the
            # network worse than without hardening.
            wide = high - low
            near = (originals >= low - wide) & (originals <= high + wide)
            chosen = torch.where(alike & near, originals, chosen)
        return single.index_copy(axis, self.rows, chosen)


def corrected(
    first: Tensor,
    second: Tensor,
    low: Tensor | None,
    high: Tensor | None,
    compare: Compare = "signed",
) -> Tensor:
    """The value chosen from two copies, elementwise; without limits any finite value is accepted.

    >>> one, other = torch.tensor([1.0, 9.0, 2.0, 9.0]), torch.tensor([2.0, 2.0, 9.0, 9.0])
    >>> corrected(one, other, torch.tensor(0.0), torch.tensor(5.0))
    tensor([1., 2., 2., 0.])
    """
    good = [
        copy.isfinite() if low is None or high is None else (copy >= low) & (copy <= high)
        for copy in (first, second)
    ]
    size = (first.abs(), second.abs()) if compare == "magnitude" else (first, second)
    # The smaller of two valid ones, or the only valid one.
    first_good = good[0] & ((size[0] <= size[1]) | ~good[1])
    return torch.where(first_good, first, torch.where(good[1], second, 0.0))
