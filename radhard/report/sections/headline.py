"""Which values of a run come first in its report?"""

import math

import numpy as np

from radhard.errors import InputError
from radhard.faults import faults_in_words
from radhard.report.blocks import Headline, Tile
from radhard.report.enough_trials import trials_to_judge
from radhard.report.estimate_cells import read
from radhard.report.main_figure import MainFigure, main_figure, outcome_columns
from radhard.report.odds import between, odds
from radhard.report.point_differences import in_points
from radhard.report.run_wording import where
from radhard.report.sections.spread import shares_of_trials
from radhard.results import Results
from radhard.space import Numbers
from radhard.stats import Estimate, percent

__all__ = ["fault_free", "headline", "samples_of"]


def headline(results: Results, *, limits_kept: bool = False) -> Headline:
    """The mean effect of the faults, the outcome classes, and the meaning of the mean.

    ``limits_kept``: limits were asked for, and all are kept.
    """
    harm = main_figure(results)
    label = harm.Rate
    # Proven by caps, a rate of 0 is a result, although there is no trial.
    if not len(results) and results.has_mean(harm.column):
        text = "By their caps no fault causes any harm, so that no trial was needed."
        return Headline(_tile(results, harm.column, label, results.rate(harm.column)), text, ())
    if not len(results):
        return Headline(Tile(label, "not known yet"), "No trial has been executed yet.", ())
    if not harm.bounded:
        return _unbounded(results, harm)
    group, estimate = _most(results, harm)
    grouping = results.trials.grouping
    where_at = f" {grouping.at} {group}" if grouping is not None and group else ""
    if (n := len(results.trials.strata)) > 1 and group:
        where_at += f", the worst of {n}"
    main = _tile(results, harm.column, label + where_at, estimate)
    faults = None if results.by_rate else len(results.space)
    few = trials_to_judge(estimate, faults, limit_kept=limits_kept)
    return Headline(
        main,
        _meaning(results, harm, group, estimate),
        _tiles(results, harm, group),
        () if few is None or harm.points else (few,),
    )


def fault_free(results: Results) -> Tile | None:
    """Accuracy or another score without faults; None if none was measured."""
    scores = results.details.scores()
    if scores is None or not len(results):
        return None
    score, drop = scores
    golden = results.values(score) + results.values(drop)
    label = f"fault-free {results.details[score].meaning.removesuffix(' under a fault')}"
    if results.trials.single and any(site.samples for site in results.space.sites):
        # Every trial has one sample, so it shows whether the prediction of that one is correct.
        samples = samples_of(results)
        inside = samples >= 0
        seen = np.unique(samples[inside], return_index=True)[1]
        share, n = float(golden[inside][seen].mean()), len(seen)
        every = n == int(results.manifest["samples"])
        return Tile(
            label,
            percent(share),
            "",
            f"of {'all ' if every else 'the '}{n:,} samples" + ("" if every else " in the trials"),
        )
    n = int(results.manifest["samples"])
    return Tile(label, percent(round(float(golden[0]), 12)), "", f"of these {n:,} samples")


def samples_of(results: Results) -> Numbers:
    """The sample that the fault of each trial is in; -1 where it affects every sample."""
    places, words, _ = results.space.locate(results.trials.at(results.numbers))
    sizes = [math.prod(r.shape) if r.site.samples else 0 for r in results.space.regions]
    of_sample = np.array(sizes, np.int64)[places]
    found: Numbers = np.where(of_sample > 0, words // np.maximum(of_sample, 1), -1)
    return found


def _most(results: Results, harm: MainFigure) -> tuple[str, Estimate]:
    """The main estimate; with several error rates the one with the highest rate of harm."""
    estimates = results.estimates(harm.column, results.usual_split, 0.95)
    if not results.by_rate:
        return "", estimates[""]
    # Of equal ones the lowest error rate, as the harm begins there.
    group = max(estimates, key=lambda rate: (estimates[rate].value, -float(rate)))
    return group, estimates[group]


def _tiles(results: Results, harm: MainFigure, group: str) -> tuple[Tile, ...]:
    outcomes = outcome_columns(results)
    columns = [outcomes[name] for name in ("due", "noncritical", "masked") if outcomes]
    scores = results.details.scores() or ()
    columns += scores
    columns = [c for c in columns if c != harm.column and results.has_mean(c)]
    tiles = [
        _tile(results, c, results.details.meaning(c), _estimate(results, c, group)) for c in columns
    ]
    free = fault_free(results)
    at = len(tiles) - sum(column in scores for column in columns)
    return tuple(tiles if free is None else [*tiles[:at], free, *tiles[at:]])


def _estimate(results: Results, column: str, group: str) -> Estimate:
    return results.estimates(column, results.usual_split, 0.95)[group]


def _tile(results: Results, column: str, label: str, estimate: Estimate) -> Tile:
    # A drop of 1 % could be one of a hundredth of the accuracy.
    if results.details[column].role == "drop":
        return Tile(label.removesuffix(", in points"), *read(in_points(estimate)))
    return Tile(label, *read(estimate))


def _meaning(results: Results, harm: MainFigure, group: str, estimate: Estimate) -> str:
    if (grouping := results.trials.grouping) is not None:
        per = f" per {grouping.per}" if grouping.per else ""
        start = (
            f"With {faults_in_words(results.space.faults, None)} in {where(results)} "
            f"{grouping.at} {group}{per}, all present at once"
        )
    else:
        kinds = [fault.in_words(1).removeprefix("1 ") for fault in results.space.faults]
        start = f"With one {' or '.join(kinds)} in {where(results)}"
    if not harm.predictions:
        mean = in_points(estimate) if harm.points else estimate
        return f"{start}, the {harm.rate} is {mean} on average over faults and samples."
    if estimate.value == 0:
        text = f"{start}, no prediction was corrupted in any trial"
    else:
        text = f"{start}, about {odds(estimate.value, 'prediction')} {_fate(estimate.value, harm)}"
        # What is all is not about all.
        text = text.replace("about all", "all").replace("about nearly", "nearly")
    share = f"{text}, {between(estimate)}."
    return share + _mean_of(results, harm, group)


def _fate(share: float, harm: MainFigure) -> str:
    singular = odds(share).startswith("one ")
    if harm.effect == "predictions changed":
        return "differs from the fault-free one" if singular else "differ from the fault-free ones"
    return f"{'is' if singular else 'are'} {harm.effect.removeprefix('predictions ')}"


def _mean_of(results: Results, harm: MainFigure, group: str) -> str:
    """A caveat: a mean over faults may consist of a few severe ones and many harmless ones."""
    if results.trials.single and any(site.samples for site in results.space.sites):
        return " This is a mean over faults and samples: every trial has one sample."
    values = results.values(harm.column)
    if group and (grouping := results.trials.grouping) is not None:
        values = values[results.to_frame()[grouping.name].map(grouping.value) == group]
    spared, n = int((values <= 0).sum()), len(values)
    # Where all trials are alike the mean hides nothing.
    if spared in (0, n):
        return " This is a mean over faults and samples."
    worst = f"the worst trial changed {percent(float(values.max()))} of them"
    if results.by_rate:
        unharmed = f"{spared:,} of the {n:,} trials changed no prediction"
    elif results.untried:
        unharmed = (
            f"{spared:,} of the {n:,} trials, all of faults that caps do not show to be harmless, "
            "changed no prediction"
        )
    else:
        # An estimate, and not a count of trials, of which some parts have more than their share.
        share = read(shares_of_trials(results, harm, [lambda harm: harm <= 0])[""][0])
        unharmed = f"an estimated {share.value} of the faults {harm.spares}"
    return f" This is a mean over faults and samples: {unharmed}, {worst}."


def _unbounded(results: Results, harm: MainFigure) -> Headline:
    try:
        median = results.quantile(harm.column, 0.5)
    except InputError as error:
        return Headline(
            Tile(f"Median {harm.rate}", "not available"),
            f"Why: {error}.",
            _tiles(results, harm, ""),
        )
    return Headline(
        Tile(f"Median {harm.rate}", *read(median)),
        f"Half of the trials change the outputs by at most this ({harm.column}).",
        _tiles(results, harm, ""),
    )
