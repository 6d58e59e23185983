"""What if the most vulnerable channels are computed three times?"""

from radhard.errors import InputError
from radhard.hardenings.base import Hardening
from radhard.hardenings.draft import Draft
from radhard.hardenings.redundancy.channel_selection import chosen, protected
from radhard.hardenings.redundancy.copies import described, matrices
from radhard.hardenings.redundancy.voter import Voter
from radhard.spec import component

__all__ = ["Triplication"]


@component
class Triplication(Hardening):
    """Triplicates channels and votes: the usual baseline, at twice the cost of duplication.

    ``share``: the share of the channels of every convolution and linear layer, ranked by the
    scores; the layer that computes the logits is always triplicated completely. If all three copies
    differ, the smallest is used (Ahmadilivani et al., IOLTS 2024).
    """

    share: float = 1.0

    def check(self) -> None:
        if not 0 < self.share <= 1:
            raise InputError(
                f"Triplication: share={self.share} is not allowed; give a share of the channels, "
                "above 0 and up to 1"
            )

    def harden(self, draft: Draft) -> None:
        layers = protected(draft)
        picked = chosen(draft, layers, self.share)
        for name, layer in layers:
            if not picked[name]:
                continue
            weight, bias = matrices(layer)
            part = Voter(draft.by, layer=described(layer), channels=picked[name]).to(weight)
            # The layer itself is the first copy.
            for copies in (part.second, part.third):
                copies.fill(weight, bias, picked[name])
            draft.attach(name, "voter", part)
