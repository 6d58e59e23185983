"""How many trials does each part of the fault space have?"""

from collections.abc import Mapping

import numpy as np

from radhard.report.blocks import Section, Table, Text
from radhard.report.estimate_cells import read
from radhard.report.main_figure import MainFigure
from radhard.results import Results
from radhard.samplers import Stratum
from radhard.stats import Estimate, percent

__all__ = ["sizes"]

_SHOWN = 12


def sizes(results: Results, harm: MainFigure) -> Section:
    """Strata with their population, their trials, and the margin reached."""
    strata = results.trials.strata
    done = np.bincount(results.trials.strata_of(results.numbers), minlength=len(strata)).tolist()
    margins = _margins(results, harm)
    parts = _parts(results, strata)
    rows = []
    for name, members in parts.items():
        faults = sum(strata[m].population for m in members)
        tried, planned = sum(done[m] for m in members), sum(strata[m].trials for m in members)
        margin = margins.get(name)
        rows.append(
            (
                name,
                f"{len(members):,}",
                "endless" if results.by_rate else f"{faults:,}",
                f"{tried:,}" if tried == planned else f"{tried:,} of {planned:,}",
                "–" if results.by_rate else percent(tried / faults if faults else 0.0),
                "–" if margin is None else _margin(margin),
            )
        )
    columns = ("part", "strata", "faults", "trials", "tried", "margin reached")
    table = Table(
        "Parts of the fault space, and the trials of each",
        columns,
        tuple(rows),
        shown=_SHOWN if len(rows) > _SHOWN else None,
    )
    return Section("sizes", "Sample sizes", (Text(_explained(results, harm)), table))


def _parts(results: Results, strata: tuple[Stratum, ...]) -> dict[str, list[int]]:
    """Strata grouped by tensor if each lies in a single tensor, otherwise the strata."""
    if (grouping := results.trials.grouping) is not None:
        return {grouping.value(s.name): [at] for at, s in enumerate(strata)}
    if any(stratum.step == 0 for stratum in strata):
        return {stratum.name: [at] for at, stratum in enumerate(strata)}
    ends = np.array([[s.start, s.start + s.step * (s.population - 1)] for s in strata])
    # An empty stratum has no first fault, and therefore no tensor.
    ends = np.clip(ends, 0, max(len(results.space) - 1, 0))
    first, last = (results.space.locate(ends[:, side])[0] for side in (0, 1))
    if len(strata) == 1 or not (first == last).all():
        return {s.name: [at] for at, s in enumerate(strata)}
    parts: dict[str, list[int]] = {}
    for at, place in enumerate(first.tolist()):
        parts.setdefault(results.space.sites[place].name, []).append(at)
    return parts


def _margins(results: Results, harm: MainFigure) -> Mapping[str, Estimate]:
    if not harm.bounded or not len(results):
        return {}
    if results.by_rate:
        return results.estimates(harm.column, results.usual_split, 0.95)
    strata = results.trials.strata
    if len(strata) == 1:
        return {strata[0].name: results.estimates(harm.column, None, 0.95)[""]}
    return results.estimates(harm.column, "tensor", 0.95)


def _margin(estimate: Estimate) -> str:
    reading = read(estimate)
    if reading.interval == "exact":
        return "exact"
    down, up = estimate.value - estimate.low, estimate.high - estimate.value
    return f"−{_points(down)} / +{_points(up)} points"


def _points(distance: float) -> str:
    return f"{100 * distance:.2g}" if distance < 0.1 else f"{100 * distance:.0f}"


def _explained(results: Results, harm: MainFigure) -> str:
    unit = "the trial"
    if results.trials.together > 1:
        unit = f"the word, with all its {results.trials.together} faults"
    text = (
        f"{results.sampler!r}, seed {results.seed}: {len(results):,} of {results.planned:,} "
        f"planned trials executed. The unit of sampling is {unit}, not the sample. "
    )
    if results.trials.grouping is not None:
        return (
            text
            + f"The number of faults in a trial depends on the {results.trials.grouping.quantity}."
        )
    text += (
        "Faults are drawn without replacement, and overall rates weight every part by its number "
        "of faults."
    )
    if results.trials.single and len(results) < len(results.space):
        text += (
            " Where there are enough trials, every bit and direction of change within a part is "
            "weighted as well, so that overall rates are not the plain mean over the trials, but a "
            "mean with the weights in their table."
        )
    if not harm.bounded:
        return text
    return text + (
        f" The margin is the distance from the {harm.rate} to the limits of its 95 % interval, "
        "in percentage points."
    )
