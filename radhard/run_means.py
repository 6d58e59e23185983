"""What is the mean of a figure of a run over all faults, and how precisely is it known?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from radhard.engines.correction import Correction, MeanTrials, correction
from radhard.engines.inference import Inference
from radhard.engines.inferred import Inferred, doubt
from radhard.engines.measured_share import MeasuredShare
from radhard.errors import InputError
from radhard.groups import Groups, Parts
from radhard.samplers import Sampler, StagedSampler, StagedTrials, Trials
from radhard.space import FaultSpace, Numbers
from radhard.stats import Cell, Estimate, stratified_mean

__all__ = ["RunMeans"]


@dataclass(frozen=True, repr=False)
class RunMeans:
    """The means of the figures of a run, with weights, caps and corrections for inferred verdicts.

    `radhard.results.Results` has one of its trials, and asks it for every rate.
    """

    space: FaultSpace
    sampler: Sampler
    trials: Trials
    numbers: Numbers
    """Of the executed trials, ascending."""
    faults: Numbers | None
    """Of each executed trial, if it has one."""
    figures: Mapping[str, npt.NDArray[np.float64]]
    """By column, of each executed trial."""
    ranges: Mapping[str, tuple[float, float]]
    inferences: Sequence[Inference]
    inferred: Sequence[Inferred]
    """Records of inferred verdicts in files of earlier versions."""
    measured: MeasuredShare | None = None
    """The figures that were measured on a share of the verdicts only."""

    def __repr__(self) -> str:
        return f"<means of {len(self.numbers):,} trials of {self.sampler!r}>"

    def groups(self, by: str | None, *, post_stratified: bool = True) -> Groups:
        """The executed trials, split by a grouping, for means of several runs or of any faults.

        Runs with inferred verdicts are not post-stratified here: their corrections are means over
        the pairs of a stratum, and what these leave open would count with the weight of its
        heaviest part. `mean` adds them apart.
        """
        return self._groups(by, post_stratified=post_stratified and not self.infers)

    def _groups(self, by: str | None, *, post_stratified: bool) -> Groups:
        # As text, so that what is no grouping, such as a list, gets as far as its error message.
        key = repr(by), post_stratified
        if key not in self._split:
            # A page asks for many figures by the same groups.
            self._split[key] = Groups(
                self.space,
                self.trials,
                self.numbers,
                by,
                faults=self.faults,
                post_stratified=post_stratified,
            )
        return self._split[key]

    @cached_property
    def _split(self) -> dict[tuple[str, bool], Groups]:
        return {}

    @property
    def infers(self) -> bool:
        """Whether some verdicts were inferred instead of executed."""
        return bool(self.inferred or self.inferences)

    @cached_property
    def untried(self) -> int:
        """How many faults were left untried, as caps say that they are harmless.

        Only of the figure of which the caps hold, ``trials.capped``, is anything known there.
        """
        return sum(s.population - s.trials for s in self.trials.strata if s.cap == 0)

    @cached_property
    def above_caps(self) -> int:
        """How many trials show more harm than their caps allow; if any does, no cap is used."""
        trials, column = self.trials, self.trials.capped
        if not isinstance(trials, StagedTrials) or column is None:
            return 0
        low, high = self.ranges[column]
        return trials.above_caps(self.numbers, (self.figures[column] - low) / (high - low))

    def has_mean(self, column: str) -> bool:
        """Whether `rate` has an estimate of this figure: with bounds, and with what it needs."""
        if not np.isfinite(self.ranges[column]).all():
            return False
        if self.lacks(column):
            return self.with_known(column).has_mean(column)
        if column == self.trials.capped:
            # Where caps prove that no fault is harmful, no trial is needed.
            return len(self.numbers) > 0 or self.untried == len(self.space)
        return len(self.numbers) > 0 and not self.untried

    def intervals(self, column: str, by: str | None) -> dict[str, Callable[[float], Estimate]]:
        """The result of `estimates` by group, as a function of the confidence."""
        low, high = self.ranges[column]
        if not np.isfinite([low, high]).all():
            raise InputError(f"{column} has no bounds; ask for quantile({column!r})")
        if self.lacks(column):
            known = self.with_known(column)
            if not len(known.numbers):
                raise InputError(
                    f"{column} was not measured in any of the {len(self.numbers):,} trials "
                    "executed so far; continue the campaign"
                )
            return known.intervals(column, by)
        capped = self._is_capped(column) and not self.above_caps
        split: list[tuple[str, Parts]] = []
        if len(self.numbers) or capped:
            groups = self._groups(by, post_stratified=self._is_well_audited)
            split = groups.split(capped=capped)
        if not split:
            raise InputError("no trial has been executed yet, so that there is nothing to estimate")

        return {
            key: partial(self.estimate, groups, parts, column, whole=by is None)
            for key, parts in split
        }

    def estimate(
        self,
        groups: Groups,
        parts: Parts,
        column: str,
        confidence: float = 0.95,
        *,
        whole: bool = False,
    ) -> Estimate:
        """A group's mean of a figure with bounds, in the units of the figure; see `mean`."""
        low, high = self.ranges[column]
        share = self.mean(groups, parts, column, confidence, whole=whole)
        if (low, high) == (0.0, 1.0):
            return share
        # Rounded, so that an unchanged figure is exactly zero.
        return share.map(lambda x: round(low + (high - low) * x, 12), "share")

    def mean(
        self,
        groups: Groups,
        parts: Parts,
        column: str,
        confidence: float = 0.95,
        *,
        whole: bool = False,
    ) -> Estimate:
        """A group's mean of a figure with bounds, as a share of its range, with its interval.

        ``whole``: the group has all faults.
        """
        low, high = self.ranges[column]
        capped = self._is_capped(column)
        holds = capped and not self.above_caps
        if holds and parts.harmless:
            return Estimate(0.0, 0.0, 0.0, confidence, 0)
        drawn = groups.drawn(parts)
        # Errors of inference are estimated with the weights of the draw, as those of post-strata
        # vary: a few pairs of a small one would count as much as many others.
        apart = len(drawn) < len(parts)
        found = self.correction(groups, drawn, column, confidence, finite=not apart)
        shares, added = (self.figures[column] - low) / (high - low), found.rows / (high - low)
        within = shares if apart else found.within(shares, added)
        cells = self.in_verdicts(groups.cells(parts, within, capped=holds), column)
        sampling = stratified_mean(cells, confidence=confidence)
        if apart:
            value = groups.mean(parts, shares) + groups.weighted_sum(drawn, added)
        else:
            value = groups.mean(parts, shares + added, capped=capped)
        if capped and not holds:
            # Faults that caps kept from being tried do not resemble the others: for the value they
            # still count as harmless, and the interval allows for any harm.
            usual = min(max(value, sampling.low), sampling.high)
            sampling = replace(sampling, value=usual)
        if whole and sampling.low < sampling.high:  # else every fault was tried
            sampling = self._anytime(sampling, shares, capped=holds)
        trials = sum(len(rows) for rows, _ in parts)
        return found.around(value, sampling, trials, scale=high - low)

    @property
    def _is_well_audited(self) -> bool:
        """Whether at least one inferred verdict per trial was executed, or none was inferred.

        With fewer, the error of inference is known less well than post-strata would tell the rest.
        """
        # Records of earlier versions have no corrections that could be added apart.
        return not self.inferred and all(
            record.share * record.samples > 1 - 1e-6 for record in self.inferences
        )

    @cached_property
    def weights(self) -> npt.NDArray[np.float64]:
        """The weight of each executed trial in the mean over all faults.

        Weights sum to 1, or to less where caps say that the other faults are harmless. Trials with
        many faults have weights that sum to 1 at each error rate, and trials that means leave out
        (of words whose other faults have not been tried) a weight of 0.
        """
        found = np.zeros(len(self.numbers))
        for groups, parts in self._wholes():
            found += self._weights_in(groups, parts)
        return found

    def corrections(self, column: str) -> npt.NDArray[np.float64]:
        """What is to be added to a figure of each trial for wrong inferred verdicts.

        With it, the sum of the figures times `weights` is the mean: each wrong verdict that was
        executed represents others that were not.
        """
        added = np.zeros(len(self.numbers))
        if not (self.inferences and self.has_mean(column)) or self.lacks(column):
            return added
        for groups, parts in self._wholes():
            drawn = groups.drawn(parts)
            # They are estimated with the weights of the draw, which post-strata change.
            scale = np.divide(
                self._weights_in(groups, drawn),
                self.weights,
                out=np.zeros_like(added),
                where=self.weights > 0,
            )
            added += self.correction(groups, drawn, column).rows * scale
        return added

    @property
    def count_numbers(self) -> MeanTrials:
        """In which counts of the records of inference the verdicts of each executed trial are."""
        return self._count_numbers(self.numbers)

    def _count_numbers(self, numbers: Numbers) -> MeanTrials:
        if self.trials.single:
            return MeanTrials.of_faults(self.space, self.trials.at(numbers))
        return MeanTrials.of_strata(self.trials, numbers)

    def _wholes(self) -> Iterator[tuple[Groups, Parts]]:
        """The parts of the group of all faults, or of the group of each error rate."""
        grouping = self.trials.grouping
        by = None if grouping is None else grouping.name
        groups = self._groups(by, post_stratified=self._is_well_audited)
        with suppress(InputError):  # no trial counts yet
            yield from ((groups, parts) for _, parts in groups.split())

    def _weights_in(self, groups: Groups, parts: Parts) -> npt.NDArray[np.float64]:
        """The weight of each executed trial in the mean over some parts; 0 for those of no part."""
        found = np.zeros(len(self.numbers))
        if any(len(rows) for rows, _ in parts):
            at = np.concatenate([rows for rows, _ in parts])
            found[at] = groups.weights(parts, capped=self.trials.capped is not None)
        return found

    def lacks(self, column: str) -> bool:
        """Whether a figure was measured in some of the executed trials only."""
        return not self._known(column).all()

    def with_known(self, column: str) -> "RunMeans":
        """The means of the trials of which a figure is known, a random share of all."""
        known = self._known(column)
        return replace(
            self,
            numbers=self.numbers[known],
            faults=None if self.faults is None else self.faults[known],
            figures={name: values[known] for name, values in self.figures.items()},
        )

    def _known(self, column: str) -> npt.NDArray[np.bool_]:
        measured = self.measured
        if measured is None or column not in measured.columns or self.faults is None:
            return np.ones(len(self.numbers), dtype=bool)
        return measured.known(self.space, self.trials.seed, self.faults)

    def in_verdicts(self, cells: Sequence[Cell], column: str) -> list[Cell]:
        """Cells of a figure that was measured on one sample of each trial, in units of verdicts.

        Where all faults were tried, not all of their verdicts were: there is still an error of
        sampling.
        """
        measured = self.measured
        if measured is None or column not in measured.columns:
            return list(cells)
        many = measured.samples
        return [replace(c, population=c.population and c.population * many) for c in cells]

    def correction(
        self,
        groups: Groups,
        parts: Parts,
        column: str,
        confidence: float = 0.95,
        *,
        finite: bool = True,
    ) -> Correction:
        """The correction for wrong inferred verdicts in a group; ``rows`` are of all trials.

        With ``finite``, the errors are those in these trials, else those in all faults.
        """
        added, at = np.zeros(len(self.numbers)), np.concatenate([rows for rows, _ in parts])
        if self.inferred:
            faults_of_parts = [(self.trials.at(self.numbers[rows]), size) for rows, size in parts]
            unsure = doubt(self.inferred, self.space, faults_of_parts, confidence)
            low, high = self.ranges[column]
            # These records lack the sign of an error, which may then lie on either side.
            return Correction(added, unsure * (high - low), unsure * (high - low))
        if not self.inferences:
            return Correction(added)
        weights = groups.weights(parts, capped=column == self.trials.capped)
        of = self._count_numbers(self.numbers[at])
        number = list(self.figures).index(column)
        found = correction(self.inferences, of, number, weights, confidence, finite=finite)
        added[at] = found.rows
        return Correction(added, found.above, found.below)

    def _is_capped(self, column: str) -> bool:
        """Whether the caps of the run hold for a figure.

        Raises:
            InputError: they do not, and left faults untried: trials of the others, which are the
                more harmful ones, say nothing about the mean of all faults.
        """
        capped = column == self.trials.capped
        if not capped and self.untried:
            raise InputError(
                f"{column} is not estimated: caps, which hold for {self.trials.capped} only, left "
                f"{self.untried:,} of {len(self.space):,} faults untried; use a sampler without "
                "caps"
            )
        return capped

    def _anytime(self, sampling: Estimate, shares: np.ndarray, *, capped: bool) -> Estimate:
        """The mean of all faults with limits that are valid at any moment, if the sampler has any.

        They follow from the first trials of which none is missing.
        """
        sampler, trials = self.sampler, self.trials
        if not isinstance(sampler, StagedSampler) or not isinstance(trials, StagedTrials):
            return sampling
        first = int((self.numbers == np.arange(len(self.numbers))).sum())
        limits = sampler.anytime(trials, shares[:first], sampling.confidence, capped=capped)
        if limits is None:
            return sampling
        low, high = min(limits[0], sampling.value), max(limits[1], sampling.value)
        return replace(sampling, low=low, high=high)
