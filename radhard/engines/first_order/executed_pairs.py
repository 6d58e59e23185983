"""What comes out for the pairs of a trial and a sample that are executed in any case?"""

from collections.abc import Callable
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

__all__ = ["ExecutedPairs", "drawn_pairs"]


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

    @classmethod
    def of(
        cls,
        panel: Panel,
        draw: Draw,
        numbers: Numbers,
        inferred: Flags,
        moved: Flags,
        execute: Callable[[Numbers, Numbers], Tensor],
    ) -> "ExecutedPairs":
        """Execute the pairs that are drawn for trials with these ``numbers``.

        ``inferred``: which verdicts are, ``(trials, samples)``. ``moved``: of which trials figures
        can be measured on a sample, and are not golden, ``(trials,)``. ``execute`` gives the
        outputs of pairs of a trial and a sample.
        """
        rows, of = drawn_pairs(draw, numbers, inferred, moved)
        outputs = panel.golden.outputs[:0]
        if len(rows):
            outputs = execute(rows, of).to(panel.golden.outputs.dtype)
        measured = _measured(draw, numbers) if draw.measures else None
        return cls(panel, rows * inferred.shape[1] + of, outputs, measured)

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


def drawn_pairs(draw: Draw, numbers: Numbers, inferred: Flags, moved: Flags) -> Pairs:
    """The pairs that `ExecutedPairs.of` executes, in the order of trials and samples."""
    samples = inferred.shape[1]
    codes = [_codes(pairs, inferred) for pairs in (draw.pilot(numbers), draw.sample(numbers))]
    if draw.measures:
        rows, of = _measured(draw, numbers)
        codes.append((rows * samples + of)[moved])
    rows, of = np.divmod(np.unique(np.concatenate(codes)), samples)
    return rows, of


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
