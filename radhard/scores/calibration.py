"""What does a campaign say of parts whose scores are neighbours?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from radhard.errors import InputError
from radhard.groups import Groups, Parts
from radhard.results import Results
from radhard.scores.agreement import Level, Struck, Values, struck_parts
from radhard.stats import Estimate

__all__ = ["Neighbours", "neighbours"]


@final
@dataclass(frozen=True)
class Neighbours:
    """Parts with neighbouring scores, and the rate of the faults in all of them together."""

    parts: int
    score: float
    """Mean over the parts."""
    place: float
    """Mean place in the ranking, from 0 for the lowest score to 1 for the highest."""
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
    """The parts in so many groups of about equal size, from low to high scores, with their rates.

    Which parts form a group depends on the scores alone, so that the intervals are honest; equal
    scores are never parted. A group without trials is left out.

    ``axes``: by weight the axis that counts its output channels, where that is not the first
    (`Scores.channel_axes`).

    Raises:
        InputError: the figure is not a share between 0 and 1, or a campaign at error rates.
    """
    column = results.column(column)
    if results.ranges[column] != (0.0, 1.0):
        raise InputError(f"{column} is not a share, so that its mean has no interval of this kind")
    found = list(struck_parts(level, values, results, axes=axes))
    if not found:
        return []
    every = np.concatenate([values[struck.scored].ravel() for struck in found])
    known = np.sort(every[~np.isnan(every)])
    edges = np.unique(known[[(known.size * n) // groups for n in range(1, groups)]])
    split = Groups(results.space, results.trials, results.numbers, _by(level))
    parts = dict(split.split())
    made = []
    for group in range(len(edges) + 1):
        mine: Parts = []
        for struck in found:
            mine += _of_group(level, struck, values, edges, group, parts)
        if not any(len(rows) for rows, _ in mine):
            continue
        rate = results.mean(split, mine, column)
        here = np.searchsorted(edges, known, side="right") == group
        place = (float(np.flatnonzero(here).mean()) + 0.5) / known.size
        made.append(Neighbours(int(here.sum()), float(known[here].mean()), place, rate))
    return made


def _of_group(
    level: Level,
    struck: Struck,
    values: Values,
    edges: npt.NDArray[np.float64],
    group: int,
    parts: dict[str, Parts],
) -> Parts:
    """The trials in the parts of a tensor that belong to a group, and the faults they stand for."""
    flat = values[struck.scored].ravel()
    belongs = (np.searchsorted(edges, flat, side="right") == group) & ~np.isnan(flat)
    mine = struck.rows[belongs[struck.parts]]
    if level == "bit":
        bits = np.flatnonzero(belongs).tolist()
        keys = {f"{struck.tensor}, {bit}": 1.0 for bit in bits}
    else:
        keys = {struck.tensor: float(belongs.mean())}  # its parts are of equal size
    found: Parts = []
    for key, share in keys.items():
        for rows, population in parts.get(key, []) if share else []:
            here = rows[np.isin(rows, mine)]
            size = None if population is None else max(round(share * population), len(here))
            found.append((here, size))
    return found


def _by(level: Level) -> str:
    return "tensor, bit" if level == "bit" else "tensor"
