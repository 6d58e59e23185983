"""Which trials have faults in the same words, and how are displacements of these executed?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from radhard.engines.base import Campaign
from radhard.engines.bracket.lines import Flags, Floats, Points, Predictions
from radhard.engines.bracket.pair_pass import PairPass
from radhard.engines.bracket.passes import Passes, predictions_of
from radhard.engines.replay.faulty_values import faulty_values
from radhard.engines.replay.plan import ReplayPlan
from radhard.replay.word_change import WordChange, coordinates
from radhard.space import FaultSpace, Numbers

__all__ = ["WordBlock", "WordLines", "blocks"]

_FEWEST = 4
"""Minimum number of faults in a word for verdicts to be inferred."""

_VERDICTS = 2**24
"""Verdicts that are inferred, checked and recorded together; an interrupted run may lose these."""

_PAIRS = 2**14
"""Pairs of points and samples that are executed together."""

_FEW = 256
"""Trials in a block without inferred verdicts."""


@dataclass(frozen=True)
class WordBlock:
    """Trials in words of one region, in the order of their faults."""

    place: int
    trials: Numbers
    faults: Numbers
    whole: bool
    """Whether the words have enough trials for verdicts to be inferred."""

    def name(self, space: FaultSpace) -> str:
        """The region and the block's first word in it."""
        _, words, _ = space.locate(self.faults[:1])
        return f"{space.name(self.place)} {int(words[0])}"


def blocks(campaign: Campaign, todo: Sequence[int]) -> Iterator[WordBlock]:
    """Divide trials into blocks; the trials of a word are always in the same block."""
    space = campaign.space
    trials = np.asarray(todo, dtype=np.int64)
    faults = campaign.trials.at(trials)
    # Faults are numbered word by word, so that sorting brings those of a word together.
    order = np.argsort(faults, kind="stable")
    trials, faults = trials[order], faults[order]
    regions, _, _ = space.locate(faults)
    _, first, count = np.unique(space.word_numbers(faults), return_index=True, return_counts=True)
    places = regions[first]
    flows = np.array([site.flows for site in space.sites], dtype=bool)
    by_word = np.array([r.by_word and r.exposure.always_present for r in space.regions], dtype=bool)
    whole = (count >= _FEWEST) & ~flows[places] & by_word[places]
    for place in np.unique(places).tolist():
        # A block is one chunk of a campaign: as large as its verdicts fit, as passes are shared
        # within it.
        most = max(1, _VERDICTS // ((int(space.variants[place]) + 1) * len(campaign.workload.data)))
        for enough, size in ((True, most), (False, _FEW)):
            mine = np.flatnonzero((places == place) & (whole == enough))
            for at in range(0, len(mine), size):
                some = mine[at : at + size]
                # The position of each trial of these words: where its word begins, and its number
                # in it.
                rows = np.repeat(first[some] - _before(count[some]), count[some])
                rows += np.arange(len(rows))
                yield WordBlock(place, trials[rows], faults[rows], enough)


def _before(counts: Numbers) -> Numbers:
    """The sum of all previous counts, for each."""
    sums: Numbers = np.cumsum(counts) - counts
    return sums


class WordLines:
    """The words of a block as lines of displacements, and the execution of points on them."""

    def __init__(self, plan: ReplayPlan, block: WordBlock, rows: int) -> None:
        campaign, original = plan.campaign, plan.replayer.original[block.place]
        assert original is not None
        self._passes = Passes(plan, block.place, rows)
        self._pair_pass = PairPass(plan, block.place, self._passes.rows)
        self.golden = self._passes.golden
        self.by_row = self._passes.by_row
        self._shape = campaign.space.sites[block.place].shape
        _, self._words, variants = campaign.space.locate(block.faults)
        index = torch.from_numpy(self._words).to(original.device)
        golden = original.reshape(-1)[index]
        faulty = faulty_values(campaign.space, block.place, golden, self._words, variants)
        # In double precision, in which the difference of two finite float32 values cannot overflow.
        differences = faulty.double() - golden.double()
        factor = plan.replayer.factors.get(plan.replayer.slots[block.place][0])
        if factor is not None:
            # The words of an output channel lie together, so that the quotient is the channel.
            differences = differences * factor[index // (original.numel() // len(original))]
        # Rounded to the dtype, so that overflow becomes infinite; 0 if NaN remains NaN.
        held = differences.to(original.dtype).double().where(faulty != golden, 0.0)
        self._sizes = held.cpu().numpy()
        self._values = None if factor is not None else faulty.double().cpu().numpy()
        _, owners = np.unique(self._words, return_inverse=True)
        self.points = Points.of(owners, self._sizes)
        """The displacements of the words."""
        near = np.zeros(len(block.faults), dtype=bool)
        if not plan.replayer.exact:
            near = plan.replayer.by_order(block.place, faulty, held).cpu().numpy() & (
                self._sizes != 0
            )
        self.extreme: Flags = np.zeros(len(self.points.sizes), dtype=bool)
        """Points at which sums may overflow in one order of summation and not in another."""
        self.extreme[self.points.of_fault[near]] = True
        self._campaign, self._numbers = campaign, block.faults

    def evaluate(self, points: Numbers, requested: Flags) -> tuple[Predictions, Floats]:
        """The predictions of the requested samples, ``(points, samples)``, and their headroom."""
        found, headroom = self._passes(self.changes(points), requested)
        for at in sorted(self._passes.rounded):
            found[at] = self._reference(points[at])
            # Nothing is inferred from predictions that rounding decides.
            headroom[at] = 0.0
        return found, headroom

    def pairs(self, points: Numbers, samples: Numbers) -> Predictions:
        """The predictions for pairs of a point and a sample, ``(pairs,)``; not extreme points."""
        if self._pair_pass.possible:
            faults = self.points.faults[points]
            where = np.unravel_index(self._words[faults], self._shape)
            return self._pair_pass(where, self._sizes[faults], samples)
        found = np.empty(len(points), dtype=np.int32)
        order = np.argsort(points, kind="stable")
        # Sorted by point, so that the samples of one point share a pass.
        for some in np.array_split(order, max(1, len(order) // _PAIRS)):
            unique, rows = np.unique(points[some], return_inverse=True)
            requested = np.zeros((len(unique), len(self.golden)), dtype=bool)
            requested[rows, samples[some]] = True
            predictions, _ = self.evaluate(unique, requested)
            found[some] = predictions[rows, samples[some]]
        return found

    def outputs(self, points: Numbers, samples: Numbers) -> Tensor:
        """The outputs for pairs of a point and a sample, ``(pairs, ...)``; not extreme points."""
        faults = self.points.faults[points]
        # In a pass of pairs a difference is added, which would make of infinity times zero a NaN.
        together = np.isfinite(self._sizes[faults]) & self._pair_pass.possible
        found = self._passes.plan.replayer.golden_outputs[torch.from_numpy(samples)].clone()
        if together.any():
            where = np.unravel_index(self._words[faults[together]], self._shape)
            sizes = self._sizes[faults[together]]
            found[torch.from_numpy(together)] = self._pair_pass.outputs(
                where, sizes, samples[together]
            )
        apart = np.flatnonzero(~together)
        # Sorted by point, so that the samples of one point share a pass.
        order = apart[np.argsort(points[apart], kind="stable")]
        for some in np.array_split(order, max(1, len(order) // _PAIRS)):
            if len(some):
                found[torch.from_numpy(some)] = self._by_point(points[some], samples[some])
        return found

    def _by_point(self, points: Numbers, samples: Numbers) -> Tensor:
        """The same, in passes in which a point has all its samples."""
        unique, rows = np.unique(points, return_inverse=True)
        requested = np.zeros((len(unique), len(self.golden)), dtype=bool)
        requested[rows, samples] = True
        own = self._passes.outputs(self.changes(unique), requested)
        place = requested.reshape(-1).cumsum().reshape(requested.shape) - 1
        for at in sorted(self._passes.rounded):
            here = np.flatnonzero(requested[at])
            own[torch.from_numpy(place[at, here])] = self._reference_outputs(unique[at])[here]
        return own[torch.from_numpy(place[rows, samples])]

    def changes(self, points: Numbers) -> list[WordChange]:
        """The change of the word at each point."""
        faults = self.points.faults[points]
        where = coordinates(self._shape, self._words[faults])
        sizes = self._sizes[faults].tolist()
        values = [None] * len(faults) if self._values is None else self._values[faults].tolist()
        return [WordChange(*one) for one in zip(where, sizes, values, strict=True)]

    def whole(self, points: Numbers) -> Predictions:
        """The predictions for all samples; from the reference if sums may overflow."""
        ours = ~self.extreme[points]
        found = np.empty((len(points), len(self.golden)), dtype=np.int32)
        # All samples, since a verdict that failed its audit is not trusted for any of them.
        every = np.ones((int(ours.sum()), len(self.golden)), dtype=bool)
        found[ours], _ = self.evaluate(points[ours], every)
        for at in np.flatnonzero(~ours).tolist():
            found[at] = self._reference(points[at])
        return found

    def alone(self, points: Numbers, samples: Numbers) -> Predictions:
        """The predictions of the reference for one sample of each point, passed by itself."""
        panel = self._campaign.panel
        found = np.empty(len(points), dtype=np.int32)
        for at, (point, sample) in enumerate(zip(points.tolist(), samples.tolist(), strict=True)):
            outputs, rows = self._reference_outputs(point, sample), torch.tensor([sample])
            found[at] = predictions_of(outputs, panel.golden, rows)[0]
        return found

    def _reference(self, point: int) -> Predictions:
        """The predictions of the reference for all samples."""
        return predictions_of(self._reference_outputs(point), self._campaign.panel.golden)

    def _reference_outputs(self, point: int, sample: int | None = None) -> Tensor:
        fault = int(self._numbers[self.points.faults[point]])
        return self._passes.plan.reference.outputs(fault, sample)
