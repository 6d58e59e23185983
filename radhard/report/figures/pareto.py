"""Which hardenings are Pareto-optimal in rate and cost?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from radhard.report.figures.ink import colour, label, panelled_sheet, root_axis
from radhard.report.figures.legend import legend
from radhard.stats import Estimate

__all__ = ["ParetoPoint", "pareto"]

_TICKS = (0.0, 0.0001, 0.001, 0.01, 0.03, 0.1, 0.2, 0.4, 0.7, 1.0)
_MARKS = "osD^vP*X"

_BETTER = "← better: less "


@dataclass(frozen=True)
class ParetoPoint:
    """A model with its costs, relative to the unprotected one, and its rate of harm."""

    name: str
    costs: tuple[float, ...]
    rate: Estimate
    spans: tuple[tuple[float, float] | None, ...] = ()
    """The smallest and the largest of each cost; None of one that was counted."""

    def at(self, costs: Iterable[int]) -> "ParetoPoint":
        """The model with these of its costs only."""
        numbers = list(costs)
        spans = self.spans or (None,) * len(self.costs)
        return ParetoPoint(
            self.name,
            tuple(self.costs[number] for number in numbers),
            self.rate,
            tuple(spans[number] for number in numbers),
        )


def pareto(
    models: Sequence[ParetoPoint], axes_of: Sequence[str], what: str, narrow: bool
) -> Figure:
    """A panel for each kind of cost: cost on the x axis, rate with interval on the y axis.

    A line joins the Pareto-optimal models; low cost and a low rate are at the bottom left.
    """
    n = len(axes_of)
    width = 342 if narrow else 760
    above = 22 * (len(models) if narrow else -(-len(models) // 2)) + 10
    height = (250 * n if narrow else 320) + above
    figure = panelled_sheet(
        width, height, left=62, right=18, above=above + 8, below=48, between=(0.42, 0.28)
    )
    panels = figure.subplots(*((n, 1) if narrow else (1, n)), squeeze=False).reshape(-1)
    # All panels have one axis of rates, so that they can be compared by eye.
    top = max([model.rate.high for model in models] + [1e-6])
    for at, axes in enumerate(panels):
        _panel(axes, models, at, top)
        # In the names of the axes, as in the panel a bar may pass anywhere.
        axes.set_xlabel(f"{_BETTER}{axes_of[at]}", color=colour("muted"), fontsize=12)
    panels[0].set_ylabel(f"{_BETTER}{what}", color=colour("muted"), fontsize=12)
    handles, _ = panels[0].get_legend_handles_labels()
    legend(figure, handles, columns=1 if narrow else 2)
    return figure


def _panel(axes: Axes, models: Sequence[ParetoPoint], at: int, top: float) -> None:
    axes.patch.set_alpha(0.0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(colour("line"))
    axes.tick_params(length=0, pad=6, colors=colour("muted"), labelsize=12)
    axes.set_axisbelow(True)
    root_axis(axes, top, vertical=True)
    axes.xaxis.grid(True, color=colour("line"), linewidth=0.8)
    # Of values alone: whether intervals overlap is for the reader to see.
    front = sorted((m for m in models if not _beaten(m, models, at)), key=lambda m: m.costs[at])
    axes.plot(
        [m.costs[at] for m in front], [m.rate.value for m in front],
        color=colour("accent"), linewidth=1.2, linestyle=(0, (4, 3)), zorder=2,
    )  # fmt: skip
    for number, model in enumerate(models):
        paint = colour("muted" if number == 0 else f"field{(number - 1) % 4 + 1}")
        axes.vlines(model.costs[at], model.rate.low, model.rate.high, color=paint, linewidth=2.2)
        if model.spans and (ends := model.spans[at]) is not None:
            axes.hlines(model.rate.value, *ends, color=paint, linewidth=2.2, clip_on=False)
        axes.plot(
            model.costs[at], model.rate.value, _MARKS[number % len(_MARKS)], color=paint,
            markersize=8, label=label(model.name, 40), clip_on=False, zorder=4, linestyle="",
        )  # fmt: skip
    costs = [model.costs[at] for model in models]
    costs += [end for m in models if m.spans for end in m.spans[at] or ()]
    # Costs that differ by less are equal to the eye, and an axis needs an extent.
    span = max(max(costs) - min(costs), 0.02)
    axes.set_xlim(min(costs) - 0.08 * span, max(costs) + 0.08 * span)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{round(x, 9):g}x"))


def _beaten(model: ParetoPoint, models: Sequence[ParetoPoint], at: int) -> bool:
    point = (model.costs[at], model.rate.value)
    return any(
        other.costs[at] <= point[0]
        and other.rate.value <= point[1]
        and (other.costs[at], other.rate.value) != point
        for other in models
    )
