"""How did the interval narrow in the course of the campaign?"""

import numpy as np

from radhard.report.blocks import Picture, Section, Text
from radhard.report.estimate_cells import read
from radhard.report.figures import Curve, curves
from radhard.report.main_figure import MainFigure
from radhard.results import Results
from radhard.stats import Estimate

__all__ = ["convergence"]

_FEWEST = 8
"""Trials at the first point: an interval of fewer says nothing."""

_LEAST = 1 / 16
"""Share of the trials at the first point: still earlier intervals would fill the figure."""

_STRATA = 40
"""With more strata the intervals of all stages take longer than the rest of a page."""


def convergence(results: Results, harm: MainFigure) -> Section | None:
    """The rate and its interval after 1/2, 1/4, ... of the trials of every stratum.

    The trials of a stratum are in random order, so that its first ones are a sample of their own;
    the parts of all strata together are a smaller campaign of the same kind.
    """
    strata = results.trials.strata
    drawn_alone = results.trials.single and results.trials.together == 1
    if not drawn_alone or len(strata) > _STRATA or not results.complete:
        return None
    rates = _rates(results, harm)
    if len(rates) < 3:
        return None
    trials = sorted(rates)
    first, last = (read(rates[n]) for n in (trials[0], trials[-1]))
    widths = [rates[n].high - rates[n].low for n in (trials[-2], trials[-1])]
    finding = (
        f"{first} after {trials[0]:,} trials, {last} "
        f"after all {trials[-1]:,}. The last doubling narrowed the interval to "
        f"{widths[1] / widths[0]:.2g} of its width; the band is the 95 % interval."
        if widths[0]
        else f"{last} after all {trials[-1]:,} trials."
    )
    curve = Curve(harm.rate, "critical", "o", [(float(n), rates[n]) for n in trials])
    top = max(rate.high for rate in rates.values()) * 1.05
    picture = Picture(
        "convergence",
        f"{harm.Rate} over the number of trials",
        finding,
        lambda narrow: curves([curve], "", narrow, quantity="trials", top=top),
    )
    text = Text(
        "Every point is the result that a campaign of so many trials would have had: the first "
        "trials of every part of the fault space."
    )
    return Section("convergence", "Convergence", (picture, text))


def _rates(results: Results, harm: MainFigure) -> dict[int, Estimate]:
    """The rate after each number of trials."""
    ends = np.cumsum([stratum.trials for stratum in results.trials.strata])
    starts = np.concatenate([[0], ends[:-1]])
    rates: dict[int, Estimate] = {}
    share = 1.0
    while True:
        numbers = np.concatenate(
            [
                np.arange(start, start + max(1, round(share * (end - start))))
                for start, end in zip(starts, ends, strict=True)
                if end > start
            ]
        )
        if len(numbers) < _FEWEST or len(numbers) in rates:
            return rates
        rates[len(numbers)] = results.only(numbers).rate(harm.column)
        share /= 2
        if share < _LEAST:
            return rates
