"""Which faults do more harm in the hardened model than before?"""

import numpy as np

from radhard.groups import Groups
from radhard.report.blocks import Section, Table, Text
from radhard.report.estimate_cells import read
from radhard.report.main_figure import MainFigure
from radhard.stats import Estimate, percent, stratified_mean
from radhard.verification import Verification

__all__ = ["faults_made_worse"]

_N = 10


def faults_made_worse(verification: Verification, harm: MainFigure) -> Section | None:
    """The pairs of trials in which the hardened model does more harm; None without pairs."""
    if verification.before.by_rate or not verification.comparison.paired or not harm.bounded:
        return None
    numbers = np.intersect1d(verification.before.numbers, verification.after.numbers)
    old, new = verification.before.only(numbers), verification.after.only(numbers)
    before, after = old.values(harm.column), new.values(harm.column)
    increase = after - before
    share = _share(Groups(old.space, old.trials, numbers, None), increase > 0)
    title = "Faults that do more harm"
    reading = read(share)
    worse = np.flatnonzero(increase > 0)
    if not len(worse):
        text = (
            f"None of the {len(numbers):,} faults does more harm in the hardened model than "
            f"before: at most {percent(share.high)} of all faults (upper 95 % confidence limit)."
        )
        return Section("worse", title, (Text(text),))
    text = (
        f"{len(worse):,} of the {len(numbers):,} faults do more harm in the hardened model than "
        f"before: {reading.value} {reading.interval} of all faults."
    )
    order = worse[np.argsort(-increase[worse], kind="stable")][:_N]
    faults = old.to_frame()["fault"].to_numpy()[order]
    rows = tuple(
        (
            old.space.describe(int(fault)),
            percent(round(float(before[at]), 12)),
            percent(round(float(after[at]), 12)),
            f"with rh.inject(hard, space, {int(fault)}): ...",
        )
        for at, fault in zip(order, faults, strict=True)
    )
    table = Table(
        f"The {len(rows)} with the largest increase: {harm.effect}",
        ("fault", "before", "after", "to see it"),
        rows,
        code=(3,),
    )
    return Section("worse", title, (Text(text), table))


def _share(groups: Groups, chosen: np.ndarray) -> Estimate:
    ((_, parts),) = groups.split()
    return stratified_mean(groups.cells(parts, chosen.astype(float)))
