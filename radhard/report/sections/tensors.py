"""Which tensors are the most vulnerable?"""

from collections.abc import Mapping

from radhard.report.blocks import Picture, Section, Table, Text
from radhard.report.estimate_cells import COLUMNS, read_rows
from radhard.report.few_trials import read_marked
from radhard.report.figures import forest
from radhard.report.main_figure import MainFigure
from radhard.results import Results
from radhard.stats import Estimate

__all__ = ["tensors"]

_DRAWN = 24
_SHOWN = 12


def tensors(results: Results, harm: MainFigure) -> Section:
    """The rate of every tensor, the overall rate, and the contribution of each tensor to it."""
    rates: Mapping[str, Estimate] = results.rate(harm.column, by="tensor")
    overall: Estimate = results.rate(harm.column)
    space = results.space
    ranked = sorted(rates, key=lambda name: -rates[name].value)
    chosen = set(ranked[:_DRAWN])
    drawn = [(name, rate) for name, rate in rates.items() if name in chosen]
    many = len(rates) > _SHOWN
    rows = []
    listed = ranked if many else list(rates)
    for name, reading in zip(listed, read_marked([rates[name] for name in listed]), strict=True):
        regions = [region for region in space.regions if region.site.name == name]
        # A word counts once, also if several fault models apply to it.
        sizes = {(r.plane, r.subset, repr(r.exposure)): r.all_words for r in regions}
        words = sum(sizes.values())
        rows.append((name, regions[0].site.kind, f"{words:,}", *reading))
    table = Table(
        f"{harm.Rate} by tensor" + (", highest first" if many else ""),
        ("tensor", "layer", "words", "rate", *COLUMNS),
        tuple(rows),
        words=2,
        shown=_SHOWN if many else None,
    )
    blocks: list[Picture | Table | Text] = []
    if len(rates) > 1:
        finding = _finding(rates, ranked, harm)
        if len(rates) > _DRAWN:
            finding += (
                f" The figure shows the {_DRAWN} of {len(rates)} tensors with the highest rates."
            )
        blocks.append(
            Picture(
                "tensors",
                f"{harm.Rate} by tensor",
                finding,
                lambda narrow: forest(drawn, overall, harm.rate, narrow),
            )
        )
    every = len({site.name for site in space.sites})
    untried = every - len(rates)
    if untried:
        blocks.append(Text(f"No trials in {untried:,} of {every:,} tensors: rates unknown."))
    return Section("tensors", "Most vulnerable tensors", (*blocks, table))


def _finding(rates: Mapping[str, Estimate], ranked: list[str], harm: MainFigure) -> str:
    first = rates[ranked[0]]
    if first.value <= 0:
        return f"{harm.Rate}: 0 in all trials of {len(rates)} tensors."
    readings = read_rows(rates)
    text = f"{ranked[0]} has the highest {harm.rate}: {readings[ranked[0]]}."
    if max(rate.low for rate in rates.values()) <= min(rate.high for rate in rates.values()):
        return f"{text} All intervals overlap, so the order of the tensors is uncertain."
    return f"{text} The lowest is that of {ranked[-1]}: {readings[ranked[-1]]}."
