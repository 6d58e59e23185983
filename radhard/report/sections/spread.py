"""Is the rate due to many faults or to a few?"""

from collections.abc import Callable

import numpy as np

from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read
from radhard.report.figures import bars
from radhard.report.main_figure import MainFigure
from radhard.results import Results
from radhard.stats import Estimate, stratified_mean

__all__ = ["spread"]

_Step = tuple[str, str, Callable[[np.ndarray], np.ndarray]]
_STEPS: tuple[_Step, ...] = (
    ("none", "step0", lambda x: x <= 0),
    ("up to 10 %", "step1", lambda x: (x > 0) & (x <= 0.1)),
    ("10 to 50 %", "step2", lambda x: (x > 0.1) & (x <= 0.5)),
    ("50 to 90 %", "step3", lambda x: (x > 0.5) & (x <= 0.9)),
    ("over 90 %", "step4", lambda x: x > 0.9),
)


def spread(results: Results, harm: MainFigure) -> Section:
    """How many faults affect no prediction, few or most of them, which a mean does not show."""
    title = "Distribution over faults"
    if not results.by_rate and all(site.samples for site in results.space.sites):
        text = (
            "Every trial has one sample and either changes its prediction or does not, so the "
            "rates above are the whole distribution."
        )
        return Section("spread", title, (Text(text),))
    if results.untried:
        text = (
            f"Not estimated: caps left {results.untried:,} of {len(results.space):,} faults "
            "untried, and the others are the more harmful ones."
        )
        return Section("spread", title, (Text(text),))
    values = results.values(harm.column)
    quantiles: dict[str, list[Estimate]] = {}
    groups = results.means.groups(results.usual_split)
    for key, parts in groups.split():
        quantiles[key] = [
            stratified_mean(groups.cells(parts, within(values).astype(float)))
            for _, _, within in _STEPS
        ]
    drawn = [(key, [estimate.value for estimate in row]) for key, row in quantiles.items()]
    key = list(quantiles)[-1]
    none, most = read(quantiles[key][0]), read(quantiles[key][-1])
    unit = "trials" if results.by_rate else "faults"
    grouping = results.trials.grouping
    at = "" if grouping is None else f" {grouping.at} {key}"
    picture = Picture(
        "spread",
        f"Share of {unit} by the {harm.effect}",
        f"{none.value} {none.interval} of {unit}{at} have no effect; for "
        f"{most.value} {most.interval} the {harm.rate} is over 90 %.",
        lambda narrow: bars(drawn, [(name, paint) for name, paint, _ in _STEPS], narrow),
    )
    head = () if grouping is None else (grouping.quantity,)
    rows = tuple(
        (*((group,) if head else ()), name, *read(estimate))
        for group, row in quantiles.items()
        for (name, _, _), estimate in zip(_STEPS, row, strict=True)
    )
    table = Table(
        f"Share of {unit} by the {harm.effect}",
        (*head, harm.effect, f"share of {unit}", *COLUMNS),
        rows,
        words=1 + len(head),
        shown=len(_STEPS) * 2 if len(quantiles) > 2 else None,
    )
    return Section("spread", title, (picture, table))
