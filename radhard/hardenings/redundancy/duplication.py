"""What if the most vulnerable channels are computed twice?"""

from typing import Literal

from torch import nn

from radhard.errors import InputError
from radhard.hardenings.base import Hardening
from radhard.hardenings.draft import Draft
from radhard.hardenings.held_out import hold_out
from radhard.hardenings.profile import profile
from radhard.hardenings.redundancy.channel_selection import chosen, protected
from radhard.hardenings.redundancy.copies import described, matrices
from radhard.hardenings.redundancy.edac import Edac
from radhard.hardenings.spot import Spot
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

    def harden(self, draft: Draft) -> None:
        layers = protected(draft)
        picked = chosen(draft, layers, self.share)
        made = {name: self._part(draft, layer, picked[name]) for name, layer in layers}
        for name, part in made.items():
            if part is not None:
                draft.attach(name, "edac", part)
        if self.edac == "interval":
            self._limit(draft, {name: part for name, part in made.items() if part is not None})

    def _part(self, draft: Draft, layer: nn.Module, channels: tuple[int, ...]) -> Edac | None:
        if self.edac == "min" and not channels:
            return None
        part = Edac(
            draft.by,
            layer=described(layer),
            channels=channels,
            mode=self.edac,
            compare=self.compare,
        )
        weight, bias = matrices(layer)
        part = part.to(weight)
        if part.copies is not None:
            part.copies.fill(weight, bias, channels)
        return part

    def _limit(self, draft: Draft, made: dict[str, Edac]) -> None:
        """Set the intervals, and try them on samples held out of the profile."""
        places = {Spot(name): part for name, part in made.items()}
        axis = {spot: -1 if part.layer["kind"] == "Linear" else 1 for spot, part in places.items()}
        for part in made.values():
            part.open()
        seen = profile(draft, places, per="channel", axis=axis)

        def fill(fold: int | None) -> None:
            for spot, part in places.items():
                part.limit(*seen.of(spot, without=fold), margin=self.margin)

        fill(None)
        if seen.divided:
            hold_out(draft, fill)
