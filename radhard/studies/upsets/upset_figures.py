"""How are errors of activations and the accuracy under accumulating errors drawn?"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radhard.report.figures import Curve, curves, svg
from radhard.report.figures.ink import colour, panelled_sheet, share_axis, sheet
from radhard.report.figures.legend import legend
from radhard.studies.standalone_svg import standalone
from radhard.studies.upsets.upset_findings import UpsetFindings

__all__ = ["LEAST", "accumulation_figure", "error_figure", "transient_figure"]

_WIDTH = 760
_LOOKS = (("mixed", "o"), ("field1", "s"), ("field3", "D"), ("field4", "v"))
LEAST, MOST = -12, 40
"""Powers of ten on the axis of errors."""


def error_figure(study: str, findings: UpsetFindings) -> str:
    """Histograms of the absolute error of an activation, both axes logarithmic, as an SVG file."""
    name = f"{study}-{findings.network}-errors"
    finding = "; ".join(
        f"{each.flips} flips in a {each.reading}: median {each.quantile(0.5).value:.3g}, 99 % of "
        f"the errors up to {each.quantile(0.99).value:.3g}"
        for each in findings.errors
    )
    title = "Errors of activations with bit flips"
    return standalone(svg(lambda: _histograms(findings), name, title, finding))


def _histograms(findings: UpsetFindings) -> Figure:
    height, above = 320, 58
    figure, axes = sheet(_WIDTH, height)
    figure.subplots_adjust(
        left=62 / _WIDTH, right=1 - 16 / _WIDTH, top=1 - above / height, bottom=48 / height
    )
    # Two bins a decade. Errors outside are counted in the first and last one: denormal numbers, and
    # infinite ones. The page says so.
    edges = np.linspace(LEAST, MOST, 2 * (MOST - LEAST) + 1)
    for each in findings.errors:
        sizes = each.sizes[each.sizes > 0]
        logs = np.clip(np.log10(sizes), LEAST, MOST - 1e-9)
        counts, _ = np.histogram(logs, edges)
        paint = colour(_LOOKS[each.flips % len(_LOOKS)][0])
        axes.stairs(
            counts / len(each.errors),
            10.0**edges,
            color=paint,
            linewidth=1.8,
            linestyle="-" if each.reading == "value" else ":",
            label=f"{each.flips} in a {each.reading}" if each.flips > 1 else "1 flip",
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    ticks = [10.0**power for power in range(LEAST, MOST + 1, 8)]
    axes.set_xticks(ticks, [f"{tick:.0e}" for tick in ticks])
    axes.grid(True, color=colour("line"), linewidth=0.8)
    axes.set_xlabel("absolute error of an activation", color=colour("muted"), fontsize=12)
    axes.set_ylabel("share of activations", color=colour("muted"), fontsize=12)
    legend(figure, axes.get_legend_handles_labels()[0], columns=len(findings.errors))
    return figure


def transient_figure(study: str, findings: UpsetFindings) -> str:
    """Accuracy over the probability of an upset, with intervals, as an SVG file."""
    free = float(findings.right.mean())
    lines = [
        Curve(
            f"{flips} flip" + "s" * (flips > 1),
            *_LOOKS[flips % len(_LOOKS)],
            [
                (
                    rate,
                    findings.loss(flips, rate).map(
                        lambda points: min(1.0, max(0.0, free - points / 100)), "share"
                    ),
                )
                for rate in findings.rates
            ],
        )
        for flips in findings.transients
    ]
    most = findings.rates[-1]
    finding = "; ".join(f"{line.name} at {most:g}: {line.points[-1][1]}" for line in lines)
    return standalone(
        svg(
            lambda: curves(
                lines, "layer and inference", narrow=False, quantity="upset probability"
            ),
            f"{study}-{findings.network}-transients",
            f"Accuracy of {findings.network} under transients in its activations",
            finding,
        )
    )


def accumulation_figure(study: str, findings: UpsetFindings) -> str:
    """Mean, deviation, best and worst accuracy over the number of errors, as an SVG file."""
    name = f"{study}-{findings.network}-memory"
    finding = "; ".join(
        f"{layer or 'all weights'}: mean accuracy {findings.accuracy(errors, layer)} after "
        f"{errors} errors"
        for layer in (None, *findings.layer_memory)
        for errors in [findings.course(layer).shape[1] - 1]
    )
    title = f"Accuracy of {findings.network} while errors accumulate in its weights"
    return standalone(svg(lambda: _panels(findings), name, title, finding))


def _panels(findings: UpsetFindings) -> Figure:
    places = (None, *findings.layer_memory)
    rows = -(-len(places) // 3)
    height, above = 40 + 210 * rows, 34
    figure = panelled_sheet(
        _WIDTH, height, left=50, right=16, above=above + 20, below=48, between=(0.45, 0.28)
    )
    for number, layer in enumerate(places, start=1):
        axes = figure.add_subplot(rows, 3, number)
        _panel(axes, findings.course(layer))
        axes.set_title(layer or "all weights", color=colour("ink"), fontsize=12, loc="left")
        if number > len(places) - 3:
            axes.set_xlabel("errors", color=colour("muted"), fontsize=12)
    legend(figure, figure.axes[0].get_legend_handles_labels()[0], columns=3)
    return figure


def _panel(axes: Axes, course: np.ndarray) -> None:
    errors = np.arange(course.shape[1])
    mean, std = course.mean(axis=0), course.std(axis=0, ddof=1)
    axes.fill_between(
        errors,
        course.min(axis=0),
        course.max(axis=0),
        color=colour("muted"),
        alpha=0.16,
        linewidth=0,
        label="best to worst",
    )
    axes.fill_between(
        errors,
        np.clip(mean - std, 0, 1),
        np.clip(mean + std, 0, 1),
        color=colour("critical"),
        alpha=0.25,
        linewidth=0,
        label="standard deviation",
    )
    axes.plot(errors, mean, color=colour("ink"), linewidth=2, label="mean")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colour("line"))
    axes.patch.set_alpha(0.0)
    axes.tick_params(length=0, pad=6, colors=colour("muted"), labelsize=12)
    axes.set_axisbelow(True)
    axes.set_xlim(0, errors[-1])
    share_axis(axes, 1.0, vertical=True)
