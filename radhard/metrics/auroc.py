"""How well do the scores still separate each class from the others?"""

from typing import Literal

import numpy as np
import torch
from torch import Tensor

from radhard.errors import InputError
from radhard.metrics.base import Judge, Metric, drop_ranges, score_columns
from radhard.metrics.column import Column
from radhard.metrics.outputs import Faulty, Golden
from radhard.spec import component

__all__ = ["Auroc"]


@component
class Auroc(Metric):
    """Area under the ROC curve of the probabilities, and its drop from the golden area.

    With two classes, the area for class 1; with more, one-vs-rest, averaged over the classes that
    occur in the labels: ``average`` weights them equally (``"macro"``) or by their number of labels
    (``"weighted"``). It is the probability that a sample of the class scores higher than one of
    another class, with equal scores counted half. A sample whose output contains NaN loses every
    such comparison, so that an output of only NaN has area 0 and not 0.5. The drop is negative if
    the fault is beneficial.
    """

    average: Literal["macro", "weighted"] = "macro"
    needs_labels = True

    @property
    def columns(self) -> tuple[Column, ...]:
        return score_columns("auroc", "AUROC")

    def ranges(self, golden: Golden) -> tuple[tuple[float, float], ...]:
        return drop_ranges(self, golden)

    def admit(self, golden: Golden) -> None:
        super().admit(golden)
        if bool((golden.truth == golden.truth[0]).all()):
            raise InputError(
                f"{self!r} compares samples of different classes, but all labels are "
                f"{int(golden.truth[0])}; give samples of two classes or more"
            )

    def against(self, golden: Golden) -> Judge:
        truth = golden.truth.cpu().numpy()
        # With two classes the area of one is that of the other.
        classes = np.array([1]) if golden.classes == 2 else np.unique(truth)
        is_class = truth[:, None] == classes
        weights = is_class.sum(axis=0) if self.average == "weighted" else np.ones(len(classes))

        def auroc(logits: Tensor) -> float:
            area = _area(_scores(logits, classes, golden), is_class)
            return float(np.average(area, weights=weights))

        fault_free = auroc(golden.logits)

        def judge(faulty: Faulty) -> Tensor:
            areas = [auroc(logits) for logits in faulty.logits]
            figures = [(area, fault_free - area) for area in areas]
            device = faulty.logits.device
            # Without trials, the list does not tell the number of columns.
            return torch.tensor(figures, dtype=torch.float64, device=device).reshape(-1, 2)

        return judge


def _scores(logits: Tensor, classes: np.ndarray, golden: Golden) -> np.ndarray:
    """Scores ``(samples, len(classes))``; the whole row of a sample with NaN is NaN."""
    if logits.shape[-1] == 2:
        # The difference ranks as the softmax does, but does not saturate at 1 for large logits. It
        # stays finite, as none is above half of the largest number.
        most = torch.finfo(logits.dtype).max / 2
        bounded = logits.clamp(-most, most).double()
        scores: np.ndarray = (bounded[:, 1:] - bounded[:, :1]).cpu().numpy()
    else:
        scores = golden.probabilities(logits).cpu().numpy()[:, classes]
    return scores


def _area(scores: np.ndarray, is_class: np.ndarray) -> np.ndarray:
    """The area per class from the sum of the ranks of the class's own samples (Mann-Whitney)."""
    # Here, as scipy.stats takes as long to import as a page takes to write.
    from scipy.stats import rankdata

    # A sample with NaN loses every comparison: it ranks last as one of the class, and first as one
    # of another.
    lost = np.isnan(scores)
    scores = np.where(lost, np.where(is_class, -np.inf, np.inf), scores)
    ranks = rankdata(scores, axis=0)
    n = is_class.sum(axis=0)
    wins = (ranks * is_class).sum(axis=0) - n * (n + 1) / 2
    areas: np.ndarray = wins / (n * (len(is_class) - n))
    return areas
