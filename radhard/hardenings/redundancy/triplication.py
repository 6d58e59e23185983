"""What if the most vulnerable channels are computed three times?"""

from radhard.errors import InputError
from radhard.hardenings.base import Hardening
from radhard.hardenings.draft import Draft
from radhard.hardenings.redundancy.channel_selection import chosen, protected
from radhard.hardenings.redundancy.copies import described, matrices
from radhard.hardenings.redundancy.critical_neurons import (
    check_threshold,
    critical_neurons,
    record_effect,
)
from radhard.hardenings.redundancy.neuron_voter import NeuronVoter
from radhard.hardenings.redundancy.voter import Voter
from radhard.spec import component

__all__ = ["Triplication"]


@component
class Triplication(Hardening):
    """Triplicates channels and votes: the usual baseline, at twice the cost of duplication.

    ``share``: the share of the channels of every convolution and linear layer, ranked by the
    scores; the layer that computes the logits is always triplicated completely. If all three copies
    differ, the smallest is used (Ahmadilivani et al., IOLTS 2024).

    ``threshold``: triplicate the neurons whose score is at least this, in place of channels: single
    elements of the outputs of modules, as the baseline of `NeuronSplitting`. Their copies share the
    weights, so that faults in weights stay.

    Cost: Two copies.
    """

    share: float = 1.0
    threshold: float | None = None

    def check(self) -> None:
        if self.threshold is not None:
            check_threshold(self.threshold, "Triplication")
            if self.share != 1:
                raise InputError(
                    f"{self!r}: a share of the channels and a threshold for neurons exclude each "
                    "other; give one of them"
                )
        if not 0 < self.share <= 1:
            raise InputError(
                f"Triplication: share={self.share} is not allowed; give a share of the channels, "
                "above 0 and up to 1"
            )

    def harden(self, draft: Draft) -> None:
        if self.threshold is not None:
            found = critical_neurons(draft, self.threshold, lambda name, events: "")  # noqa: ARG005
            for one in found:
                part = NeuronVoter(draft.by, shape=one.shape, elements=one.elements)
                draft.attach(one.module, "voter", part)
            record_effect(draft, found, copies=3)
            return
        layers = protected(draft)
        picked = chosen(draft, layers, self.share)
        for name, layer in layers:
            if not picked[name]:
                continue
            weight, bias = matrices(layer)
            voter = Voter(draft.by, layer=described(layer), channels=picked[name]).to(weight)
            # The layer itself is the first copy.
            for copies in (voter.second, voter.third):
                copies.fill(weight, bias, picked[name])
            draft.attach(name, "voter", voter)
