"""Do two models agree in their predictions?"""

from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor, nn

from radhard.datasets.data import Data
from radhard.errors import InputError
from radhard.forward import Forward, plain
from radhard.stats import Estimate, percent, wilson
from radhard.workload import Workload

__all__ = ["Fidelity", "fidelity"]


@final
@dataclass(frozen=True)
class Fidelity:
    """How often the predictions of two classifiers agree, and how often each is correct."""

    samples: int
    same: Estimate
    """Share of the samples for which both predict the same class."""
    before: Estimate | None
    """Share for which the first predicts the label; None if the data have none."""
    after: Estimate | None

    def __str__(self) -> str:
        same = f"the same answer for {percent(self.same.value)} of {self.samples:,} samples"
        limits = f" [{percent(self.same.low)}, {percent(self.same.high)}]"
        if self.before is None or self.after is None:
            return same + limits
        right = f"right for {percent(self.before.value)} before, {percent(self.after.value)} after"
        return f"{right}; {same}{limits}"


def fidelity(
    model: nn.Module,
    other: nn.Module,
    data: Any,
    *,
    call: Forward = plain,
    batch: int = 100,
    confidence: float = 0.95,
) -> Fidelity:
    """Compare the predictions of ``model`` with those of ``other``.

    The shares have Wilson intervals, which regard the samples as a random sample. Both models are
    in evaluation mode in the meantime.

    Raises:
        InputError: outputs that are not ``(samples, classes)``.

    >>> twice = fidelity(nn.Linear(3, 2), nn.Linear(3, 2), torch.zeros(4, 3))
    >>> twice.before is None
    True
    """
    data = Data.of(data)
    one, two = (
        _predictions(Workload.of(each, data, call=call, batch=batch)) for each in (model, other)
    )
    labels = None if data.labels is None else data.labels.cpu()
    return Fidelity(
        len(data),
        _share(one == two, confidence),
        None if labels is None else _share(one == labels, confidence),
        None if labels is None else _share(two == labels, confidence),
    )


def _predictions(workload: Workload) -> Tensor:
    with workload.open(), torch.no_grad():
        # On the CPU, as the two models may be on different devices.
        logits = torch.cat([workload.forward(inputs).cpu() for _, inputs in workload.batches()])
    if logits.ndim != 2:
        raise InputError(
            f"the model gives {tuple(logits.shape)}; answers are compared of classifiers, with "
            "outputs (samples, classes)"
        )
    return logits.argmax(1)


def _share(of: Tensor, confidence: float) -> Estimate:
    n = len(of)
    share = int(of.sum()) / n
    return Estimate(share, *wilson(share, n, confidence), confidence=confidence, trials=n)
