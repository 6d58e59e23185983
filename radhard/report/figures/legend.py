"""What do the colours and markers of a figure mean?"""

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from radhard.report.figures.ink import colour

__all__ = ["legend", "patches"]

_MANY = 5
"""Number of names in a row from which on they are spaced more closely."""


def legend(
    figure: Figure,
    handles: Sequence[Artist],
    *,
    columns: int,
    left: float = 2.0,
) -> None:
    """A legend above a figure, starting at ``left`` pixels."""
    flat = all(isinstance(handle, Patch) for handle in handles)
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(left / (72 * figure.get_figwidth()), 1.0),
        ncol=columns,
        frameon=False,
        labelcolor=colour("ink"),
        handlelength=0.9 if flat else None,
        handleheight=0.9 if flat else None,
        handletextpad=0.4 if flat else 0.6,
        columnspacing=1.2 if columns >= _MANY else 1.7,
        borderpad=0,
        borderaxespad=0.2,
        fontsize=12,
    )


def patches(paints: Sequence[tuple[str, str]]) -> list[Patch]:
    """A legend handle for each name and its colour."""
    return [Patch(facecolor=colour(paint), label=name) for name, paint in paints]
