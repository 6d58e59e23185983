"""Predictions of which classes does a fault change?"""

from collections.abc import Mapping

from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read_rows
from radhard.report.figures import forest
from radhard.report.main_figure import MainFigure
from radhard.results import Results
from radhard.stats import Estimate

__all__ = ["harm_by_class"]

_DRAWN = 24


def harm_by_class(results: Results, harm: MainFigure) -> Section | None:
    """The rate of each class, given by its fault-free prediction; None without such figures."""
    columns = [c for c in results.details.of_part("class") if results.has_mean(c)]
    if not columns or results.by_rate or not harm.predictions:
        return None
    if any(site.samples for site in results.space.sites):
        text = "Trials of one sample each do not tell how many samples of a class there are."
        return Section("classes", "Harm by class", (Text(text),))
    samples = int(results.manifest.get("samples", 0))
    rates: dict[str, Estimate] = {}
    sizes: dict[str, int] = {}
    for column in columns:
        _, most = results.ranges[column]
        name = column.rpartition("_")[2]
        sizes[name] = int(most * samples + 1e-6)
        if sizes[name]:
            # The figure is a share of all samples, and its range ends at that of the class.
            rates[name] = results.rate(column).map(lambda x, most=most: min(1.0, x / most), "share")
    readings = read_rows(rates)
    rows = tuple((name, f"{sizes[name]:,}", *readings[name]) for name in rates)
    heads = ("class", "samples", "rate", *COLUMNS)
    table = Table(f"{harm.Rate} by class", heads, rows)
    empty = [name for name, size in sizes.items() if not size]
    texts = [Text(f"No sample is predicted to be of class {', '.join(empty)}.")] if empty else []
    blocks: list[Picture | Table | Text] = [table, *texts]
    if 1 < len(rates) <= _DRAWN:
        drawn = [(f"class {name}", rate) for name, rate in rates.items()]
        overall: Estimate = results.rate(harm.column)
        picture = Picture(
            "classes",
            f"{harm.Rate} by class",
            _finding(rates, harm),
            lambda narrow: forest(drawn, overall, harm.rate, narrow),
        )
        blocks = [picture, *blocks]
    return Section("classes", "Harm by class", tuple(blocks))


def _finding(rates: Mapping[str, Estimate], harm: MainFigure) -> str:
    worst = max(rates, key=lambda name: rates[name].value)
    text = (
        f"Of samples that are predicted to be of class {worst} without a fault, the {harm.rate} is "
        f"highest: {read_rows(rates)[worst]}."
    )
    if rates[worst].value <= 0:
        text = f"{harm.Rate}: 0 in all trials of {len(rates)} classes."
    elif max(rate.low for rate in rates.values()) <= min(rate.high for rate in rates.values()):
        text += " All intervals overlap, so the order of the classes is uncertain."
    return text
