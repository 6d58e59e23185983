"""Predictions of which samples does a fault change?"""

from collections.abc import Mapping, Sequence

from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read_column, read_rows
from radhard.report.figures import sample_rates
from radhard.report.main_figure import MainFigure
from radhard.results import Results
from radhard.stats import Estimate

__all__ = ["harm_by_sample"]

_TITLE = "Harm by sample"

_SHOWN = 10
"""Rows that are not folded: the samples with the most harm."""


def harm_by_sample(results: Results, harm: MainFigure) -> Section | None:
    """The rate of each sample, over all faults; None without such figures."""
    columns = results.details.of_part("sample")
    if not columns:
        return None
    if why := _why_not(results, harm, columns):
        return Section("samples", _TITLE, (Text(why),))
    samples = int(results.manifest.get("samples", 0)) or len(columns)
    rates: dict[str, Estimate] = {
        # The figure is a share of all samples, of which this one is one.
        column.rpartition("_")[2]: results.rate(column).map(
            lambda x: min(1.0, x * samples), "share"
        )
        for column in columns
    }
    overall: Estimate = results.rate(harm.column)
    ranked = sorted(rates, key=lambda name: -rates[name].value)
    title = f"{harm.Rate} by sample"
    readings = read_rows(rates)
    rows = tuple((name, *readings[name]) for name in ranked)
    table = Table(f"{title}, most harm first", ("sample", "rate", *COLUMNS), rows, shown=_SHOWN)
    texts = [Text(_explained(len(columns), samples))]
    if len(rates) < 2:
        return Section("samples", _TITLE, (*texts, table))
    picture = Picture(
        "samples",
        title,
        _finding(rates, ranked, overall, harm),
        lambda narrow: sample_rates([rates[name] for name in ranked], overall, harm.rate, narrow),
    )
    return Section("samples", _TITLE, (picture, *texts, table))


def _why_not(results: Results, harm: MainFigure, columns: Sequence[str]) -> str:
    """Why the rates of samples are not shown; empty if they are."""
    if not harm.predictions:
        return (
            "Shown beside the mean of all samples only: repeat the run with a metric that has it "
            "as well, such as Outcome()."
        )
    name = columns[0].rpartition(".")[2]
    if (split := results.usual_split) is not None:
        return (
            f"Not shown for trials of many faults; in Python, results.rate({name!r}, by={split!r}) "
            f"is the share of a sample, out of all {int(results.manifest.get('samples', 0)):,}."
        )
    if not results.has_mean(columns[0]):
        return f"Not estimated: caps left {results.untried:,} faults untried."
    return ""


def _explained(counted: int, samples: int) -> str:
    which = f"all {samples:,}" if counted == samples else f"the first {counted:,} of {samples:,}"
    return (
        f"The rate of a sample is the share of the faults that change its prediction, for {which} "
        "samples, numbered from 0 in the order of the data. Each interval holds for its sample: of "
        "many samples the first of the list has a high rate by chance as well, and one interval in "
        "20 misses its rate."
    )


def _finding(
    rates: Mapping[str, Estimate], ranked: list[str], overall: Estimate, harm: MainFigure
) -> str:
    worst = rates[ranked[0]]
    if worst.value <= 0:
        return f"{harm.Rate}: 0 in all trials of each of the {len(rates):,} samples."
    silent = sum(rate.value <= 0 for rate in rates.values())
    above = sum(rate.low > overall.high for rate in rates.values())
    below = sum(rate.high < overall.low for rate in rates.values())
    most, mean = read_rows(rates)[ranked[0]], read_column([*rates.values(), overall])[-1]
    return (
        f"Sample {ranked[0]} changes most often, {most}; the mean of all samples is {mean}. The "
        f"interval lies wholly above that of the mean in {above:,} of {len(rates):,} samples and "
        f"wholly below it in {below:,}; {silent:,} changed in no trial. Dots "
        "are samples, most harm first; lines are 95 % intervals."
    )
