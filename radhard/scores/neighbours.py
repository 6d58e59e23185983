"""Which rates did a campaign measure for parts with similar scores?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.groups import Groups, Parts
from radhard.results import Results
from radhard.scores.trial_parts import Level, TrialParts, Values, parts_of, trial_parts
from radhard.space import FaultSpace, Numbers
from radhard.stats import Estimate

__all__ = ["Neighbours", "neighbours"]


@final
@dataclass(frozen=True)
class Neighbours:
    """Parts with similar scores, and the rate of the faults in all of them together."""

    parts: int
    score: float
    """The mean score of the parts."""
    place: float
    """The mean position in the ranking, from 0 for the lowest score to 1 for the highest."""
    rate: Estimate


def neighbours(
    level: Level,
    values: Values,
    results: Results,
    *,
    column: str | None = None,
    groups: int = 10,
    axes: Mapping[str, int] | None = None,
) -> list[Neighbours]:
    """The parts in ``groups`` groups of similar size, from low to high scores, with their rates.

    The groups depend only on the scores, not on the trials, so the intervals are valid. Equal
    scores are always in the same group. Groups without trials are omitted.

    ``axes``: the output-channel axis of each weight for which it is not the first
    (`Scores.channel_axes`).

    Raises:
        InputError: the figure is not a share between 0 and 1, or a campaign at error rates.
    """
    column = results.column(column)
    if results.ranges[column] != (0.0, 1.0):
        raise InputError(f"{column} is not a share between 0 and 1, so its mean has no interval")
    results = results.with_known(column)
    regions = list(trial_parts(level, values, results, axes=axes))
    flat = {region.scored: values[region.scored].ravel() for region in regions}
    every = np.concatenate([*flat.values(), np.empty(0)])
    scores = np.sort(every[~np.isnan(every)])
    if not scores.size:
        return []
    # Ends by value and not by position keep equal scores together; ends that coincide are one, and
    # there are fewer groups.
    edges = np.unique(scores[[(scores.size * n) // groups for n in range(1, groups)]])
    split = results.means.groups(None)
    # Trials drawn together form one unit, of whose bits a group may have some: each bit by itself,
    # as the number of these differs between tensors.
    apart = level == "bit" and results.trials.together > 1
    result = []
    for group in range(len(edges) + 1):
        found, shares = [], np.zeros(int(results.space.variant_starts[-1]))
        for region in regions:
            number = np.searchsorted(edges, flat[region.scored], side="right")
            belongs = (number == group) & ~np.isnan(flat[region.scored])
            found.append(region.rows[belongs[region.parts]])
            shares += _shares(level, region, results.space, belongs, values, axes or {})
        # Several regions may have faults in the parts of a group.
        rows = np.sort(np.concatenate(found))
        if not len(rows):
            continue
        members = _by_variant(split, rows, shares, results) if apart else split.parts(rows, shares)
        rate = results.means.mean(split, members, column)
        inside = np.searchsorted(edges, scores, side="right") == group
        # The middle of the group in the ranking of all parts, also of those without trials.
        place = (float(np.flatnonzero(inside).mean()) + 0.5) / scores.size
        result.append(Neighbours(int(inside.sum()), float(scores[inside].mean()), place, rate))
    return result


def _shares(
    level: Level,
    trials: TrialParts,
    space: FaultSpace,
    belongs: npt.NDArray[np.bool_],
    values: Values,
    axes: Mapping[str, int],
) -> npt.NDArray[np.float64]:
    """The share of each variant's faults, of all regions, that lie in this region and a group."""
    region, scores = space.regions[trials.place], values[trials.scored]
    axis = axes.get(region.site.name)
    shares = np.zeros(int(space.variant_starts[-1]))
    start, end = space.variant_starts[trials.place : trials.place + 2].tolist()
    if level == "bit":
        variants = np.arange(region.variants)
        parts = parts_of(level, scores, np.zeros_like(variants), variants, region, axis)
        shares[start:end] = belongs[parts]
    elif region.subset is None and region.fault.span == 1:
        # The parts of a tensor have equal sizes, so their share of it is their share of its faults.
        shares[start:end] = belongs.mean()
    else:
        # Faults do not begin in every word; those of one sample lie as those of all.
        words = region.positions_of(np.arange(region.words // (region.site.samples or 1)))
        parts = parts_of(level, scores, words, np.zeros_like(words), region, axis)
        shares[start:end] = belongs[parts].mean() if len(parts) else 0.0
    return shares


def _by_variant(
    split: Groups, rows: Numbers, shares: npt.NDArray[np.float64], results: Results
) -> Parts:
    """The parts of a group, with those of every variant of every region by themselves."""
    space = results.space
    places, _, variants = space.locate(results.trials.at(results.numbers[rows]))
    variants = space.variant_starts[places] + variants
    members = Parts()
    for variant in np.flatnonzero(shares).tolist():
        alone = np.zeros_like(shares)
        alone[variant] = shares[variant]
        members += split.parts(rows[variants == variant], alone)
    return members
