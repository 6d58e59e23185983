"""What does the prediction of one sample contribute to the figures?"""

import numpy as np
import torch

from radhard.engines.base import Figures
from radhard.engines.bracket.figures import with_top
from radhard.engines.bracket.lines import Flags, Predictions
from radhard.metrics import Panel
from radhard.metrics.base import SampleMetric
from radhard.space import Numbers

__all__ = ["SampleFigures"]

_CHUNK = 4096


class SampleFigures:
    """Figures of single samples; those of a trial are their means."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._alone = all(isinstance(metric, SampleMetric) for metric in panel.metrics)
        bounds = np.array(panel.ranges)
        self._shares = (bounds == (0.0, 1.0)).all(axis=1) & self._alone
        self.columns = len(panel.columns)
        self.beyond = list(panel.beyond_answer or ())
        """Positions of figures that do not follow from predictions; they are 0 here."""

    def of(self, predictions: Predictions, samples: Numbers) -> Figures:
        """The figures ``(pairs, columns)`` of predictions, -1 for NaN, each for one sample."""
        # Predictions repeat often: each combination of class (from -1) and sample is scored once.
        codes = (predictions.astype(np.int64) + 1) * self._panel.golden.samples + samples
        unique, back = np.unique(codes, return_inverse=True)
        figures = np.empty((len(unique), self.columns))
        for at in range(0, len(unique), _CHUNK):
            some = unique[at : at + _CHUNK]
            top, rows = np.divmod(some, self._panel.golden.samples)
            figures[at : at + len(some)] = self._figures(top - 1, rows)
        found: Figures = self.of_answers(figures)[back.reshape(-1)]
        return found

    def of_answers(self, figures: Figures) -> Figures:
        """Figures with 0 instead of those that do not follow from predictions."""
        found = figures.copy()
        found[:, self.beyond] = 0.0
        return found

    def _figures(self, predictions: Numbers, samples: Numbers) -> Figures:
        golden = self._panel.golden
        one = torch.Size((1, *golden.outputs.shape[1:]))
        outputs = with_top(torch.from_numpy(predictions)[:, None], one, golden.classes or 0)[:, 0]
        if self._alone:
            return self._panel.score_samples(outputs, torch.from_numpy(samples))
        # A metric of a whole trial has no figures of samples. The change of the trial's figure by
        # one sample replaces them; its constant part cancels, since only differences are used.
        base = golden.outputs.double()
        found = []
        for sample, output in zip(samples.tolist(), outputs, strict=True):
            changed = base.clone()
            changed[sample] = output
            found.append(self._panel.score(changed[None])[0] - self._panel.score(base[None])[0])
        return np.array(found).reshape(len(predictions), self.columns) * golden.samples

    def may_err(self, figures: Figures) -> tuple[Flags, Flags]:
        """Which figures may be larger, and which smaller, if the verdict is wrong."""
        # A share that is 1 already cannot be too low; of figures without bounds nothing is known.
        above = (figures < 1 - 1e-9) | ~self._shares
        below = (figures > 1e-9) | ~self._shares
        above[:, self.beyond] = below[:, self.beyond] = False
        return above, below
