"""What if a bound is trained for every neuron?"""

from torch import Tensor
from torch.nn import functional

from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.activation_functions import spots
from radhard.hardenings.bounds.learnable import check_schedule, put
from radhard.hardenings.bounds.training import Training
from radhard.hardenings.draft import Draft
from radhard.hardenings.profile import profile
from radhard.spec import component

__all__ = ["FitAct"]


@component
class FitAct(Hardening):
    """Learns one bound for every neuron, all at once (Ghavami et al., DATE 2022).

    Every ReLU is followed by a `HyReLU` whose bounds are the largest output of each neuron on the
    data. Then ``epochs`` of Adam lower these bounds, minimising the cross-entropy plus ``weight``
    times their mean square. An epoch that reduces the accuracy by more than ``max_drop``, over all
    samples or over those ``held_out``, is undone and is the last. ``hard=False`` deploys the smooth
    form, as published, which halves values at their bound; otherwise values above the bound become
    zero and all others are unchanged. ``kinds`` names additional classes of modules to treat as
    activation functions.

    Cost: One number per neuron; training; some accuracy.
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
        check_schedule(
            "FitAct",
            epochs=(self.epochs,),
            batch=self.batch,
            learning_rate=self.learning_rate,
            slope=self.slope,
            max_drop=self.max_drop,
            held_out=self.held_out,
        )

    def harden(self, draft: Draft) -> None:
        bounded = spots(draft, self.kinds, of="rectifiers")
        training = Training(
            draft,
            cross_entropy,
            learning_rate=self.learning_rate,
            batch=self.batch,
            max_drop=self.max_drop,
            held_out=self.held_out,
        )
        seen = profile(draft, bounded, per="neuron")
        bounds = [
            put(draft, spot, seen.of(spot)[1], slope=self.slope, hard=self.hard)
            for spot in seen.high
        ]
        neurons = sum(bound.high.numel() for bound in bounds)
        # The penalty adds up the squares, and their mean is what the weight refers to.
        weights = [self.weight / neurons]
        with training.shown(self.epochs):
            training.stage(bounds, number=0, epochs=self.epochs, weights=weights)


def cross_entropy(logits: Tensor, golden: Tensor, labels: Tensor) -> Tensor:  # noqa: ARG001
    """Cross-entropy of the bounded network; the outputs of the unbounded one are not used."""
    return functional.cross_entropy(logits, labels)
