"""How are bounds trained without losing accuracy?"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from radhard.errors import InputError
from radhard.hardenings.bounds.hyrelu import HyReLU
from radhard.hardenings.draft import Draft
from radhard.progress import Progress

__all__ = ["Loss", "Training"]

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
"""The loss as a function of the logits with bounds, the logits without, and the labels."""

_HALVED_EVERY = 10
"""Number of epochs after which the learning rate is halved."""


@dataclass
class Training:
    """Trains bounds by gradients through the smooth form; the rest of the model is not trained.

    The result of an epoch is kept only if the accuracy, in the form to be deployed, decreased by at
    most ``max_drop``, both over all samples and over those ``held_out``.
    """

    draft: Draft
    loss: Loss
    learning_rate: float
    batch: int
    max_drop: float
    held_out: float
    bar: Progress | None = None

    def __post_init__(self) -> None:
        labels, logits = self.draft.labels(), self.draft.workload.logits
        if logits.ndim != 2 or logits.shape[1] < 2 or labels.ndim != 1:
            raise InputError(
                f"{self.draft.by} requires logits (samples, classes) and one label per sample, but "
                f"their shapes are {tuple(logits.shape)} and {tuple(labels.shape)}"
            )
        if len(labels) < 2:
            raise InputError(
                f"{self.draft.by} holds out some of the samples; give at least 2 samples"
            )
        order = self.draft.workload.random(0).permutation(len(labels))
        n_held_out = min(max(1, round(self.held_out * len(labels))), len(labels) - 1)
        self._held = torch.from_numpy(np.sort(order[:n_held_out])).to(labels.device)
        self._rows = order[n_held_out:]

    @contextmanager
    def shown(self, epochs: int) -> Iterator[None]:
        """A context with a progress bar."""
        with Progress(
            epochs, 0, None, shown=self.draft.workload.bar.shown, label="epochs"
        ) as self.bar:
            yield

    def stage(
        self, bounds: Sequence[HyReLU], *, number: int, epochs: int, weights: Sequence[float]
    ) -> None:
        """Train some bounds for a number of epochs, with all others fixed.

        ``weights`` are those of the penalty on large bounds: the first is used until an epoch is
        rejected; then the bounds are restored and the next weight is used.
        """
        greatest = [bound.high.clone() for bound in bounds]
        good, least = greatest, self._drop()
        penalties = iter(weights)
        penalty = next(penalties)
        optimizer = torch.optim.Adam([bound.high for bound in bounds], lr=self.learning_rate)
        for epoch in range(epochs):
            for group in optimizer.param_groups:
                group["lr"] = self.learning_rate * 0.5 ** (epoch // _HALVED_EVERY)
            # Drawn anew from the seed: an epoch has its order whatever earlier epochs drew.
            rng = self.draft.workload.random(1, number, epoch)
            with _learning(self.draft.model, bounds):
                self._epoch(bounds, greatest, optimizer, penalty, rng)
            if self.bar is not None:
                self.bar.advance(np.zeros((1, 0)))
            drop = self._drop()
            # A smooth bound may cost more than that from the start; then no epoch may add to it.
            if drop <= max(self.max_drop, least):
                good = [bound.high.clone() for bound in bounds]
                least = min(least, drop)
                continue
            # A new optimizer below, as the moments of the old one contain the rejected steps.
            _put(bounds, good)
            following = next(penalties, None)
            if following is None:
                break
            penalty = following
            optimizer = torch.optim.Adam([bound.high for bound in bounds], lr=self.learning_rate)

    def _epoch(
        self,
        bounds: Sequence[HyReLU],
        greatest: Sequence[Tensor],
        optimizer: torch.optim.Optimizer,
        penalty: float,
        rng: np.random.Generator,
    ) -> None:
        draft = self.draft
        # Not on the held-out samples, by which an epoch is judged.
        order = torch.from_numpy(rng.permutation(self._rows)).to(draft.workload.logits.device)
        for rows in torch.split(order, self.batch):
            logits = draft.workload.steady(draft.model, draft.workload.data.rows(rows))
            loss = self.loss(logits, draft.workload.logits[rows], draft.labels()[rows])
            total = loss + penalty * torch.stack([(b.high**2).sum() for b in bounds]).sum()
            optimizer.zero_grad()
            torch.autograd.backward(total)
            optimizer.step()
            with torch.no_grad():
                # A bound above the largest observed value would have no effect.
                for bound, most in zip(bounds, greatest, strict=True):
                    bound.high.copy_(torch.minimum(bound.high.clamp_min(0.0), most))

    def _drop(self) -> float:
        """The decrease of the accuracy compared with the model without bounds."""
        draft, right = self.draft, []
        with torch.no_grad():
            for rows, inputs in draft.workload.data.batches(draft.workload.batch):
                right.append(
                    draft.workload.steady(draft.model, inputs).argmax(1) == draft.labels()[rows]
                )
        lost = (draft.workload.logits.argmax(1) == draft.labels()).float() - torch.cat(
            right
        ).float()
        # The held-out samples show overfitting, and all together vary less.
        return float(torch.maximum(lost.mean(), lost[self._held].mean()))


def _put(bounds: Sequence[HyReLU], values: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for bound, value in zip(bounds, values, strict=True):
            bound.high.copy_(value)


@contextmanager
def _learning(model: nn.Module, bounds: Sequence[HyReLU]) -> Iterator[None]:
    """A context in which the bounds are smooth and trainable, and nothing else is."""
    others = [p for p in model.parameters() if p.requires_grad]
    was = [bound.hard for bound in bounds]
    try:
        for parameter in others:
            parameter.requires_grad_(False)
        for bound in bounds:
            bound.hard = False
            bound.high.requires_grad_(True)
        with torch.enable_grad():
            yield
    finally:
        for bound, hard in zip(bounds, was, strict=True):
            bound.hard = hard
            bound.high.requires_grad_(False)
            bound.high.grad = None
        for parameter in others:
            parameter.requires_grad_(True)
