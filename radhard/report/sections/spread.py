"""Is the rate due to many faults or to a few?"""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read_column
from radhard.report.figures import bars, histogram
from radhard.report.main_figure import MainFigure
from radhard.results import Results
from radhard.stats import Estimate, percent, stratified_mean

__all__ = ["shares_of_trials", "spread"]

_Step = tuple[str, str, Callable[[np.ndarray], np.ndarray]]
_STEPS: tuple[_Step, ...] = (
    ("none", "step0", lambda x: x <= 0),
    ("up to 10 %", "step1", lambda x: (x > 0) & (x <= 0.1)),
    ("10 to 50 %", "step2", lambda x: (x > 0.1) & (x <= 0.5)),
    ("50 to 90 %", "step3", lambda x: (x > 0.5) & (x <= 0.9)),
    ("over 90 %", "step4", lambda x: x > 0.9),
)


_TENTHS: tuple[_Step, ...] = (
    ("none", "step0", lambda x: x <= 0),
    *(
        (
            ("up to 10 %", *(f"{a} to {a + 10} %" for a in range(10, 90, 10)), "over 90 %")[tenth],
            _STEPS[1 + (tenth > 0) + (tenth > 4) + (tenth > 8)][1],
            # The numbers are computed as the tenths are, so that a harm of 3 in 10 is not above it.
            lambda x, tenth=tenth: (x > tenth / 10) & (x <= (tenth + 1) / 10),
        )
        for tenth in range(10)
    ),
)
"""The bins of the histogram of trials with one fault."""


def spread(results: Results, harm: MainFigure) -> Section:
    """How many faults affect no prediction, few or most of them, which a mean does not show."""
    title = "Distribution over faults"
    if text := _why_not(results):
        return Section("spread", title, (Text(text),))
    steps = _STEPS if results.by_rate else _TENTHS
    quantiles = shares_of_trials(results, harm, [within for _, _, within in steps])
    # The last group has the highest error rate, at which the distribution differs most.
    key = list(quantiles)[-1]
    readings = {group: read_column(row) for group, row in quantiles.items()}
    none, most = readings[key][0], readings[key][-1]
    unit = "trials" if results.by_rate else "faults"
    grouping = results.trials.grouping
    at = "" if grouping is None else f" {grouping.at} {key}"
    title_of_picture = f"Share of {unit} by the {harm.effect}"
    finding = f"{none} of {unit}{at} {harm.spares}; for {most} the {harm.rate} is over 90 %."
    picture = Picture(
        "spread",
        title_of_picture,
        finding if results.by_rate else f"{finding} Lines are 95 % intervals.",
        _bars(quantiles) if results.by_rate else _histogram(quantiles[key], harm),
    )
    head = () if grouping is None else (grouping.quantity,)
    rows = tuple(
        (*((group,) if head else ()), name, *reading)
        for group, row in readings.items()
        for (name, _, _), reading in zip(steps, row, strict=True)
    )
    table = Table(
        title_of_picture,
        (*head, harm.effect, f"share of {unit}", *COLUMNS),
        rows,
        words=1 + len(head),
        shown=len(_STEPS) * 2 if len(quantiles) > 2 else None,
    )
    counted = _counted(results, harm, quantiles[key][0])
    return Section("spread", title, (picture, *counted, table))


def shares_of_trials(
    results: Results, harm: MainFigure, conditions: Sequence[Callable[[np.ndarray], np.ndarray]]
) -> dict[str, list[Estimate]]:
    """The share of the faults whose harm meets each of the conditions, by error rate if any."""
    # Shares are sums of floats; a harm of 3 in 10 has to fall into the bin that ends there.
    values = np.round(results.values(harm.column), 12)
    groups = results.means.groups(results.usual_split)
    return {
        key: [stratified_mean(groups.cells(parts, met(values).astype(float))) for met in conditions]
        for key, parts in groups.split()
    }


def _counted(results: Results, harm: MainFigure, none: Estimate) -> tuple[Text, ...]:
    """Why the share of the faults without harm differs from that of the trials, if it does."""
    values = results.values(harm.column)
    spared, n = int((values <= 0).sum()), len(values)
    if results.by_rate or not n or percent(spared / n) == percent(none.value):
        return ()
    text = (
        f"Among the trials it is {spared:,} of {n:,}, which is {percent(spared / n)}. Parts of the "
        "fault space that have more trials than their share of the faults, or fewer, make the "
        "difference: in the figures every fault counts alike."
    )
    return (Text(text),)


def _why_not(results: Results) -> str:
    """Why the distribution is not shown; empty if it is."""
    if not results.by_rate and all(site.samples for site in results.space.sites):
        return (
            "Every trial has one sample and either changes its prediction or does not, so the "
            "rates above are the whole distribution."
        )
    if results.untried:
        return (
            f"Not estimated: caps left {results.untried:,} of {len(results.space):,} faults "
            "untried, and the others are the more harmful ones."
        )
    return ""


def _bars(quantiles: dict[str, list[Estimate]]) -> Callable[[bool], Figure]:
    """A bar for every group of trials with many faults."""
    drawn = [(key, [estimate.value for estimate in row]) for key, row in quantiles.items()]
    return lambda narrow: bars(drawn, [(name, paint) for name, paint, _ in _STEPS], narrow)


def _histogram(shares: list[Estimate], harm: MainFigure) -> Callable[[bool], Figure]:
    """A histogram of trials with one fault."""
    bins = [
        (_tick(name), paint, share) for (name, paint, _), share in zip(_TENTHS, shares, strict=True)
    ]
    return lambda narrow: histogram(bins, f"{harm.effect}, in percent", "share of faults", narrow)


def _tick(name: str) -> str:
    """The name of a bin below its bar, where there is little room.

    >>> _tick("none"), _tick("up to 10 %"), _tick("10 to 20 %"), _tick("over 90 %")
    ('none', '≤10', '≤20', '≤100')
    """
    if name.startswith("over"):
        return "≤100"
    return name if name == "none" else f"≤{name.split()[-2]}"
