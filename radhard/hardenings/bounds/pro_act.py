"""What if bounds are trained layer by layer, from the last to the first?"""

from typing import Literal

from torch import Tensor
from torch.nn import functional

from radhard.errors import InputError
from radhard.hardenings.base import Hardening
from radhard.hardenings.bounds.activation_functions import spots
from radhard.hardenings.bounds.learnable import check_schedule, put
from radhard.hardenings.bounds.training import Training
from radhard.hardenings.draft import Draft
from radhard.hardenings.profile import profile
from radhard.spec import component

__all__ = ["ProAct", "distillation"]

Direction = Literal["teacher", "student"]


@component
class ProAct(Hardening):
    """Learns bounds layer by layer from the last to the first (Mousavi et al., ProAct, 2024).

    Every ReLU is followed by a `HyReLU`: the last one before the output with a bound per neuron,
    all others with one bound per layer. The bounds start at the largest observed values; Adam
    lowers those of one layer at a time, with the unbounded model as the teacher. The loss is the
    cross-entropy, plus the divergence from the teacher's outputs (``temperature``, ``direction``:
    see `distillation`), plus a penalty on the squares of the bounds. The weight of the penalty is
    the first of ``weights`` until an epoch reduces the accuracy by more than ``max_drop``, over all
    samples or over those ``held_out``; such an epoch is undone, and the next weight is used. The
    learning rate is halved every 10 epochs.

    ``hard=False`` deploys the smooth form that was trained. It halves values at their bound, so
    that even the initial bounds affect the accuracy; with ``hard=True`` values above the bound
    become zero and all others are unchanged. ``kinds`` names additional classes of modules to treat
    as activation functions.

    Cost: One number per layer, and one per neuron of the last activation; training; some accuracy.
    """

    epochs: int = 20
    last_epochs: int = 50
    batch: int = 128
    learning_rate: float = 0.01
    weights: tuple[float, ...] = (4e-5, 4e-7, 4e-9, 4e-11, 4e-13, 4e-15)
    temperature: float = 1.0
    direction: Direction = "teacher"
    slope: float = 20.0
    max_drop: float = 0.002
    held_out: float = 0.2
    hard: bool = True
    kinds: tuple[str, ...] = ()

    def check(self) -> None:
        check_schedule(
            "ProAct",
            epochs=(self.epochs, self.last_epochs),
            batch=self.batch,
            learning_rate=self.learning_rate,
            slope=self.slope,
            max_drop=self.max_drop,
            held_out=self.held_out,
        )
        if not self.weights or min(self.weights) < 0:
            raise InputError(
                f"ProAct: weights={self.weights} is not allowed; give at least one weight, none "
                "negative"
            )
        if self.temperature <= 0:
            raise InputError(
                f"ProAct: temperature={self.temperature} is not allowed; give a number above 0"
            )

    def harden(self, draft: Draft) -> None:
        # In the order of the pass: the last one is nearest to the output.
        bounded = list(spots(draft, self.kinds, of="rectifiers"))
        training = Training(
            draft,
            self._loss,
            learning_rate=self.learning_rate,
            batch=self.batch,
            max_drop=self.max_drop,
            held_out=self.held_out,
        )
        # Two profiles, as ranges by layer and by neuron have different shapes.
        earlier = profile(draft, bounded[:-1], per="layer")
        last = profile(draft, bounded[-1:], per="neuron")
        bounds = [
            put(draft, spot, seen.of(spot)[1], slope=self.slope, hard=self.hard)
            for seen in (earlier, last)
            for spot in bounded
            if spot in seen.high
        ]
        with training.shown(self.last_epochs + self.epochs * (len(bounds) - 1)):
            # ``number`` is 0 for the last bound, which gets the longer training.
            for number, bound in enumerate(reversed(bounds)):
                epochs = self.epochs if number else self.last_epochs
                training.stage([bound], number=number, epochs=epochs, weights=self.weights)

    def _loss(self, logits: Tensor, golden: Tensor, labels: Tensor) -> Tensor:
        taught = distillation(
            logits, golden, temperature=self.temperature, direction=self.direction
        )
        return taught + functional.cross_entropy(logits, labels)


def distillation(
    student: Tensor, teacher: Tensor, *, temperature: float = 1.0, direction: Direction = "teacher"
) -> Tensor:
    """Mean divergence of the outputs of two networks, from logits ``(samples, classes)``.

    ``direction="teacher"`` is KL(teacher || student), as usual in distillation; ``"student"`` is
    KL(student || teacher), as printed in the paper.

    >>> import torch
    >>> logits = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0986, 0.0]])
    >>> round(float(distillation(*logits)), 4), round(float(distillation(*logits[::-1])), 4)
    (0.1308, 0.1438)
    """
    says, knows = (functional.log_softmax(x / temperature, dim=1) for x in (student, teacher))
    if direction == "student":
        # kl_div has the target second, which weights the differences.
        says, knows = knows, says
    return functional.kl_div(says, knows, reduction="batchmean", log_target=True)
