"""What do outputs, not only predictions, show of one sample of each trial?"""

from dataclasses import dataclass

import numpy as np
import torch

from radhard.engines.audit_draw import Draw
from radhard.engines.base import Figures
from radhard.engines.bracket.lines import Predictions
from radhard.engines.bracket.passes import predictions_of
from radhard.engines.bracket.word_lines import WordLines
from radhard.metrics import Panel
from radhard.space import Numbers

__all__ = ["MeasuredSamples"]


@dataclass(frozen=True)
class MeasuredSamples:
    """One executed sample of each trial in words of a parameter, drawn from the seed.

    Whether outputs equal the golden ones to the last bit cannot be inferred. The mean over the
    trials of what one random sample of each shows is an unbiased estimate.
    """

    samples: Numbers
    """The sample of each trial."""
    predictions: Predictions
    figures: Figures
    """The figures of these samples, ``(trials, columns)``; of trials whose sums may overflow, which
    are executed with all samples, they are meaningless."""

    @classmethod
    def of(
        cls, panel: Panel, draw: Draw, words: WordLines, of_fault: Numbers, faults: Numbers
    ) -> "MeasuredSamples":
        """Execute one sample of each of these ``faults``, which are the points ``of_fault``."""
        rows, some = draw.measured(faults)
        # With one sample each, only some trials are drawn; here all of them are few.
        samples = np.zeros(len(faults), np.int64)
        samples[rows] = some
        own = torch.from_numpy(samples)
        outputs = panel.golden.outputs[own].clone()
        points = words.points
        moved = np.flatnonzero(~words.extreme[of_fault] & (points.sizes[of_fault] != 0))
        if len(moved):
            found = words.outputs(of_fault[moved], samples[moved])
            outputs[torch.from_numpy(moved)] = found.to(outputs.dtype)
        predictions = predictions_of(outputs, panel.golden, own)
        return cls(samples, predictions, panel.score_samples(outputs, own))
