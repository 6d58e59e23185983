"""What if the most vulnerable channels are computed twice?"""

from typing import Literal

import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.hardenings.base import Hardening
from radhard.hardenings.redundancy.chosen import chosen, outputs, protected
from radhard.hardenings.redundancy.copies import described
from radhard.hardenings.redundancy.edac import ROUNDING, Edac
from radhard.hardenings.workpiece import Workpiece
from radhard.spec import component

__all__ = ["ChannelDuplication"]


@component
class ChannelDuplication(Hardening):
    """Duplicates the most vulnerable channels and corrects (Ahmadilivani et al., IOLTS 2024).

    ``share`` of the channels of every convolution and linear layer, by the scores; the layer that
    gives the logits always as a whole. ``edac="interval"``: every channel, duplicated or not, also
    has the interval that its outputs had on the data, widened by ``margin`` of its width on each
    side; what leaves it is not believed. ``edac="min"``: of two copies the smaller, and no
    intervals. ``compare``: the smaller by value, or by magnitude. ``share=0``: intervals only.

    Corrected is before the norm and the activation function. What lies outside the intervals
    without any fault, on data other than these, is taken for an error; a hundred-thousandth of the
    largest value is granted to rounding.
    """

    share: float = 0.15
    edac: Literal["interval", "min"] = "interval"
    compare: Literal["signed", "magnitude"] = "signed"
    margin: float = 0.0

    def check(self) -> None:
        if not 0 <= self.share <= 1:
            raise InputError(
                f"ChannelDuplication: share={self.share} is not allowed; a share of the channels, "
                "from 0 to 1"
            )
        if self.margin < 0:
            raise InputError(f"ChannelDuplication: margin={self.margin} is negative")
        if self.share == 0 and self.edac == "min":
            raise InputError(
                "ChannelDuplication: share=0 with edac='min' protects nothing; give a share"
            )

    def harden(self, work: Workpiece) -> None:
        layers = protected(work)
        picked = chosen(work, layers, self.share)
        seen = work.ranges([name for name, _ in layers], per="channel", axis=_channel_axis(layers))
        for name, layer in layers:
            if name not in seen:
                continue
            self._protect(work, name, layer, picked[name], seen[name])

    def _protect(
        self,
        work: Workpiece,
        name: str,
        layer: nn.Module,
        channels: tuple[int, ...],
        seen: tuple[Tensor, Tensor],
    ) -> None:
        if self.edac == "min" and not channels:
            return
        part = Edac(
            work.by,
            layer=described(layer),
            channels=channels,
            mode=self.edac,
            compare=self.compare,
        )
        weight, bias = outputs(layer)
        part = part.to(weight)
        if part.copies is not None:
            part.copies.fill(weight, bias, channels)
        if part.low is not None and part.high is not None:
            low, high = seen
            # Sums in another order, as of copies or of smaller batches, differ in their last bits;
            # the largest value that was ever seen must not be taken for an error because of that.
            rounding = ROUNDING * torch.maximum(high - low, torch.maximum(low.abs(), high.abs()))
            wider = self.margin * (high - low) + rounding
            part.low.copy_((low - wider).reshape(part.low.shape))
            part.high.copy_((high + wider).reshape(part.high.shape))
        work.attach(name, "edac", part)


def _channel_axis(layers: list[tuple[str, nn.Module]]) -> dict[str, int]:
    return {name: -1 if isinstance(layer, nn.Linear) else 1 for name, layer in layers}
