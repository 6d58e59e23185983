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

    ``share``: the share of the channels of every convolution and linear layer, ranked by the
    scores; the layer that computes the logits is always duplicated completely.
    ``edac="interval"``: every channel, duplicated or not, also has the interval of its outputs on
    the data, widened by ``margin`` times its width on each side; values outside count as errors.
    ``edac="min"``: the smaller of two copies is used, without intervals. ``compare``: whether the
    smaller is determined by value or by magnitude. ``share=0``: intervals only.

    Errors are corrected before the normalisation and the activation function. Fault-free values
    that are outside the intervals on other data are treated as errors; the tolerance for rounding
    is a hundred-thousandth of the largest value.

    Cost: Copies of the selected share and of the last layer, two numbers per channel; time: ``make
    bench-hardenings``.
    """

    share: float = 0.15
    edac: Literal["interval", "min"] = "interval"
    compare: Literal["signed", "magnitude"] = "signed"
    margin: float = 0.0

    def check(self) -> None:
        if not 0 <= self.share <= 1:
            raise InputError(
                f"ChannelDuplication: share={self.share} is not allowed; give a share of the "
                "channels, from 0 to 1"
            )
        if self.margin < 0:
            raise InputError(
                f"ChannelDuplication: margin={self.margin} is not allowed; give a number from 0"
            )
        if self.share == 0 and self.edac == "min":
            raise InputError(
                "ChannelDuplication: share=0 with edac='min' protects nothing; give a share above 0"
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
        # Without intervals and copies there is nothing to compare.
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
        """Set the intervals, and test them on samples held out of the profile."""
        places = {Spot(name): part for name, part in made.items()}
        axis = {spot: -1 if part.layer["kind"] == "Linear" else 1 for spot, part in places.items()}
        for part in made.values():
            # The parts are in the model already: intervals of zeros would erase the values to be
            # profiled.
            part.open()
        seen = profile(draft, places, per="channel", axis=axis)

        def fill(fold: int | None) -> None:
            for spot, part in places.items():
                part.limit(*seen.of(spot, without=fold), margin=self.margin)

        fill(None)
        if seen.divided:
            hold_out(draft, fill)
