"""Which faults do more harm in the second run than in the first?"""

import numpy as np

from radhard.comparison import compare
from radhard.groups import Groups
from radhard.report.blocks import Section, Table, Text
from radhard.report.estimate_cells import read
from radhard.report.main_figure import MainFigure
from radhard.report.verification.run_pair import RunPair
from radhard.stats import Estimate, percent, stratified_mean

__all__ = ["faults_made_worse"]

_N = 10


def faults_made_worse(pair: RunPair, harm: MainFigure, where: str) -> Section | None:
    """The pairs of trials with more harm in the second run; None without pairs.

    ``where`` names what the second run was done on, as in "in the hardened model".
    """
    if pair.before.by_rate or not harm.bounded or not compare(*pair.runs, harm.column).paired:
        return None
    numbers = np.intersect1d(pair.before.numbers, pair.after.numbers)
    old, new = (run.only(numbers) for run in pair.runs)
    before, after = old.values(harm.column), new.values(harm.column)
    increase = after - before
    share = _share(old.means.groups(None, post_stratified=not new.means.infers), increase > 0)
    title = "Faults that do more harm"
    reading = read(share)
    worse = np.flatnonzero(increase > 0)
    if not len(worse):
        text = (
            f"None of the {len(numbers):,} faults does more harm {where}: "
            f"at most {percent(share.high)} of all faults (upper 95 % confidence limit)."
        )
        return Section("worse", title, (Text(text),))
    text = (
        f"{len(worse):,} of the {len(numbers):,} faults {'does' if len(worse) == 1 else 'do'} more "
        f"harm {where}: "
        f"{reading.value} {reading.interval} of all faults."
    )
    order = worse[np.argsort(-increase[worse], kind="stable")][:_N]
    faults = old.trials.at(old.numbers[order])
    rows = tuple(
        (
            old.space.describe(int(fault)),
            percent(round(float(before[at]), 12)),
            percent(round(float(after[at]), 12)),
            f"with rh.inject(model, space, {int(fault)}): ...",
        )
        for at, fault in zip(order, faults, strict=True)
    )
    table = Table(
        f"{_those(len(rows))} with the largest increase: {harm.effect}",
        ("fault", *pair.labels, "to see it"),
        rows,
        code=(3,),
    )
    return Section("worse", title, (Text(text), table))


def _those(n: int) -> str:
    return "The fault" if n == 1 else f"The {n} faults"


def _share(groups: Groups, chosen: np.ndarray) -> Estimate:
    ((_, parts),) = groups.split()
    return stratified_mean(groups.cells(parts, chosen.astype(float)))
