"""Are inferred verdicts correct, and what is recorded about those that were executed?"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radhard.engines.audit_draw import Draw, Pairs
from radhard.engines.base import Figures
from radhard.engines.bracket.figures import figures_of
from radhard.engines.bracket.lines import Flags, Predictions
from radhard.engines.bracket.sample_figures import SampleFigures
from radhard.engines.inference import Counts, Inference, Kind, Tally
from radhard.metrics import Panel
from radhard.space import FaultSpace, Numbers
from radhard.stats import clopper_pearson

__all__ = ["Check", "RecordedTrials", "fails"]


_WHOLE = 0.25
"""Requested share from which trials that only the reference can check have all samples there."""


def fails(wrong: int, tried: int, threshold: float) -> bool:
    """Whether significantly more than a share ``threshold`` of the verdicts is wrong."""
    return tried > 0 and clopper_pearson(wrong, tried)[0] > threshold


@dataclass(frozen=True)
class RecordedTrials:
    """Trials whose verdicts are recorded together."""

    name: str
    """Of the region, or the stratum."""
    numbers: Numbers
    """By which the record names trials, and by which audits are drawn: their faults, or their own.
    """
    variant: Numbers
    """The count that each trial belongs to."""
    variants: int
    """Number of counts."""

    @classmethod
    def of_region(cls, space: FaultSpace, place: int, faults: Numbers) -> "RecordedTrials":
        """Trials of one fault each, in one region, counted by variant."""
        _, _, variant = space.locate(faults)
        return cls(space.name(place), faults, variant, int(space.variants[place]))

    @classmethod
    def of_stratum(cls, name: str, trials: Numbers) -> "RecordedTrials":
        """Trials of many faults each, in one stratum, such as one error rate."""
        return cls(name, trials, np.zeros(len(trials), np.int64), 1)

    def counts(self, weights: npt.ArrayLike | None = None, rows: Numbers | None = None) -> Counts:
        """The number of trials of every variant, or the sum of their weights."""
        variants = self.variant if rows is None else self.variant[rows]
        found = np.bincount(variants, weights, minlength=self.variants)
        # Sums of weights that are whole numbers, as floats.
        return tuple(found.round().astype(np.int64).tolist())

    def record(
        self,
        draw_share: float,
        open_: tuple[Figures, Figures],
        sample: tuple[Numbers, tuple[Flags, Flags], Figures],
        tallies: tuple[Tally, Tally],
        *,
        samples: int,
        kind: Kind = "pairs",
        all_tried: bool = False,
    ) -> Inference:
        """Create the record.

        ``open_``: for every trial and figure, the number of verdicts due to which it may be too
        low, and too high. ``sample``: positions of the trials whose verdicts are in the sample;
        whether the figure may be too low, and too high, due to them; and the errors of the figures.
        """
        rows, sides, by = sample
        columns = range(by.shape[1])
        off = np.flatnonzero((by != 0).any(axis=1))
        return Inference(
            self.name,
            kind,
            samples,
            draw_share,
            self.counts(),
            tuple((self.counts(open_[0][:, c]), self.counts(open_[1][:, c])) for c in columns),
            tuple(
                (self.counts(sides[0][:, c], rows), self.counts(sides[1][:, c], rows))
                for c in columns
            ),
            tuple((int(self.numbers[rows[n]]), tuple(by[n].tolist())) for n in off.tolist()),
            *tallies,
            all_tried,
        )


@dataclass(frozen=True)
class Check:
    """Executes a sample of the inferred verdicts, and all of them if too many are wrong."""

    draw: Draw
    threshold: float
    figures: SampleFigures
    golden: Predictions

    def pairs(
        self,
        part: RecordedTrials,
        predictions: Predictions,
        inferred: Flags,
        execute: Callable[[Numbers, Numbers], Predictions],
        whole: Callable[[Numbers], Predictions],
        drawn: tuple[Pairs, Pairs] | None = None,
    ) -> Inference:
        """Check and correct ``predictions``, ``(trials, samples)``, in place; record the result.

        ``inferred`` marks those that were inferred; ``execute`` executes pairs of a trial and a
        sample, ``whole`` trials with all samples. ``drawn``: the pilot and the sample, if they are
        drawn already.
        """
        stays = predictions == self.golden
        if drawn is None:
            drawn = self.draw.pilot(part.numbers), self.draw.sample(part.numbers)
        pilot = _among(drawn[0], inferred)
        found, true = predictions[pilot], execute(*pilot)
        # The pilot is looked at first and alone: a tensor in which inference fails is executed
        # whole, which costs less than a sample that then widens every interval.
        if fails(int((found != true).sum()), len(true), self.threshold):
            return self._all(part, predictions, inferred, stays, whole)
        left = inferred.copy()
        # What the pilot corrected is exact, and must not be corrected by the estimate too.
        left[pilot] = False
        sample = _among(drawn[1], left)
        open_ = self._open(predictions, left, stays)
        predictions[pilot] = true
        found_too, true_too = predictions[sample], execute(*sample)
        predictions[sample] = true_too
        figures = self.figures.of(found_too, sample[1])
        # The errors of the sample estimate those of the verdicts left, by trial and figure.
        by = self.figures.of(true_too, sample[1]) - figures
        off = np.concatenate([found != true, found_too != true_too])
        harmless = np.concatenate([stays[pilot], stays[sample]])
        tallies = [
            Tally(int((inferred & mine).sum()), int(some.sum()), int((some & off).sum()))
            for mine, some in ((stays, harmless), (~stays, ~harmless))
        ]
        return part.record(
            self.draw.sample_share,
            open_,
            (sample[0], self.figures.may_err(figures), by.round(12)),
            (tallies[0], tallies[1]),
            samples=predictions.shape[1],
        )

    def trials(
        self,
        part: RecordedTrials,
        panel: Panel,
        predictions: Predictions,
        whole: Callable[[Numbers], Predictions],
        alone: Callable[[Numbers, Numbers], Predictions] | None,
    ) -> Inference:
        """The same for trials that only the reference can check.

        ``whole`` executes trials with all samples by the reference, ``alone`` pairs of a trial and
        a sample; None if a sample must not be passed by itself.
        """
        if alone is not None and 0 < self.draw.audit < _WHOLE:
            return self._one_sample_each(part, predictions, whole, alone)
        chosen = self._chosen(part, self.draw.whole_share)
        found = figures_of(panel, predictions, self.golden)
        before, stays = predictions[chosen], predictions == self.golden
        predictions[chosen] = whole(chosen) if len(chosen) else before
        by = figures_of(panel, predictions[chosen], self.golden) - found[chosen]
        sides, tallies = self.figures.may_err(found), []
        harmless = stays.all(axis=1)
        off = (predictions[chosen] != before).any(axis=1)
        for mine in (harmless, ~harmless):
            some = mine[chosen]
            tallies.append(Tally(int(mine.sum()), len(some[some]), int((some & off).sum())))
        return part.record(
            len(chosen) / len(predictions),
            (sides[0].astype(float), sides[1].astype(float)),
            (chosen, (sides[0][chosen], sides[1][chosen]), by.round(12)),
            (tallies[0], tallies[1]),
            samples=1,
            kind="trials",
        )

    def _one_sample_each(
        self,
        part: RecordedTrials,
        predictions: Predictions,
        whole: Callable[[Numbers], Predictions],
        alone: Callable[[Numbers, Numbers], Predictions],
    ) -> Inference:
        """Execute trials on one sample each.

        A trial that is wrong in a share of its samples is found with this probability, so that the
        errors of all trials together are bounded as well as by as many trials with all samples.
        """
        chosen = self._chosen(part, self.draw.alone_share)
        samples = self.draw.alone(part.numbers[chosen])
        stays = predictions == self.golden
        open_ = self._open(predictions, np.ones_like(stays), stays)
        found, true = predictions[chosen, samples], alone(chosen, samples)
        # The order of summation may depend on the number of samples: no verdict counts as wrong
        # that comes out as inferred among all samples.
        if len(apart := np.flatnonzero(true != found)):
            true[apart] = whole(chosen[apart])[np.arange(len(apart)), samples[apart]]
        predictions[chosen, samples] = true
        figures = self.figures.of(found, samples)
        by = self.figures.of(true, samples) - figures
        off, harmless = found != true, stays[chosen, samples]
        tallies = [
            Tally(int(mine.sum()), int(some.sum()), int((some & off).sum()))
            for mine, some in ((stays, harmless), (~stays, ~harmless))
        ]
        return part.record(
            len(chosen) / stays.size,
            open_,
            (chosen, self.figures.may_err(figures), by.round(12)),
            (tallies[0], tallies[1]),
            samples=stays.shape[1],
            kind="overflow",
        )

    def _chosen(self, part: RecordedTrials, least: float) -> Numbers:
        """Positions of the trials that are executed; ``least`` is their share if audits are few."""
        share = self.draw.audit and max(self.draw.audit, min(1.0, least * part.variants))
        # Rounded up: with an audit at all, at least one trial of the region is executed.
        return self.draw.whole(part.numbers, math.ceil(share * len(part.numbers)))

    def _all(
        self,
        part: RecordedTrials,
        predictions: Predictions,
        inferred: Flags,
        stays: Flags,
        whole: Callable[[Numbers], Predictions],
    ) -> Inference:
        """Execute all inferred verdicts."""
        rows = np.flatnonzero(inferred.any(axis=1))
        before = predictions[rows]
        predictions[rows] = np.where(inferred[rows], whole(rows), before)
        off = np.zeros(inferred.shape, dtype=bool)
        off[rows] = predictions[rows] != before
        tallies = []
        for mine in (inferred & stays, inferred & ~stays):
            tallies.append(Tally(int(mine.sum()), int(mine.sum()), int((mine & off).sum())))
        none = np.zeros((len(part.numbers), self.figures.columns))
        no_rows, no_sides = np.zeros(0, np.int64), none[:0].astype(bool)
        return part.record(
            self.draw.sample_share,
            (none, none),
            (no_rows, (no_sides, no_sides), none[:0]),
            (tallies[0], tallies[1]),
            samples=predictions.shape[1],
            all_tried=True,
        )

    def _open(self, predictions: Predictions, left: Flags, stays: Flags) -> tuple[Figures, Figures]:
        """For every trial and figure, the verdicts left due to which it may be too low, too high.

        Most predictions are the golden one; counting starts from these for all samples, in one
        matrix product, and replaces the counts of the few others.
        """
        numbers = np.arange(predictions.shape[1])
        golden = self.figures.may_err(self.figures.of(self.golden, numbers))
        trials, samples = np.nonzero(left & ~stays)
        other = self.figures.may_err(self.figures.of(predictions[trials, samples], samples))
        counts = []
        for usual, own in zip(golden, other, strict=True):
            # Whole numbers below 2**24, which float32 holds exactly; its product is several times
            # faster than one of integers.
            count = left.astype(np.float32) @ usual.astype(np.float32)
            np.add.at(count, trials, own.astype(np.float32) - usual[samples])
            counts.append(count.astype(np.float64))
        return counts[0], counts[1]


def _among(pairs: Pairs, inferred: Flags) -> Pairs:
    keep = inferred[pairs]
    return pairs[0][keep], pairs[1][keep]
