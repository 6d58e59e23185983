"""What comes out for the pairs of a trial and a sample that are executed in any case?"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.engines.audit_draw import Draw, Pairs
from radhard.engines.base import Figures
from radhard.engines.bracket.lines import Flags, Predictions
from radhard.engines.bracket.passes import predictions_of
from radhard.metrics import Panel
from radhard.space import Numbers

__all__ = ["DrawnPairs", "ExecutedPairs"]


@dataclass(frozen=True)
class DrawnPairs:
    """The pairs of an audit of some trials, and those on which figures are measured, if any."""

    pilot: Pairs
    sample: Pairs
    measured: Pairs | None

    @classmethod
    def of(cls, draw: Draw, numbers: Numbers) -> "DrawnPairs":
        """Draw them for trials with these numbers."""
        measured = _measured(draw, numbers) if draw.measures else None
        return cls(draw.pilot(numbers), draw.sample(numbers), measured)

    def codes(self, inferred: Flags, moved: Flags) -> Numbers:
        """The ``codes`` of those that are executed, as of `ExecutedPairs`.

        ``inferred``: which verdicts are, ``(trials, samples)``. ``moved``: of which trials figures
        can be measured on a sample, and are not golden, ``(trials,)``.
        """
        codes = [_codes(pairs, inferred) for pairs in (self.pilot, self.sample)]
        if self.measured is not None:
            codes.append((self.measured[0] * inferred.shape[1] + self.measured[1])[moved])
        return np.unique(np.concatenate(codes))


@dataclass(frozen=True)
class ExecutedPairs:
    """The pairs of an audit, and one of each trial on which figures are measured.

    All are executed together. Whether outputs equal the golden ones to the last bit cannot be
    inferred; the mean over the trials of what one random sample of each shows is an unbiased
    estimate.
    """

    panel: Panel
    codes: Numbers
    """The trial times the number of samples, plus the sample; ascending."""
    outputs: Tensor
    measured: Pairs | None
    """The sample of each trial on which figures are measured, if any are."""

    def predictions(self, trials: Numbers, samples: Numbers) -> Predictions:
        """The predictions of pairs of the audit, ``(pairs,)``."""
        at = self._positions(trials, samples)
        rows = torch.from_numpy(samples).to(self.outputs.device)
        return predictions_of(self.outputs[torch.from_numpy(at)], self.panel.golden, rows)

    def figures(self) -> Figures:
        """The figures of the measured sample of each trial, ``(trials, columns)``.

        Those of trials whose sums may overflow are meaningless.
        """
        assert self.measured is not None
        trials, samples = self.measured
        rows = torch.from_numpy(samples)
        outputs = self.panel.golden.outputs[rows].clone()
        at = self._positions(trials, samples)
        # A word that does not change was not executed: its outputs are golden.
        there = at < len(self.codes)
        there[there] = self.codes[at[there]] == (trials * self._samples + samples)[there]
        outputs[torch.from_numpy(there)] = self.outputs[torch.from_numpy(at[there])]
        return self.panel.score_samples(outputs, rows)

    @property
    def _samples(self) -> int:
        return self.panel.golden.samples

    def _positions(self, trials: Numbers, samples: Numbers) -> Numbers:
        found: Numbers = np.searchsorted(self.codes, trials * self._samples + samples)
        return found


def _codes(pairs: Pairs, inferred: Flags) -> Numbers:
    rows, samples = pairs
    codes: Numbers = (rows * inferred.shape[1] + samples)[inferred[pairs]]
    return codes


def _measured(draw: Draw, numbers: Numbers) -> Pairs:
    """The pairs on which figures are measured: a sample of each trial."""
    if draw.samples > 1:
        return draw.measured(numbers)
    # With one sample each, only some trials are drawn; here all of them are few.
    return np.arange(len(numbers)), np.zeros(len(numbers), np.int64)
