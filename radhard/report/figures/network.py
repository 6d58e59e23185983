"""What is the score of each layer of the network?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from radhard.report.figures.ink import colour, sheet
from radhard.report.figures.shades import Shades, shaded

__all__ = ["LayerBlock", "network"]


@dataclass(frozen=True)
class LayerBlock:
    """A layer of the map: its name, number of channels, score, and score as text."""

    name: str
    channels: int
    value: float
    said: str


def network(blocks: Sequence[LayerBlock], shades: Shades, narrow: bool) -> Figure:
    """Layers in the order of the model, in rows, shaded by score; higher with more channels."""
    width, across = (342, 4) if narrow else (760, 8)
    across = max(1, min(across, len(blocks)))
    rows = -(-len(blocks) // across)
    above, each = (54 if narrow else 30), 106
    height = above + each * rows
    figure, axes = sheet(width, height)
    figure.subplots_adjust(left=0, right=1, top=1 - above / height, bottom=0)
    axes.set_xlim(0, width)
    axes.set_ylim(each * rows, 0)
    axes.axis("off")
    step = min(width / across, 140)
    most = max(block.channels for block in blocks)
    names = figure.names([block.name for block in blocks], 12)
    for at, block in enumerate(blocks):
        row, column = divmod(at, across)
        middle, line = (column + 0.5) * step, each * row + 34
        tall = 22 + 38 * math.log1p(block.channels) / math.log1p(most)
        wide = min(step - 22, 78)
        if at + 1 < len(blocks) and column + 1 < across:
            axes.annotate(
                "",
                (middle + step - wide / 2 - 1, line),
                (middle + wide / 2 + 1, line),
                arrowprops={"arrowstyle": "-|>", "color": colour("muted"), "linewidth": 1},
            )
        axes.add_patch(
            FancyBboxPatch(
                (middle - wide / 2, line - tall / 2),
                wide,
                tall,
                boxstyle="round,pad=0,rounding_size=5",
                facecolor=colour(shades.paint(block.value)),
                edgecolor=colour("line"),
                linewidth=0.8,
            )
        )
        axes.text(
            middle, line, block.said, ha="center", va="center", fontsize=11,
            color=colour("on-dark" if shades.dark(block.value) else "ink"),
        )  # fmt: skip
        axes.text(
            middle, each * row + 80, names[at], ha="center", fontsize=11,
            color=colour("muted"),
        )  # fmt: skip
    shaded(figure, shades, 3 if narrow else len(shades.names))
    return figure
