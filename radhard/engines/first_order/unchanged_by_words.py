"""Which predictions are inferred to be unchanged by many faulty words of parameters at once?"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from radhard.engines.bracket.lines import Flags
from radhard.engines.bracket.word_lines import WordBlock, WordLines
from radhard.engines.first_order.bounds import Bounds
from radhard.engines.first_order.outlook import Outlook
from radhard.engines.first_order.unchanged_by_parameters import Effects, effects
from radhard.space import FaultSpace, Numbers

__all__ = ["unchanged_by_words"]


def unchanged_by_words(
    outlook: Outlook, drawn: Sequence[Numbers], bounds: Bounds, rows: int
) -> Flags:
    """Where the prediction is inferred to be unchanged, ``(trials, samples)``.

    ``drawn`` are the faults of each trial. To first order, faults in different words add up: so do
    the bounds of what each of them does to a margin and, since what the first order leaves out
    grows with the difference, the shares of the golden values that the differences are. Changes in
    one channel of a layer's output are added up before an activation function. Of trials with a
    word that has no gradient, becomes too large for one or is hit twice, nothing is inferred.
    """
    space, golden = outlook.plan.campaign.space, outlook.plan.replayer.golden_outputs
    owner = np.repeat(np.arange(len(drawn)), [len(faults) for faults in drawn])
    faults = np.concatenate([*drawn, np.zeros(0, np.int64)])
    places, words, _ = space.locate(faults)
    unknown = np.zeros(len(drawn), dtype=bool)
    unknown[_hit_twice(space, owner, places, words)] = True
    order = np.lexsort((faults, places))
    lines: list[PlaceWords] = []
    for place in np.unique(places).tolist():
        here = order[places[order] == place]
        if place not in outlook.goals or not _is_one_value(space, place):
            unknown[owner[here]] = True
            continue
        own = PlaceWords.of(outlook, place, owner[here], faults[here], rows)
        lines.append(own)
        unknown[own.large] = True
    unknown[_hit_beside(outlook, lines)] = True
    every = (len(drawn), len(golden))
    moved, reached = (torch.zeros(every, device=golden.device) for _ in range(2))
    for own in lines:
        for trials, part in own.effects(outlook, unknown):
            to = torch.from_numpy(trials).to(golden.device)
            moved[:, part.samples].index_add_(0, to, part.moved.to(moved.dtype))
            reached[:, part.samples].index_add_(0, to, part.reached.to(reached.dtype))
    moved[torch.from_numpy(unknown).to(moved.device)] = torch.inf
    stays: Flags = bounds.hold(moved, reached).cpu().numpy()
    return stays


@dataclass(frozen=True)
class PlaceWords:
    """The faulty words of some trials in one site."""

    place: int
    lines: WordLines
    trials: Numbers
    """Of each fault."""
    points: Numbers
    """Of each fault."""
    channels: Numbers
    """The channel of the first operation's output that each fault changes."""

    @classmethod
    def of(
        cls, outlook: Outlook, place: int, trials: Numbers, faults: Numbers, rows: int
    ) -> "PlaceWords":
        """Those of trials with these faults, ascending."""
        lines = WordLines(outlook.plan, WordBlock(place, trials, faults, True), rows)
        space = outlook.plan.campaign.space
        _, words, _ = space.locate(faults)
        # The words of an output channel lie together.
        shape = space.sites[place].shape
        channels = words // max(1, math.prod(shape[1:]))
        return cls(place, lines, trials, lines.points.of_fault, channels)

    @property
    def large(self) -> Numbers:
        """The trials with words that become too large for a gradient."""
        found: Numbers = self.trials[(self.lines.points.apart | self.lines.extreme)[self.points]]
        return found

    @property
    def moved(self) -> Flags:
        """Which faults change the value of their word."""
        found: Flags = self.lines.points.sizes[self.points] != 0
        return found

    def effects(self, outlook: Outlook, left_out: Flags) -> Iterator[tuple[Numbers, Effects]]:
        """The trials of some of the changes, or groups of changes, and their effects.

        ``left_out``: the trials that need none.
        """
        goal = outlook.goals[self.place]
        some = np.flatnonzero(~left_out[self.trials] & self.moved)
        firsts = None
        if goal.gates or len(goal.steps) > 1:
            # An activation function or a pooling follows: what it makes of two changes of its input
            # is not the sum of what it makes of each.
            some = some[np.lexsort((self.channels[some], self.trials[some]))]
            keys = np.stack([self.trials[some], self.channels[some]])
            firsts = np.flatnonzero((np.diff(keys, prepend=-1) != 0).any(axis=0))
        if not len(some):
            return
        trials = self.trials[some] if firsts is None else self.trials[some[firsts]]
        for part in effects(outlook, self.place, self.lines.changes(self.points[some]), firsts):
            yield trials[part.changes], part


def _hit_beside(outlook: Outlook, lines: Sequence[PlaceWords]) -> Numbers:
    """The trials in which faults in two sites reach one activation function in one channel.

    These are those of a weight and a bias of one layer, or of two layers whose outputs are added.
    """
    replayer = outlook.plan.replayer
    found = [np.zeros(0, np.int64)]
    for one, other in itertools.combinations(lines, 2):
        goals = [outlook.goals[each.place] for each in (one, other)]
        if goals[0].uses or goals[1].uses or goals[0].slot != goals[1].slot:
            continue
        keys = []
        firsts = [replayer.graph.nodes[goal.steps[0]].slot for goal in goals]
        # Channels of outputs of different shape are not comparable.
        alike = replayer.shapes.get(firsts[0]) == replayer.shapes.get(firsts[1])
        for each in (one, other):
            channels = each.channels if alike else np.zeros_like(each.channels)
            keys.append(np.stack([each.trials, channels], axis=1)[each.moved])
        both = set(map(tuple, keys[0].tolist())) & set(map(tuple, keys[1].tolist()))
        found.append(np.array([trial for trial, _ in both], np.int64))
    return np.concatenate(found)


def _hit_twice(space: FaultSpace, owner: Numbers, places: Numbers, words: Numbers) -> Numbers:
    """The trials in which two faults are in one word, whose changes do not add up."""
    keys = np.stack([owner, space.tensors[places], words])
    unique, counts = np.unique(keys, axis=1, return_counts=True)
    found: Numbers = unique[0, counts > 1]
    return found


def _is_one_value(space: FaultSpace, place: int) -> bool:
    """Whether a fault in a region changes one value, in every sample."""
    region = space.regions[place]
    return region.by_word and region.exposure.always_present
