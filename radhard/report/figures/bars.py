"""Which share of the trials is in each class?"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radhard.report.figures.ink import colour, label, sheet
from radhard.report.figures.legend import legend, patches
from radhard.stats import percent

__all__ = ["bars"]


def bars(
    rows: Sequence[tuple[str, Sequence[float]]],
    classes: Sequence[tuple[str, str]],
    narrow: bool,
) -> Figure:
    """Stacked bars, one per row: its label and its share of each class (name and colour)."""
    width = 342 if narrow else 760
    legend_rows = -(-len(classes) // (2 if narrow else len(classes)))
    above, each = 8 + 22 * legend_rows, (46 if len(rows) == 1 else 30)
    height = above + each * len(rows) + 26
    figure, axes = sheet(width, height)
    named = any(name for name, _ in rows)
    left = (70 if narrow else 110) if named else 14
    figure.subplots_adjust(
        left=left / width, right=1 - 20 / width, top=1 - above / height, bottom=26 / height
    )
    colours = [paint for _, paint in classes]
    for at, (_, shares) in enumerate(rows):
        _draw_bar(axes, at, shares, colours, narrow)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [label(name, 12) for name, _ in rows])
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 %", "25 %", "50 %", "75 %", "100 %"])
    axes.spines["bottom"].set_visible(False)
    columns = 2 if narrow else len(classes)
    legend(
        figure,
        patches(list(classes)),
        columns=columns,
        left=left - 2,
    )
    return figure


def _draw_bar(
    axes: Axes, at: int, shares: Sequence[float], colours: Sequence[str], narrow: bool
) -> None:
    """Draw the bar of row ``at``; a part that is wide enough is labelled with its share."""
    start = 0.0
    for paint, share in zip(colours, shares, strict=True):
        axes.barh(
            at,
            share,
            left=start,
            height=0.78,
            color=colour(paint),
            edgecolor=colour("card"),
            # A border would cover a part that is only a few pixels wide.
            linewidth=1.2 if share > 0.004 else 0,
        )
        if share > (0.16 if narrow else 0.075):
            dark = paint in ("due", "critical", "step3", "step4")
            axes.text(
                start + share / 2,
                at,
                percent(float(f"{share:.2g}")),
                ha="center",
                va="center",
                color=colour("on-dark" if dark else "ink"),
                fontsize=12,
            )
        start += share
