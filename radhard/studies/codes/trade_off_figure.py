"""How are stored bits and decoding time of codes drawn against tolerable error rates?"""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from radhard.report.figures import svg
from radhard.report.figures.ink import colour, panelled_sheet
from radhard.report.figures.legend import legend
from radhard.studies.codes.code_design import CodeDesign
from radhard.studies.codes.code_findings import CodeFindings
from radhard.studies.encodings import Encoding
from radhard.studies.standalone_svg import standalone

__all__ = ["trade_off_figure"]

_WIDTH, _PANEL = 760, 340
_ROW = 22
_COLUMNS = 4


def trade_off_figure(name: str, design: CodeDesign, findings: CodeFindings) -> str:
    """Tolerable rates over stored bits, and over decoding time if measured, as an SVG file.

    Colours are words, markers are codes. A filled marker is a code that no other code of the same
    words dominates, by the values; bars are intervals.
    """
    front = [name for name, found in findings.dominated().items() if not found.is_dominated]
    title = f"Codes of the weights of {findings.network}: costs and tolerable bit error rates"
    finding = "Not dominated by any: " + "; ".join(
        f"{each}: {findings.bits(each):.4g} bits per weight, {findings.rates.tolerable(each)}"
        for each in front
    )
    return standalone(svg(lambda: _figure(design, findings), name, title, finding))


def _figure(design: CodeDesign, findings: CodeFindings) -> Figure:
    handles = _handles(design)
    above = _ROW * -(-len(handles) // _COLUMNS) + 12
    height = _PANEL + above
    figure = panelled_sheet(
        _WIDTH, height, left=62, right=18, above=above + 8, below=48, between=(0.2, 0.22)
    )
    costs = {"stored bits per weight": {each: findings.bits(each) for each in findings.names}}
    times = {each: findings.time(each) for each in findings.names}
    known = {each: time.value for each, time in times.items() if time is not None}
    if known:
        costs["ns to decode a weight"] = known
    panels = figure.subplots(1, len(costs), squeeze=False).reshape(-1)
    for axes, (what, of) in zip(panels, costs.items(), strict=True):
        _panel(axes, design.rates.encodings, findings, of)
        axes.set_xlabel(what, color=colour("muted"), fontsize=12)
    panels[0].set_ylabel("tolerable rate per bit", color=colour("muted"), fontsize=12)
    legend(figure, handles, columns=_COLUMNS)
    return figure


def _handles(design: CodeDesign) -> Sequence[Line2D]:
    """What colours and markers mean: words first, then codes."""
    words = [
        Line2D([], [], marker="o", linestyle="", color=colour(family[0].paint), label=name)
        for name, family in design.families.items()
    ]
    codes: dict[str, str] = {}
    for name, family in design.families.items():
        for each in family:
            if each.name != name:
                codes.setdefault(each.name.removeprefix(name).lstrip(", "), each.mark)
    return [
        *words,
        *(
            Line2D([], [], marker=mark, linestyle="", color=colour("muted"), label=code)
            for code, mark in codes.items()
        ),
    ]


def _panel(
    axes: Axes, encodings: Sequence[Encoding], findings: CodeFindings, costs: dict[str, float]
) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colour("line"))
    axes.patch.set_alpha(0.0)
    axes.tick_params(length=0, pad=6, colors=colour("muted"), labelsize=12)
    axes.set_axisbelow(True)
    axes.grid(True, color=colour("line"), linewidth=0.8)
    rates = findings.rates.tolerable(encodings[0].name)
    # Rates outside those tried are drawn at the edge.
    least, most = rates.least / 2, rates.most * 2
    for each in encodings:
        found = findings.rates.tolerable(each.name)
        low, value, high = (
            min(max(rate, least), most) for rate in (found.low, found.value, found.high)
        )
        family = findings.families[findings.plain(each.name)]
        paint = colour(each.paint)
        fill = "none" if findings.dominated(*family)[each.name].is_dominated else paint
        axes.vlines(costs[each.name], low, high, color=paint, linewidth=1.2, alpha=0.6)
        axes.plot(
            costs[each.name],
            value,
            each.mark,
            color=paint,
            markerfacecolor=fill,
            markersize=7,
            clip_on=False,
            linestyle="",
        )
    axes.set_yscale("log")
    axes.set_ylim(least / 1.5, most * 1.5)
    decades = range(math.ceil(math.log10(rates.least)), math.floor(math.log10(rates.most)) + 1)
    axes.set_yticks([10.0**n for n in decades])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda rate, _: f"{rate:.0e}"))
    axes.minorticks_off()
