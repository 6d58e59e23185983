"""How are errors in a layer's outputs detected and corrected?"""

from typing import Any, Literal

import torch
from torch import Tensor

from radhard.hardenings.part import Part
from radhard.hardenings.redundancy.copies import Copies, channel_axis

__all__ = ["ROUNDING", "Edac", "corrected"]

ROUNDING = 1e-5
"""What sums in another order may come to, as a share of the largest value."""

Compare = Literal["signed", "magnitude"]


class Edac(Part):
    """Error detection and correction behind a convolution or linear layer.

    Every channel has an interval ``[low, high]`` that its values have been seen in; some channels
    are computed twice. Element by element (Ahmadilivani et al., IOLTS 2024): of two copies in the
    interval the smaller counts (A), of one in it that one (B, C), of none zero (D); a channel
    without copy that leaves its interval is zero there (E). What is not finite is in no interval,
    so that a copy which is NaN never beats a healthy one. Two copies that agree are believed up to
    one width of the interval beyond it (the paper makes zero of them): that is no fault in either,
    but a value that the profile did not happen to have, or a small error of a layer before.

    With ``mode="min"`` there are no intervals: the smaller of two copies counts, and the finite one
    if only one is. Copies that differ by rounding only (`ROUNDING`) count as equal.
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
        # Which channel a copy belongs to is wired, so it is no buffer that a fault may strike.
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
        """Let every finite value pass, until there are intervals."""
        if self.low is not None and self.high is not None:
            # Infinite ends keep the comparison that rejects NaN and need no second code path.
            self.low.fill_(-torch.inf)
            self.high.fill_(torch.inf)

    def limit(self, low: Tensor, high: Tensor, *, margin: float) -> None:
        """Take intervals ``(channels,)`` that were seen, wider by ``margin`` of their width.

        Sums in another order, as of copies or of smaller batches, differ in their last bits; the
        largest value that was ever seen must not be taken for an error because of that.
        """
        assert self.low is not None
        assert self.high is not None
        rounding = ROUNDING * torch.maximum(high - low, torch.maximum(low.abs(), high.abs()))
        wider = margin * (high - low) + rounding
        self.low.copy_((low - wider).reshape(self.low.shape))
        self.high.copy_((high + wider).reshape(self.high.shape))

    def after(self, args: tuple[Any, ...], output: Tensor) -> Tensor:
        copies = None if self.copies is None else self.copies(args[0])
        if copies is not None and self.rows.device != output.device:
            self.rows = self.rows.to(output.device)
        # Looking costs a fraction of writing, and mostly there is nothing to correct. But what is
        # traced has to take one way for all values, and asking a GPU costs more than it saves.
        if not (torch.compiler.is_compiling() or output.is_cuda) and self._sound(output, copies):
            return output
        return self._corrected(output, copies)

    def _sound(self, output: Tensor, copies: Tensor | None) -> bool:
        """Whether no element is outside its interval and all copies are equal."""
        axis = channel_axis(self.layer, output)
        if copies is not None:
            originals = output.index_select(axis, self.rows)
            # Exact equality would find errors in healthy copies: another order of the sums changes
            # the last bits, and correcting those would cost accuracy without any fault.
            slack = self._slack(originals, copies)
            # False where there is a NaN, here and below.
            if not bool((originals.sub_(copies).abs_() <= slack).all()):
                return False
        if self.low is None or self.high is None:
            return True
        over = [other for other in range(output.ndim) if other != axis]
        low, high = self.low.flatten(), self.high.flatten()
        return bool(((output.amin(over) >= low) & (output.amax(over) <= high)).all())

    def _slack(self, originals: Tensor, copies: Tensor) -> Tensor:
        """By how much two copies may differ because their sums are in another order."""
        if self.low is None or self.high is None:
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
        chosen = corrected(
            originals, torch.where(alike, originals, copies), low, high, self.compare
        )
        if low is not None and high is not None:
            # What two copies agree on is no fault of theirs: with a profile of few samples it is
            # outside the interval often enough to make the network worse than without draft.
            wide = high - low
            near = (originals >= low - wide) & (originals <= high + wide)
            chosen = torch.where(alike & near, originals, chosen)
        return single.index_copy(axis, self.rows, chosen)


def corrected(
    one: Tensor, other: Tensor, low: Tensor | None, high: Tensor | None, compare: Compare = "signed"
) -> Tensor:
    """What two copies come to, element by element; without limits only what is not finite is out.

    >>> one, other = torch.tensor([1.0, 9.0, 2.0, 9.0]), torch.tensor([2.0, 2.0, 9.0, 9.0])
    >>> corrected(one, other, torch.tensor(0.0), torch.tensor(5.0))
    tensor([1., 2., 2., 0.])
    """
    good = [
        copy.isfinite() if low is None or high is None else (copy >= low) & (copy <= high)
        for copy in (one, other)
    ]
    size = (one.abs(), other.abs()) if compare == "magnitude" else (one, other)
    first = good[0] & ((size[0] <= size[1]) | ~good[1])
    return torch.where(first, one, torch.where(good[1], other, 0.0))
