"""Do the engine and the naive loop agree on the same faults?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.metrics import Outcome, Panel
from radhard.metrics.logits import Kind
from radhard.results import Results

__all__ = ["Agreement", "compared", "figures"]

COLUMNS = [column.name for column in Outcome().columns]


@dataclass(frozen=True)
class Agreement:
    """Trials judged by both, and in how many of them a figure differs; None where it is not told.

    ``answers``: critical or DUE. ``masked``: equal to the golden output to the last bit, which
    hangs on the order in which numbers are added up.
    """

    trials: int
    answers: int
    masked: int | None
    samples: int
    """Samples with another answer, over all trials."""
    judged: int
    """Samples judged, over all trials."""


def figures(
    golden: Tensor, outputs: Sequence[Tensor], rows: Sequence[int] | None, read: Kind | None = None
) -> np.ndarray:
    """The columns of `Outcome` for the outputs of the naive loop, ``(trials, 4)``.

    ``rows``: the one sample of each trial, where a trial concerns one. ``read``: what the outputs
    are.
    """
    panel = Panel([Outcome(outputs=read)], golden)
    if rows is None:
        return panel.score(torch.stack(list(outputs)))
    return panel.score_samples(torch.cat(list(outputs)), torch.tensor(rows))


def compared(
    results: Results, numbers: Sequence[int], naive: np.ndarray, samples: int
) -> Agreement:
    """The engine's figures of some trials beside the naive loop's, each from ``samples``."""
    told = {column.rpartition(".")[2]: column for column in results.columns}
    apart = {}
    for at, name in enumerate(COLUMNS):
        if name in told:
            ours = results.values(told[name])[list(numbers)]
            differences = np.nan_to_num(np.abs(ours - naive[:, at]))
            apart[name] = np.rint(differences * samples).astype(int)
    answers = np.maximum(apart["critical"], apart["due"])
    # A figure that was measured on a share of the verdicts is not that of a trial.
    whole = "masked" in apart and results.measured is None
    masked = int((apart["masked"] > 0).sum()) if whole else None
    total = len(numbers) * samples
    return Agreement(len(numbers), int((answers > 0).sum()), masked, int(answers.sum()), total)
