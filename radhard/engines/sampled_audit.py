"""Which trials need an audit repeat on a few samples only, and do they agree there?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from radhard.engines.base import Campaign, Figures
from radhard.engines.serial import Passed, SerialSession, faulty_outputs
from radhard.injection import TrialCells
from radhard.space import Numbers

__all__ = ["SampledAudit", "SampledTrials", "agrees_alone", "unchanged"]

_SAMPLES = 4
"""Samples of a repeated trial. Below this number a pass takes hardly less time."""

_MORE = 2
"""How many times as many trials are repeated: half of the time is spent on injecting the fault."""

_WORTH = 4 * _SAMPLES
"""Number of samples from which passing a few takes clearly less time than passing all."""

_CLOSE = 1024
"""Rounding errors by which outputs of some samples may differ from those among all samples."""

_PURPOSE = 0x626C6F  # "blo": makes the choice independent of all others


@dataclass(frozen=True)
class SampledAudit:
    """An audit of trials in which no prediction changes, each on samples drawn at random.

    Other trials are repeated with all samples, since their figures do not say which samples they
    change.
    """

    samples: int
    """Number of samples that are repeated in a trial."""
    of: int
    """Number of samples of the data."""

    @classmethod
    def of_campaign(cls, campaign: Campaign, measured: Sequence[str]) -> "SampledAudit | None":
        """The audit of a campaign of which ``measured`` figures are known on single samples only.

        None if trials are repeated as a whole: where every figure is that of a whole trial, where
        trials affect one sample each, with few samples, or if outputs depend on the other samples.
        """
        samples = len(campaign.workload.data)
        every = all(site.samples is None for site in campaign.space.sites)
        fits = samples >= _WORTH and every
        # Without faults, samples by themselves must come out as among the others.
        if not (
            measured
            and fits
            and campaign.workload.deterministic
            and agrees_alone(campaign, _SAMPLES)
        ):
            return None
        return cls(_SAMPLES, samples)

    @property
    def more(self) -> int:
        """How many times as many trials are repeated as with all samples."""
        return _MORE

    @property
    def widening(self) -> float:
        """The share of pairs that may differ, as a multiple of that of trials found to differ.

        The last samples may be fewer than the others that are drawn together, so that every sample
        is drawn slightly less often than ``samples / of``.
        """
        return self.samples * self._blocks / self.of

    def facts(self, few: int) -> dict[str, Any]:
        """What the notes report; ``few`` is the number of trials repeated on some samples."""
        return {"samples": self.samples, "of samples": self.of, "few": few}

    def rows(self, trials: Numbers, seed: int) -> dict[int, range]:
        """The samples of each trial: one of as many equal parts of the data, drawn at random."""
        drawn = np.random.default_rng((seed, _PURPOSE)).integers(self._blocks, size=len(trials))
        begins = (drawn * self.samples).tolist()
        return {
            trial: range(begin, min(begin + self.samples, self.of))
            for trial, begin in zip(trials.tolist(), begins, strict=True)
        }

    @property
    def _blocks(self) -> int:
        return -(-self.of // self.samples)


def unchanged(campaign: Campaign, figures: Figures, kept: Sequence[int]) -> np.ndarray:
    """In which trials ``(trials, columns)`` no prediction changes, by the columns ``kept``."""
    golden = campaign.panel.score(campaign.panel.golden.outputs.unsqueeze(0))
    same: np.ndarray = (figures[:, kept] == golden[:, kept]).all(axis=1)
    return same


class SampledTrials(SerialSession):
    """Repeats trials by the model itself, some of them on a few samples.

    A trial that agrees there has the figures without faults, as the run says; one that does not
    is repeated with all samples.
    """

    def __init__(self, campaign: Campaign, rows: Mapping[int, range], kept: Sequence[int]) -> None:
        super().__init__(campaign)
        self._rows, self._kept = rows, list(kept)
        self._golden: dict[range, Figures] = {}
        """The figures of some samples without faults."""

    def passed(
        self, trial: int, faults: Numbers, words: Sequence[TrialCells] | None = None
    ) -> Passed:
        rows = self._rows.get(trial)
        if rows is None or not self._agrees(faults, rows, words):
            return super().passed(trial, faults, words)
        return Passed(trial, None, self.campaign.panel.golden.outputs, None)

    def _agrees(self, faults: Numbers, rows: range, words: Sequence[TrialCells] | None) -> bool:
        outputs, _ = faulty_outputs(self.campaign, faults, rows, words=words)
        if rows not in self._golden:
            golden = self.campaign.panel.golden.outputs
            self._golden[rows] = self._figures(golden[rows.start : rows.stop], rows)
        return np.array_equal(self._figures(outputs, rows), self._golden[rows])

    def _figures(self, outputs: Tensor, rows: range) -> Figures:
        numbers = torch.arange(rows.start, rows.stop)
        return self.campaign.panel.score_samples(outputs, numbers)[:, self._kept]


def agrees_alone(campaign: Campaign, samples: int) -> bool:
    """Whether the first samples, passed by themselves, come out as among all, without faults."""
    golden = campaign.panel.golden.outputs
    outputs, crash = faulty_outputs(campaign, np.array([], np.int64), range(samples))
    expected = golden[:samples]
    if crash is not None or outputs.shape != expected.shape:
        return False
    if not outputs.is_floating_point():
        return torch.equal(outputs, expected)
    near = _CLOSE * torch.finfo(outputs.dtype).eps
    return torch.allclose(outputs, expected, rtol=near, atol=near * float(expected.abs().max()))
