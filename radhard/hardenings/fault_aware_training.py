"""What if the weights are trained while they are faulty?"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from radhard.errors import InputError
from radhard.evaluation import evaluating
from radhard.faults import BitFlip, FaultModel
from radhard.formats import Float32, Format, ProtectedFormat
from radhard.hardenings.base import Hardening
from radhard.hardenings.draft import Draft
from radhard.hardenings.faulty_weights import FaultyWeights
from radhard.hardenings.part import Part
from radhard.space import FaultSpace, Numbers
from radhard.spec import component
from radhard.stats import Cell, mean_difference, percent
from radhard.targets import Target, Weights
from radhard.training import StepRate
from radhard.training.schedule import training_seed

__all__ = ["FaultAwareTraining", "FaultTraining"]


@component
class FaultAwareTraining(Hardening):
    """Fine-tunes a network under faults in its stored tensors: ``FaultAwareTraining(1e-4)``.

    In every step each fault of ``fault`` in words of ``target``, stored as ``format``, occurs with
    probability ``rate``. The forward and the backward pass compute with the faulty values, and the
    gradients update the fault-free ones (a straight-through estimate). Modules are in evaluation
    mode, since faulty activations would destroy the statistics of a batch norm. Gradients are
    clipped to a norm of 1; steps with a gradient that is not finite, frequent where a flip can make
    a weight huge, are skipped.

    A share ``held_out`` of the samples is not trained on. On these the accuracy under ``trials``
    draws of faults is measured before and after, with the same faults, and recorded with the
    interval of the difference. The model itself should not have been trained on the data, or the
    accuracy before is too high. It says little about faults at other rates; verify with a campaign.

    ``epochs`` and ``learning_rate`` are those of Adam.

    Cost: Training; some accuracy without faults.
    """

    rate: float
    target: Target = Weights("*")
    fault: FaultModel = BitFlip()
    format: Format = Float32()
    epochs: int = 5
    learning_rate: float = 1e-3
    held_out: float = 0.2
    trials: int = 20

    def check(self) -> None:
        if not 0 < self.rate <= 1:
            raise InputError(
                f"FaultAwareTraining: rate={self.rate} is not allowed; give a probability above 0, "
                "up to 1"
            )
        if self.target.role not in ("weight", "bias"):
            raise InputError(
                f"FaultAwareTraining: target={self.target!r} is not trained; give Weights or Biases"
            )
        if isinstance(self.format, ProtectedFormat):
            raise InputError(
                f"FaultAwareTraining: format={self.format!r} corrects faults; give its inner format"
            )
        if self.epochs < 1 or self.trials < 1 or not self.learning_rate > 0:
            raise InputError(
                f"FaultAwareTraining: epochs={self.epochs}, trials={self.trials}, learning_rate="
                f"{self.learning_rate} are not allowed; give numbers from 1 and a rate above 0"
            )
        if not 0 < self.held_out < 1:
            raise InputError(
                f"FaultAwareTraining: held_out={self.held_out} is not allowed; give a share of the "
                "samples between 0 and 1"
            )

    def harden(self, draft: Draft) -> None:
        draft.workload.check_classifier(draft.by)
        labels = draft.labels()
        if len(labels) < 2:
            raise InputError(f"{draft.by} holds out some of the samples; give at least 2")
        space = FaultSpace.of(draft.model, self.target, self.fault, self.format, planes="codes")
        training = _Training(self, draft, space, *_split(draft, self.held_out))
        before = training.measure()
        skipped, steps = training.train()
        after = training.measure()
        # In pairs: both models met the same draws, so that their differences vary less than the
        # accuracies.
        gain = mean_difference([Cell(after.faulty - before.faulty, None)])
        draft.cover("tensors", [s.name for s in space.sites], {})
        draft.findings.append(
            f"on {len(training.held):,} held-out samples, under the same {self.trials:,} draws of "
            f"faults at rate {self.rate:g}, the accuracy is {percent(before.faulty.mean())} before "
            f"and {percent(after.faulty.mean())} after, a difference of {gain}; without faults "
            f"{percent(before.clean)} and {percent(after.clean)}; {skipped:,} of {steps:,} steps "
            "were skipped"
        )
        draft.attach_to_model(
            "fault_training", FaultTraining(draft.by, steps=steps, skipped=skipped)
        )


class FaultTraining(Part):
    """Records that a model was trained under faults; it does not act."""

    place = "nowhere"

    def __init__(self, by: str, *, steps: int, skipped: int) -> None:
        super().__init__(by)
        self.steps, self.skipped = int(steps), int(skipped)

    @property
    def settings(self) -> dict[str, Any]:
        return {"steps": self.steps, "skipped": self.skipped}


@dataclass(frozen=True)
class _Accuracies:
    """The shares of the held-out samples whose prediction is right."""

    clean: float
    faulty: np.ndarray
    """Under each draw of faults, ``(trials,)``."""


@dataclass(frozen=True)
class _Training:
    by: FaultAwareTraining
    draft: Draft
    space: FaultSpace
    held: Tensor
    rows: np.ndarray

    @property
    def weights(self) -> FaultyWeights:
        """The tensors that are faulty."""
        return FaultyWeights(self.draft.model, self.space)

    def train(self) -> tuple[int, int]:
        """The number of steps that were skipped, and of all."""
        draft, model = self.draft, self.draft.model
        learning = [p for p in model.parameters() if p.requires_grad]
        if not learning:
            raise InputError(f"{draft.by}: no parameter has requires_grad=True")
        draw = self._draw(0)
        labels, workload = draft.labels(), draft.workload
        optimizer = torch.optim.Adam(learning, lr=self.by.learning_rate)
        rng, step, skipped = workload.random(1), 0, 0
        with evaluating(model, keep=False), torch.enable_grad():
            for _ in range(self.by.epochs):
                order = torch.from_numpy(rng.permutation(self.rows)).to(labels.device)
                for rows in torch.split(order, workload.batch):
                    optimizer.zero_grad()
                    with self.weights.faulty(draw(step)):
                        logits = workload.steady(model, workload.data.rows(rows))
                        error = functional.cross_entropy(logits, labels[rows])
                        # Before the faults are removed: the backward pass reads the weights
                        # themselves, not a copy.
                        torch.autograd.backward(error)
                    # The norm before clipping, which is not finite if any gradient is not.
                    norm = torch.nn.utils.clip_grad_norm_(learning, 1.0)
                    if torch.isfinite(norm):
                        optimizer.step()
                    else:
                        skipped += 1
                    step += 1
        optimizer.zero_grad()
        with torch.no_grad():
            # Trained weights lie between the words; the model is to be deployed in the format.
            self.weights.round()
        return skipped, step

    def measure(self) -> _Accuracies:
        """The accuracies on the held-out samples."""
        draw = self._draw(1)
        faulty = [self._accuracy(draw(trial)) for trial in range(self.by.trials)]
        return _Accuracies(self._accuracy(np.zeros(0, np.int64)), np.array(faulty))

    def _draw(self, which: int) -> Any:
        return StepRate(self.by.rate).draw(
            self.space, training_seed(self.draft.workload.seed, which)
        )

    def _accuracy(self, faults: Numbers) -> float:
        draft, right = self.draft, 0
        with torch.no_grad(), self.weights.faulty(faults):
            for rows in torch.split(self.held, draft.workload.batch):
                logits = draft.workload.steady(draft.model, draft.workload.data.rows(rows))
                correct = logits.argmax(1) == draft.labels()[rows]
                right += int((correct & ~logits.isnan().any(1)).sum())
        return right / len(self.held)


def _split(draft: Draft, share: float) -> tuple[Tensor, np.ndarray]:
    """The samples that are held out, and those to train on."""
    labels = draft.labels()
    order = draft.workload.random(0).permutation(len(labels))
    # At least one sample on either side.
    count = min(max(1, round(share * len(labels))), len(labels) - 1)
    return torch.from_numpy(np.sort(order[:count])).to(labels.device), order[count:]
