"""How is the accuracy over the share of pruned channels drawn?"""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radhard.report.figures import svg
from radhard.report.figures.ink import colour, panelled_sheet, share_axis
from radhard.report.figures.legend import legend
from radhard.stats import Estimate, mean_share
from radhard.studies.error_rates.error_rate_findings import short
from radhard.studies.pruning.pruning_design import PruningDesign, Ranking
from radhard.studies.pruning.pruning_findings import Place, PruningFindings, pair_of
from radhard.studies.standalone_svg import standalone

__all__ = ["pruning_figure"]

_WIDTH, _PANEL, _ABOVE = 760, 210, 34
_TITLES = {False: "not fine-tuned", True: "fine-tuned"}


def pruning_figure(name: str, design: PruningDesign, findings: PruningFindings) -> str:
    """Accuracy over the share of channels, with intervals, as an SVG file.

    A panel for each kind of layer, without and with fine-tuning; a curve for each ranking.
    """
    title = f"Accuracy of {findings.network} over the share of channels taken away"
    at = f"{100 * max(findings.ratios):g} % of the channels"
    finding = "; ".join(
        f"{place}, {_TITLES[tuned]}, {at}: "
        + ", ".join(
            f"{name} {short(findings.accuracy(name, findings.pairs(place)[-1], tuned=tuned))}"
            for name in findings.rankings
        )
        for tuned in _TITLES
        for place in findings.places
    )
    return standalone(svg(lambda: _figure(design, findings), name, title, finding))


def _figure(design: PruningDesign, findings: PruningFindings) -> Figure:
    height = _ABOVE + 2 * _PANEL
    figure = panelled_sheet(
        _WIDTH, height, left=50, right=16, above=_ABOVE + 22, below=48, between=(0.42, 0.3)
    )
    columns = len(findings.places)
    looks = [ranking for ranking in design.rankings if ranking.name in findings.rankings]
    for row, tuned in enumerate(_TITLES):
        for column, place in enumerate(findings.places):
            axes = figure.add_subplot(2, columns, 1 + row * columns + column)
            _panel(axes, looks, findings, place, tuned)
            if row:
                axes.set_xlabel("channels taken away", color=colour("muted"), fontsize=12)
    handles, _ = figure.axes[0].get_legend_handles_labels()
    legend(figure, handles, columns=len(handles))
    return figure


def _panel(
    axes: Axes, looks: list[Ranking], findings: PruningFindings, place: Place, tuned: bool
) -> None:
    ratios = sorted(findings.ratios)
    shares = [0.0, *ratios]
    for ranking in looks:
        points: list[Estimate] = [mean_share(findings.right, confidence=findings.confidence)]
        for ratio in ratios:
            points.append(findings.accuracy(ranking.name, pair_of(place, ratio), tuned=tuned))
        paint = colour(ranking.paint)
        low, high = [e.low for e in points], [e.high for e in points]
        axes.fill_between(shares, low, high, color=paint, alpha=0.16, linewidth=0)
        axes.plot(
            shares,
            [e.value for e in points],
            color=paint,
            linewidth=2,
            marker=ranking.mark,
            markersize=5,
            label=ranking.name,
            clip_on=False,
        )
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colour("line"))
    axes.patch.set_alpha(0.0)
    axes.tick_params(length=0, pad=6, colors=colour("muted"), labelsize=12)
    axes.set_axisbelow(True)
    share_axis(axes, ratios[-1], vertical=False)
    share_axis(axes, 1.0, vertical=True)
    axes.set_title(f"{place}, {_TITLES[tuned]}", color=colour("ink"), fontsize=12, loc="left")
