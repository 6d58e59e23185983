"""What if every neuron learnt its own bound?"""

from torch import Tensor
from torch.nn import functional

from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.activation_functions import spots
from radhard.hardenings.bounds.learnable import demand_schedule, put
from radhard.hardenings.bounds.training import Training
from radhard.hardenings.draft import Draft
from radhard.hardenings.profile import profile
from radhard.spec import component

__all__ = ["FitAct"]


@component
class FitAct(Hardening):
    """Learns one bound for every neuron, all at once (Ghavami et al., DATE 2022).

    Behind every ReLU a `HyReLU` with the largest value that each neuron gave on the data; then
    ``epochs`` of Adam lower these bounds, such that the cross-entropy stays small, with a penalty
    of ``weight`` on their mean square. An epoch that costs more than ``max_drop`` of the accuracy,
    over all samples or over those ``held_out``, is taken back, and is the last. ``hard=False``
    deploys the smooth form, as published, which halves what is at its bound; otherwise what is
    above the bound is cut off and the rest unchanged. ``kinds`` names further classes of modules to
    take for activation functions.
    """

    epochs: int = 150
    batch: int = 128
    learning_rate: float = 1e-3
    weight: float = 4e-11
    slope: float = 20.0
    max_drop: float = 0.01
    held_out: float = 0.2
    hard: bool = True
    kinds: tuple[str, ...] = ()

    def check(self) -> None:
        demand_schedule(
            "FitAct",
            epochs=(self.epochs,),
            batch=self.batch,
            learning_rate=self.learning_rate,
            slope=self.slope,
            max_drop=self.max_drop,
            held_out=self.held_out,
        )

    def harden(self, draft: Draft) -> None:
        found = spots(draft, self.kinds, of="rectifiers")
        training = Training(
            draft,
            cross_entropy,
            learning_rate=self.learning_rate,
            batch=self.batch,
            max_drop=self.max_drop,
            held_out=self.held_out,
        )
        seen = profile(draft, found, per="neuron")
        bounds = [
            put(draft, spot, seen.of(spot)[1], slope=self.slope, hard=self.hard)
            for spot in seen.high
        ]
        neurons = sum(bound.high.numel() for bound in bounds)
        weights = [self.weight / neurons]
        with training.shown(self.epochs):
            training.stage(bounds, number=0, epochs=self.epochs, weights=weights)


def cross_entropy(logits: Tensor, golden: Tensor, labels: Tensor) -> Tensor:  # noqa: ARG001
    """How far the network with bounds is from the labels; what it said without does not matter."""
    return functional.cross_entropy(logits, labels)
