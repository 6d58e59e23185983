"""Which figures follow from predictions?"""

import numpy as np
import torch

from radhard.engines.base import Figures
from radhard.engines.bracket.lines import Predictions
from radhard.metrics import Panel

__all__ = ["figures_of", "with_top"]

_CHUNK = 1024


def figures_of(panel: Panel, predictions: Predictions, golden: Predictions) -> Figures:
    """The figures of trials, ``(trials, columns)``, for metrics that depend on predictions alone.

    ``predictions`` are ``(trials, samples)``, -1 for NaN; ``golden`` are the golden
    ones. Outputs with these predictions replace the outputs, which were not computed.
    """
    harmed = np.flatnonzero((predictions != golden).any(axis=1))
    # Most trials change no prediction, and all have the golden figures.
    figures = np.tile(panel.score(panel.golden.outputs.unsqueeze(0)), (len(predictions), 1))
    for at in range(0, len(harmed), _CHUNK):
        some = harmed[at : at + _CHUNK]
        tops = torch.from_numpy(predictions[some]).long()
        outputs = with_top(tops, panel.golden.outputs.shape, panel.golden.classes or 0)
        figures[some] = panel.score(outputs)
    return figures


def with_top(tops: torch.Tensor, golden: torch.Size, classes: int) -> torch.Tensor:
    """Outputs of shape ``(trials, *golden)`` with given predictions, -1 for NaN."""
    nan = (tops < 0)[..., None]
    if len(golden) == 2 and golden[1] == classes:
        outputs = torch.nn.functional.one_hot(tops.clamp(min=0), classes).double()
    else:
        outputs = (tops[..., None] * 2 - 1).double()  # one logit: class 1 if it is above zero
    outputs = outputs.masked_fill(nan, torch.nan)
    return outputs.reshape(len(tops), *golden)
