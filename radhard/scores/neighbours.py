"""Which rates did a campaign measure for parts with similar scores?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.groups import Groups, Parts
from radhard.results import Results
from radhard.scores.agreement import Level, TrialParts, Values, trial_parts
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
    tensors = list(trial_parts(level, values, results, axes=axes))
    if not tensors:
        return []
    every = np.concatenate([values[tensor.scored].ravel() for tensor in tensors])
    scores = np.sort(every[~np.isnan(every)])
    # Ends by value and not by position keep equal scores together; ends that coincide are one, and
    # there are fewer groups.
    edges = np.unique(scores[[(scores.size * n) // groups for n in range(1, groups)]])
    split = Groups(results.space, results.trials, results.numbers, _by(level))
    parts = dict(split.split())
    result = []
    for group in range(len(edges) + 1):
        members: Parts = []
        for tensor in tensors:
            members += _group_parts(level, tensor, values, edges, group, parts)
        if not any(len(rows) for rows, _ in members):
            continue
        rate = results.mean(split, members, column)
        inside = np.searchsorted(edges, scores, side="right") == group
        place = (float(np.flatnonzero(inside).mean()) + 0.5) / scores.size
        result.append(Neighbours(int(inside.sum()), float(scores[inside].mean()), place, rate))
    return result


def _group_parts(
    level: Level,
    tensor: TrialParts,
    values: Values,
    edges: npt.NDArray[np.float64],
    group: int,
    parts: dict[str, Parts],
) -> Parts:
    """The trials in the parts of a tensor that belong to a group, and the faults they represent."""
    flat = values[tensor.scored].ravel()
    belongs = (np.searchsorted(edges, flat, side="right") == group) & ~np.isnan(flat)
    members = tensor.rows[belongs[tensor.parts]]
    if level == "bit":
        bits = np.flatnonzero(belongs).tolist()
        keys = {f"{tensor.tensor}, {bit}": 1.0 for bit in bits}
    else:
        # The parts of a tensor have equal sizes, so their share of it is their share of its faults.
        keys = {tensor.tensor: float(belongs.mean())}
    result: Parts = []
    for key, share in keys.items():
        for rows, population in parts.get(key, []) if share else []:
            inside = rows[np.isin(rows, members)]
            # Rounding must not make a population smaller than its sample.
            size = None if population is None else max(round(share * population), len(inside))
            result.append((inside, size))
    return result


def _by(level: Level) -> str:
    return "tensor, bit" if level == "bit" else "tensor"
